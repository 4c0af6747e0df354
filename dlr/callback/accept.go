package callback

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// deadKind is the kind of this package's dead letters: DLQ subject dlq.callback.
const deadKind = "callback"

// earlyPause is how long an item waits for an earlier one of its OTP that another daemon is about to store as
// a batch.
const earlyPause = 20 * time.Millisecond

// accept takes one message of EVENTS to its lane, and keeps it in hand there.
func (d *Dispatcher) accept(ctx context.Context, m *queue.Delivery) {
	switch {
	case ctx.Err() != nil:
		d.nak(m, 0)
	case isBatch(m.Subject), isJoint(m.Subject):
		list, err := d.read(m)
		if err != nil {
			d.unreadable(m)
			return
		}
		d.lanes.addStored(d.placeAll(m, list))
	default:
		j, ok := job{d: m}, false
		if j.event, ok = d.event(m); !ok {
			d.unreadable(m)
			return
		}
		m.Data = nil // the event has it
		if !d.lanes.wait(ctx) {
			d.nak(m, 0)
			return
		}
		if !d.lanes.addItem(j, d.holds.early(&j.event)) {
			d.nak(m, earlyPause)
		}
	}
}

// event decodes an item, unless it is one that was stored here a moment ago.
func (d *Dispatcher) event(m *queue.Delivery) (e otp.Event, ok bool) {
	if e, ok = d.announced.take(m.Key, m.Data); ok {
		return e, true
	}
	err := json.Unmarshal(m.Data, &e)
	return e, err == nil && e.OtpID != "" && e.URL != "" && len(e.Item) > 0
}

// read decodes a stored message, unless it is one that was made here a moment ago.
func (d *Dispatcher) read(m *queue.Delivery) ([]*batch, error) {
	if b := d.lanes.madeHere(m.Key, m.Data); b != nil {
		return []*batch{b}, nil
	}
	return decodeStored(m)
}

// placeAll is place for what is in a stored message.
func (d *Dispatcher) placeAll(m *queue.Delivery, list []*batch) *stored {
	in := &stored{d: m, joint: isJoint(m.Subject)}
	for _, b := range list {
		s := d.place(b, b.storedAt(m))
		s.in = in
		in.batches = append(in.batches, s)
	}
	m.Data = nil
	if !in.joint && len(list) == 1 {
		in.read.Store(list[0])
	}
	return in
}

// place says how often a batch was tried that was stored some time ago, by the schedule and the store's
// clock: nothing is stored at a try that failed, so what is known of the tries of another daemon, or of this
// one before it was started anew, is its age. It is tried at once, before its time: the URL may have come
// back meanwhile.
func (d *Dispatcher) place(b *batch, since time.Time) *sealed {
	s := &sealed{id: b.ID, target: b.target(), kind: b.Kind, after: b.After, items: b.items(), octets: len(b.body), since: since, due: time.Now()}
	age := d.o.Queue.Now().Sub(since)
	passed, offset := 1, time.Duration(0)
	for ; passed < len(d.o.Schedule) && age >= offset+d.o.Schedule[passed]; passed++ {
		offset += d.o.Schedule[passed]
	}
	if passed > 1 { // else its first try, or that again
		s.tries, s.early, s.woken = min(passed, len(d.o.Schedule)-1), true, true
		if s.then = s.due; passed < len(d.o.Schedule) {
			s.then = s.due.Add(offset + d.o.Schedule[passed] - age)
		}
	}
	return s
}

// unreadable dead-letters what cannot be read, for it never will be.
func (d *Dispatcher) unreadable(m *queue.Delivery) {
	ctx, cancel := step()
	defer cancel()
	d.o.Log.Error().Str("subject", m.Subject).Msg("callback: stored message is unreadable, dead-lettered")
	letter := queue.DeadLetter{Kind: deadKind, Reason: "unreadable", Subject: m.Subject, Key: m.Key, Group: m.Group, Data: m.Data}
	if err := errors.Join(d.o.Queue.DeadLetter(ctx, letter), m.Ack(ctx)); err != nil {
		d.nak(m, pullPause)
	}
}
