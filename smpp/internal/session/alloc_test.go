package session_test

import (
	"context"
	"encoding/binary"
	"io"
	"testing"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestAllocations bounds what a request and its answer cost: the PDU that goes out and the body of the one
// that comes in.
func TestAllocations(t *testing.T) {
	a, b := tcpPair(t)
	e := run(t, a, session.Options{EnquireLink: -1})
	done := make(chan struct{})
	go func() { // answers each PDU with message id "1"
		defer close(done)
		buf, answer := make([]byte, 4096), make([]byte, 18)
		answer[3], answer[4], answer[7], answer[16] = 18, 0x80, 4, '1'
		for {
			if _, err := io.ReadFull(b, buf[:16]); err != nil {
				return
			}
			if _, err := io.ReadFull(b, buf[16:binary.BigEndian.Uint32(buf)]); err != nil {
				return
			}
			copy(answer[12:16], buf[12:16])
			if _, err := b.Write(answer); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { b.Close(); <-done })
	m, ctx := submit("Your code is 123456"), context.Background()
	got := testing.AllocsPerRun(500, func() {
		if f, err := e.Do(ctx, wire.SubmitSM, m); err != nil || len(f.Body) != 2 {
			t.Fatal(f, err)
		}
	})
	if got > 4 { // it is 2; under the race detector a sync.Pool forgets some of what it is given
		t.Errorf("%v allocations, at most 4", got)
	}
}
