package callback

import (
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// Announce adds a change's event to the transaction of the change: as a batch of its own where its URL takes
// requests and has few under way, for then it would be one anyway, and this spares the store a write and
// the receiver the time of it; else as an item, which gathers others. settled is told whether it may be
// stored.
func (d *Dispatcher) Announce(tx *queue.Tx, e *otp.Event) (settled func(stored bool), err error) {
	to := target{e.App, e.URL}
	if d.holds.waits(e) {
		return func(bool) {}, d.announceItem(tx, e)
	}
	id, ok := d.lanes.expectDirect(to)
	if !ok {
		return func(bool) {}, d.announceItem(tx, e)
	}
	b := newBatch(id, e, d.o.Queue.Now())
	b.add([]job{{event: *e}})
	d.holds.put(tx, b, e)
	m := b.message()
	d.lanes.keepMade(b, m.Data)
	tx.Message(m)
	return func(stored bool) { d.lanes.settled(to, b.ID, stored) }, nil
}

func (d *Dispatcher) announceItem(tx *queue.Tx, e *otp.Event) error {
	m, err := e.Message()
	if err != nil {
		return err
	}
	d.announced.keep(m.Key, e, m.Data)
	tx.Message(m)
	return nil
}

// waits tells whether an earlier change of an event's OTP is not with its receiver yet, as far as is known
// here: and whoever makes a change knows of those before it.
func (h *holds) waits(e *otp.Event) bool {
	if e.N == 1 {
		return false
	}
	id, ok := h.of(e.OtpID)
	return h.early(e) || ok && h.stored(id)
}

// expectDirect announces a batch of one change, if its URL is known to take requests and has few under way and
// none waiting.
func (t *lanes) expectDirect(to target) (id string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.byTarget[to]
	if l == nil || t.closing || !l.proven || len(l.items) > 0 || l.sealing || t.gathering(l, time.Now()) > 0 {
		return "", false
	}
	id = newID()
	t.expectLocked(l, id)
	return id, true
}
