package server

import (
	"encoding/binary"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/smsc/conform"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// times are when a message is delivered, and until when it may be (SMPP 3.4, 5.2.15 and 5.2.16).
type times struct {
	wait  time.Duration // until its delivery is scheduled; zero: at once
	valid time.Duration // from its coming; zero: for ever
}

// tagQoSTimeToLive is the validity of a data_sm, in seconds (SMPP 3.4, 5.3.2.9).
const tagQoSTimeToLive = 0x0017

// timesOf reads the times of a message. What is no time, or is past, a strict server has refused before.
func timesOf(m *wire.Message, at time.Time) (t times) {
	if due, err := conform.ParseTime(m.ScheduleDelivery, at); err == nil && due.After(at) {
		t.wait = due.Sub(at)
	}
	if until, err := conform.ParseTime(m.Validity, at); err == nil && until.After(at) {
		t.valid = until.Sub(at)
	}
	if v, ok := m.TLVs.Get(tagQoSTimeToLive); ok && len(v) == 4 {
		t.valid = time.Duration(binary.BigEndian.Uint32(v)) * time.Second
	}
	return t
}

// end is the state that a message comes to by itself, and when.
func (t times) end(at time.Time, delay time.Duration) (wire.MessageState, time.Time) {
	if after := t.wait + delay; t.valid == 0 || after <= t.valid {
		return wire.Delivered, at.Add(after)
	}
	return wire.Expired, at.Add(t.valid)
}

// receipts are those of an outcome, from the time that the delivery is scheduled for. A message that nobody
// decided anything about expires when it would be delivered too late.
func (t times) receipts(o behave.Outcome, registered byte, delay time.Duration) []behave.Receipt {
	plain := len(o.Receipts) == 0
	if plain {
		delay += t.wait
	}
	rs := o.ReceiptsFor(registered, delay)
	for i := range rs {
		r := &rs[i]
		if !plain && !r.Intermediate {
			r.Delay += t.wait
		}
		if plain && t.valid > 0 && r.Delay > t.valid && r.State == wire.Delivered {
			r.State, r.Err, r.Delay = wire.Expired, "001", t.valid
		}
	}
	return rs
}

// arrival is a message, or a part of one, whose delivery is scheduled. Until then nobody sees it.
type arrival struct {
	srv    *Server
	record *record // guarded by sub.mu while it waits: replace_sm changes it
	part   text.Part
	sub    *submission
	epoch  uint64
}

// keepLater keeps a message when its time has come.
func (s *Server) keepLater(a *arrival, wait time.Duration) {
	if wait <= 0 {
		a.keep()
		return
	}
	a.epoch = s.epoch.Load()
	a.sub.mu.Lock()
	a.sub.arrival = a
	a.sub.mu.Unlock()
	s.schedule.add(time.Now().Add(wait), a)
}

func (a *arrival) keep() {
	if a.part.Total > 1 {
		a.srv.parts.add(a.record, a.part, a.sub)
		return
	}
	a.srv.keep(a.record)
}

// fire delivers the message, unless it was cancelled, forgotten, or scheduled for another time.
func (a *arrival) fire() {
	a.sub.mu.Lock()
	gone := a.sub.arrival != a || a.sub.cancelled || a.epoch != a.srv.epoch.Load()
	if a.sub.arrival == a {
		a.sub.arrival = nil
	}
	a.sub.mu.Unlock()
	if !gone {
		a.keep()
	}
}

// again schedules a message anew, as a replace_sm wants it: its receipts that have not gone out are made
// again.
func (b *bind) again(sub *submission, p wire.Replace) {
	now := time.Now()
	t := timesOf(&wire.Message{ScheduleDelivery: p.ScheduleDelivery, Validity: p.Validity}, now)
	if p.RegisteredDelivery == 0 { // it leaves the message's
		p.RegisteredDelivery = sub.registered
	}
	if t == (times{}) && p.RegisteredDelivery == sub.registered {
		return
	}
	sub.mu.Lock()
	sub.round++ // those on their way are dropped when their time comes
	kept := sub.receipts[:0]
	for _, r := range sub.receipts {
		if r.Status != ReceiptScheduled {
			kept = append(kept, r)
		}
	}
	sub.receipts = kept
	waiting := sub.arrival
	sub.mu.Unlock()
	if waiting != nil && t.wait > 0 {
		b.srv.keepLater(&arrival{srv: b.srv, record: waiting.record, part: waiting.part, sub: sub}, t.wait)
	}
	state, at := t.end(now, b.srv.cfg.ReceiptDelay)
	sub.settle(state, at)
	o := behave.Outcome{Receipts: sub.plan, NoReceipt: sub.silent}
	_, after := b.deliveries(sub, t.receipts(o, p.RegisteredDelivery, b.srv.cfg.ReceiptDelay))
	startAll(after)
}
