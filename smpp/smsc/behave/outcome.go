package behave

import (
	"slices"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Outcome says what becomes of a submit_sm or data_sm. The zero value is a good day: ESME_ROK at once, the
// message kept and, when registered_delivery asks for it, one DELIVRD receipt Config.ReceiptDelay later.
type Outcome struct {
	// Status is the command_status of the answer. With any but ESME_ROK the message is not kept, and has no
	// receipt but those in Receipts.
	Status wire.Status
	// MessageID replaces the message id we would give, in the answer and in the receipts: hexadecimal ones,
	// say, or the same one twice. At most 64 characters (SMPP 3.4, 5.2.23).
	MessageID string
	// Delay is how long the answer waits. Later answers of the bind do not wait for it.
	Delay time.Duration
	// NoAnswer takes the message as Status says, but never answers.
	NoAnswer bool
	// Drop takes the message as Status says, but closes the connection instead of answering.
	Drop bool
	// CloseAfter closes the connection behind the answer.
	CloseAfter bool
	// Nack answers by generic_nack, with ESME_RSYSERR when Status is ESME_ROK; the message is not taken.
	Nack bool
	// Malformed makes the answer wrong as a PDU.
	Malformed Malformed
	// Fault is how the answer goes over the connection, and FaultFor how long a stall lasts or a partial PDU
	// pauses; zero is the fault's own time.
	Fault    Fault
	FaultFor time.Duration
	// IDFormat is how our message id is written, when MessageID is empty; empty: Config.IDFormat.
	IDFormat IDFormat

	// NoReceipt sends none although asked for one.
	NoReceipt bool
	// Receipts replaces the one receipt: other states, several, duplicates, early ones. They are sent even
	// when the message did not ask for one.
	Receipts []Receipt
}

// Receipt is a receipt to be sent. The zero value is DELIVRD after Config.ReceiptDelay.
type Receipt struct {
	State State
	Err   string        // the err field, three digits by custom; empty: 000 for DELIVRD, ENROUTE and ACCEPTD, else 001
	Delay time.Duration // after the answer; zero: Config.ReceiptDelay; negative: none
	// Early sends it before the answer, which waits until the receipt was answered: at most a second, and not
	// at all when no bind of the account can receive. Delay has no effect then.
	Early bool

	Format    ReceiptFormat // its layout; empty: Config.ReceiptFormat
	MessageID string        // the message id in it; empty: the answer's, or what IDFormat makes of it
	IDFormat  IDFormat      // empty: Config.ReceiptIDFormat
	DataSM    bool          // in a data_sm
	// Intermediate makes it an intermediate notification (SMPP 3.4, 5.2.12: esm_class 0x20) instead of a
	// receipt.
	Intermediate bool
}

// State is the stat field of a receipt (SMPP 3.4, 5.2.28 and appendix B). Any other text goes out as it is,
// but a Rule wants one of these: another is its StateText.
type State string

// The states of the specification.
const (
	Enroute       State = "ENROUTE"
	Delivered     State = "DELIVRD"
	Expired       State = "EXPIRED"
	Deleted       State = "DELETED"
	Undeliverable State = "UNDELIV"
	Accepted      State = "ACCEPTD"
	Unknown       State = "UNKNOWN"
	Rejected      State = "REJECTD"
)

var states = []State{Enroute, Delivered, Expired, Deleted, Undeliverable, Accepted, Unknown, Rejected}

// States lists the states of the specification.
func States() []State { return slices.Clone(states) }

// Code is the message_state that the word is of, not ok for a word of none.
func (s State) Code() (wire.MessageState, bool) {
	for code := wire.Enroute; code <= wire.Rejected; code++ {
		if string(s) == code.String() {
			return code, true
		}
	}
	return 0, false
}

func (r Receipt) withDefaults(delay time.Duration) Receipt {
	if r.State == "" {
		r.State = Delivered
	}
	if r.Err == "" {
		r.Err = "000"
		if r.State.Failed() {
			r.Err = "001"
		}
	}
	if r.Delay == 0 {
		r.Delay = delay
	}
	r.Delay = max(r.Delay, 0)
	return r
}

// ReceiptsFor is what to send after a message with that registered_delivery (SMPP 3.4, 5.2.17).
func (o Outcome) ReceiptsFor(registered byte, delay time.Duration) []Receipt {
	if o.NoReceipt {
		return nil
	}
	if len(o.Receipts) > 0 {
		rs := make([]Receipt, len(o.Receipts))
		for i, r := range o.Receipts {
			rs[i] = r.withDefaults(delay)
		}
		return rs
	}
	if o.Status != wire.StatusOK || o.Nack {
		return nil
	}
	rs := notifications(registered, delay)
	if asked(registered, Delivered) {
		rs = append(rs, Receipt{}.withDefaults(delay))
	}
	return rs
}

// notifyBit of registered_delivery asks for intermediate notifications.
const notifyBit = 0x10

// notifications are those that registered_delivery asks for: ENROUTE at once, of a message that is not
// delivered at once.
func notifications(registered byte, delay time.Duration) []Receipt {
	if registered&notifyBit == 0 || delay <= 0 {
		return nil
	}
	return []Receipt{Receipt{State: Enroute, Delay: -1, Intermediate: true}.withDefaults(0)}
}

// asked reports whether registered_delivery asks for a receipt of that state: 1 asks for success and failure,
// 2 for failure only, 3 (SMPP 5.0) for success only.
func asked(registered byte, s State) bool {
	switch registered & 0x03 {
	case 1:
		return true
	case 2:
		return s.Failed()
	case 3:
		return !s.Failed()
	}
	return false
}

func (s State) Failed() bool {
	switch s {
	case Delivered, Enroute, Accepted, "":
		return false
	}
	return true
}

// Plain reports whether an outcome says nothing of the answer but its status.
func (o *Outcome) Plain() bool {
	return o.Delay <= 0 && !o.NoAnswer && !o.Drop && !o.CloseAfter && !o.Nack && o.Malformed == "" && o.Fault == ""
}
