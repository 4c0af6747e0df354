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
	State wire.MessageState // SMPP 3.4, 5.2.28
	// StateText is the stat field instead of State's word, as it is. No message_state goes with it.
	StateText string

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

// states are those of SMPP 3.4, 5.2.28, which a rule may name.
var states = []wire.MessageState{
	wire.Enroute, wire.Delivered, wire.Expired, wire.Deleted, wire.Undeliverable, wire.Accepted, wire.Unknown, wire.Rejected,
}

// States lists the states of the specification.
func States() []wire.MessageState { return slices.Clone(states) }

// failed: a word of the carrier's own is no good news to anybody.
func (r Receipt) failed() bool { return r.StateText != "" || r.State.Failed() }

// Final is what becomes of a message that has this receipt.
func (r Receipt) Final() wire.MessageState {
	if r.StateText != "" {
		return wire.Unknown
	}
	return r.State
}

func (r Receipt) withDefaults(delay time.Duration) Receipt {
	if r.State == 0 && r.StateText == "" {
		r.State = wire.Delivered
	}
	if r.Err == "" {
		r.Err = "000"
		if r.failed() {
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
	if asked(registered, false) {
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
	return []Receipt{Receipt{State: wire.Enroute, Delay: -1, Intermediate: true}.withDefaults(0)}
}

// asked reports whether registered_delivery asks for the receipt of a message that failed, or did not: 1 asks
// for success and failure, 2 for failure only, 3 (SMPP 5.0) for success only.
func asked(registered byte, failed bool) bool {
	switch registered & 0x03 {
	case 1:
		return true
	case 2:
		return failed
	case 3:
		return !failed
	}
	return false
}

// Plain reports whether an outcome says nothing of the answer but its status.
func (o *Outcome) Plain() bool {
	return o.Delay <= 0 && !o.NoAnswer && !o.Drop && !o.CloseAfter && !o.Nack && o.Malformed == "" && o.Fault == ""
}
