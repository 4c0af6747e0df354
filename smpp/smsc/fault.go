package smsc

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Malformed is a way in which an answer is wrong as a PDU.
type Malformed string

// The ways an answer may be wrong. Behind those with a wrong length the peer cannot know where the next PDU begins.
const (
	NoNUL        Malformed = "no-nul"         // message_id without its NUL
	NoBody       Malformed = "no-body"        // ESME_ROK with nothing behind the header
	EmptyID      Malformed = "empty-id"       // a message_id of no characters
	LongID       Malformed = "long-id"        // a message_id of 200 characters, where 64 may be
	StrayNUL     Malformed = "stray-nul"      // a NUL behind the message_id's own
	CutTLV       Malformed = "cut-tlv"        // a TLV that says it is longer than the PDU
	ErrorBody    Malformed = "error-body"     // ESME_RSYSERR, and a message_id all the same
	WrongNumber  Malformed = "wrong-sequence" // the sequence number of no request
	ZeroNumber   Malformed = "zero-sequence"  // the sequence number 0
	WrongCommand Malformed = "wrong-command"  // deliver_sm_resp
	UnknownPDU   Malformed = "unknown-pdu"    // a PDU of no known command in front of the answer
	Twice        Malformed = "twice"          // the answer twice
	LengthShort  Malformed = "length-short"   // command_length is 4 less than the PDU has
	LengthLong   Malformed = "length-long"    // command_length is 4 more than the PDU has
	LengthZero   Malformed = "length-zero"    // command_length is 0
	LengthHuge   Malformed = "length-huge"    // command_length is 2 GiB
)

var malformedKinds = []Malformed{
	NoNUL, NoBody, EmptyID, LongID, StrayNUL, CutTLV, ErrorBody, WrongNumber, ZeroNumber, WrongCommand, UnknownPDU, Twice,
	LengthShort, LengthLong, LengthZero, LengthHuge,
}

// MalformedKinds lists the ways an answer may be wrong.
func MalformedKinds() []Malformed { return slices.Clone(malformedKinds) }

func (m Malformed) known() bool { return slices.Contains(malformedKinds, m) }

// apply makes the octets of an answer wrong; h and id are what it would say.
func (m Malformed) apply(h wire.Header, id string) []byte {
	frame := func(h wire.Header, body string) []byte { return wire.Frame{Header: h, Body: []byte(body)}.Bytes() }
	body := id + "\x00"
	whole := frame(h, body)
	length := func(n int) []byte {
		binary.BigEndian.PutUint32(whole, uint32(n))
		return whole
	}
	switch m {
	case NoNUL:
		return frame(h, id)
	case NoBody:
		return frame(h, "")
	case EmptyID:
		return frame(h, "\x00")
	case LongID:
		long := make([]byte, 200)
		for i := range long {
			long[i] = '0' + byte(i%10)
		}
		return frame(h, string(long)+"\x00")
	case StrayNUL:
		return frame(h, body+"\x00")
	case CutTLV:
		return frame(h, body+"\x04\x24\x00\xFFabc")
	case ErrorBody:
		h.Status = wire.StatusSysErr
		return frame(h, body)
	case WrongNumber:
		h.Sequence ^= 0x40000000
		return frame(h, body)
	case ZeroNumber:
		h.Sequence = 0
		return frame(h, body)
	case WrongCommand:
		h.Command = wire.DeliverSMResp
		return frame(h, body)
	case UnknownPDU:
		return append(frame(wire.Header{Command: 0x00010203, Sequence: h.Sequence}, "?"), whole...)
	case Twice:
		return append(whole, whole...)
	case LengthShort:
		return length(len(whole) - 4)
	case LengthLong:
		return length(len(whole) + 4)
	case LengthZero:
		return length(0)
	case LengthHuge:
		return length(1 << 31)
	}
	return whole
}

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

func (f Fault) known() bool { return slices.Contains(faultKinds, f) }

const (
	stallTime    = 5 * time.Second       // of a stall that names no time
	partialPause = 50 * time.Millisecond // between the halves
	bytePause    = 100 * time.Microsecond
	faultWrite   = 10 * time.Second // for one write
	garbageLen   = 64
)

var errFault = errors.New("smsc: broken off as a rule says")

// write puts a PDU on the connection with the fault. It runs on the session's writer; an error ends the session.
func (f Fault) write(ctx context.Context, conn net.Conn, pdu []byte, pause time.Duration) error {
	_ = conn.SetWriteDeadline(time.Now().Add(faultWrite + pause))
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
		if !sleep(ctx, pause) {
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
		if !sleep(ctx, bytePause) {
			return ctx.Err()
		}
	}
	return nil
}

// sleep waits, and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
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
