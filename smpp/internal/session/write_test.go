package session_test

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// countingConn counts what it is asked to write.
type countingConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// TestBusySessionWritesTogether: requests that are made in the same moment do not take a write each.
func TestBusySessionWritesTogether(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // as where all CPUs are busy
	a, b := tcpPair(t)
	run(t, b, smsc(nil))
	conn := &countingConn{Conn: a}
	esme := run(t, conn, session.Options{Window: 50, EnquireLink: -1})
	const requests = 1000
	ctx := ctx10(t)
	var left atomic.Int64
	left.Store(requests)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := esme.Do(ctx, wire.SubmitSM, submit("Your code is 123456")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := conn.writes.Load(); n > requests/4 {
		t.Errorf("%d writes for %d requests", n, requests)
	}
}
