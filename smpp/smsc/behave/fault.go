package behave

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// Fault is a way in which octets go over the connection.
type Fault string

// The faults of a connection.
const (
	FaultPartial  Fault = "partial"  // half a PDU, a pause, the other half
	FaultBytewise Fault = "bytewise" // each octet in a packet of its own
	FaultCut      Fault = "cut"      // half a PDU, then the connection is closed
	FaultGarbage  Fault = "garbage"  // octets that are no PDU, in place of one
	FaultReset    Fault = "reset"    // the connection is reset (TCP RST)
	FaultStall    Fault = "stall"    // the answer goes out, and nothing more is read for a while
)

var faultKinds = []Fault{FaultPartial, FaultBytewise, FaultCut, FaultGarbage, FaultReset, FaultStall}

// FaultKinds lists the faults of a connection.
func FaultKinds() []Fault { return slices.Clone(faultKinds) }

// Validate refuses a name that is none, as a *FieldError about that field; empty is none chosen.
func (f Fault) Validate(field string) error { return oneOf(field, f, faultKinds) }

// StallTime is how long a stall lasts that names no time.
const StallTime = 5 * time.Second

// WriteTimeout is for one write.
const WriteTimeout = 10 * time.Second

const (
	partialPause = 50 * time.Millisecond // between the halves
	bytePause    = 100 * time.Microsecond
	garbageLen   = 64
)

var errFault = errors.New("smsc: broken off as a rule says")

// Write puts a PDU on the connection with the fault. It runs on the session's writer; an error ends the
// session.
func (f Fault) Write(ctx context.Context, conn net.Conn, pdu []byte, pause time.Duration) error {
	_ = conn.SetWriteDeadline(time.Now().Add(WriteTimeout + pause))
	half := len(pdu) / 2
	switch f {
	case FaultBytewise:
		return bytewise(ctx, conn, pdu)
	case FaultPartial, FaultCut:
		if _, err := conn.Write(pdu[:half]); err != nil {
			return err
		}
		if f == FaultCut {
			conn.Close()
			return errFault
		}
		if pause <= 0 {
			pause = partialPause
		}
		if backoff.Sleep(ctx, pause) != nil {
			return ctx.Err()
		}
		_, err := conn.Write(pdu[half:])
		return err
	case FaultGarbage:
		b := make([]byte, garbageLen)
		for i := range b {
			b[i] = byte(rand.Uint32()) | 0x80 // no length that may be
		}
		_, err := conn.Write(b)
		return err
	case FaultReset:
		reset(conn)
		return errFault
	}
	_, err := conn.Write(pdu)
	return err
}

func bytewise(ctx context.Context, conn net.Conn, pdu []byte) error {
	for i := range pdu {
		if _, err := conn.Write(pdu[i : i+1]); err != nil {
			return err
		}
		if backoff.Sleep(ctx, bytePause) != nil {
			return ctx.Err()
		}
	}
	return nil
}

// reset closes a connection so that the peer sees a reset.
func reset(conn net.Conn) {
	for inner := conn; inner != nil; {
		switch c := inner.(type) {
		case *net.TCPConn:
			_ = c.SetLinger(0)
			c.Close()
			return
		case interface{ NetConn() net.Conn }: // ours, and a TLS connection
			inner = c.NetConn()
		default:
			inner = nil
		}
	}
	conn.Close()
}
