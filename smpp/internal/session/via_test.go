package session_test

import (
	"errors"
	"net"
	"testing"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestSendVia: what writes itself is behind what was queued before it and in front of what comes, whole; its
// error ends the session.
func TestSendVia(t *testing.T) {
	a, b := tcpPair(t)
	s := run(t, a, session.Options{EnquireLink: -1})
	pdu := func(seq uint32) []byte {
		return wire.Frame{Header: wire.Header{Command: wire.DeliverSM, Sequence: seq}, Body: []byte("0123456789")}.Bytes()
	}
	for seq := uint32(1); seq <= 30; seq++ {
		var err error
		if seq%3 == 0 {
			err = s.SendVia(ctx10(t), pdu(seq), func(conn net.Conn, p []byte) error {
				for i := range p {
					if _, err := conn.Write(p[i : i+1]); err != nil {
						return err
					}
				}
				return nil
			})
		} else {
			err = s.SendRaw(ctx10(t), pdu(seq))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for want := uint32(1); want <= 30; want++ {
		if f, err := wire.ReadFrame(b); err != nil || f.Sequence != want || string(f.Body) != "0123456789" {
			t.Fatalf("got %+v, %v, want %d", f, err, want)
		}
	}
	broken := errors.New("broken on purpose")
	if err := s.SendVia(ctx10(t), pdu(31), func(net.Conn, []byte) error { return broken }); err != nil {
		t.Fatal(err)
	}
	s.wantEnd(t, broken)
}
