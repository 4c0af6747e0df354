package behave

import (
	"math/rand/v2"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// stateGap is how far apart receipts out of order are, when the rule has no delay.
const stateGap = 20 * time.Millisecond

// Outcome is what the rule says of a message with that registered_delivery.
func (r *Rule) Outcome(registered byte, delay time.Duration, gen *rand.Rand) Outcome {
	s := &r.Submit
	o := Outcome{
		MessageID: s.MessageID, NoAnswer: s.NoAnswer, Drop: s.Close == CloseBefore, CloseAfter: s.Close == CloseAfter,
		Nack: s.GenericNack, Malformed: s.Malformed, Fault: s.Fault, IDFormat: s.IDFormat,
	}
	if s.Status != nil {
		o.Status = wire.Status(*s.Status)
	}
	if s.Delay != nil {
		o.Delay = s.Delay.Draw(gen)
	}
	if s.FaultFor != nil {
		o.FaultFor = s.FaultFor.Draw(gen)
	}
	if r.Receipt.Delay != nil {
		delay = r.Receipt.Delay.Draw(gen)
	}
	final := Receipt{State: r.Receipt.State, StateText: r.Receipt.StateText}.withDefaults(0)
	refused := o.Status != wire.StatusOK || o.Nack
	if r.Receipt.None {
		o.NoReceipt = true
		return o
	}
	if !refused {
		o.Receipts = notifications(registered, delay)
	}
	if r.Receipt.Always || !refused && asked(registered, final.failed()) {
		o.Receipts = append(o.Receipts, r.Receipt.receipts(final, delay)...)
	}
	o.NoReceipt = len(o.Receipts) == 0
	return o
}

// receipts are all receipts of a rule, in the order they go out; delay is that of the final state.
func (r *ReceiptRule) receipts(final Receipt, delay time.Duration) []Receipt {
	one := func(state wire.MessageState, code string, at time.Duration) Receipt {
		if at <= 0 {
			at = -1 // zero would be the server's delay
		}
		format := r.Format
		if r.TLVOnly {
			format = FormatTLVOnly
		}
		return Receipt{State: state, Err: code, Delay: at, Format: format, IDFormat: r.IDFormat, DataSM: r.DataSM}
	}
	states := r.Intermediate
	if r.OutOfOrder && len(states) == 0 {
		states = []wire.MessageState{wire.Enroute}
	}
	var before, behind []Receipt
	for i, s := range states {
		if r.OutOfOrder {
			behind = append(behind, one(s, "", delay+time.Duration(i+1)*stateGap))
		} else {
			before = append(before, one(s, "", delay*time.Duration(i+1)/time.Duration(len(states)+1)))
		}
	}
	out := before
	for range max(1, r.Copies) {
		last := one(final.State, r.Err, delay)
		last.StateText = final.StateText
		out = append(out, last)
	}
	out = append(out, behind...)
	if r.Early {
		out[0].Early = true
	}
	return out
}
