package behave

import (
	"encoding/binary"
	"slices"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Malformed is a way in which an answer is wrong as a PDU.
type Malformed string

// The ways an answer may be wrong. Behind those with a wrong length the peer cannot know where the next PDU
// begins.
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

// Validate refuses a name that is none, as a *FieldError about that field; empty is none chosen.
func (m Malformed) Validate(field string) error { return oneOf(field, m, malformedKinds) }

// Apply makes the octets of an answer wrong; h and id are what it would say.
func (m Malformed) Apply(h wire.Header, id string) []byte {
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
