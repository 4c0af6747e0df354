package callback

import (
	"errors"
	"slices"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

// seal makes items of a lane a stored batch, or adds them to one that was never sent (into): in one
// transaction they are no items any more, are in the batch, and their OTPs are held by it. A batch is sent
// only after that, as it was stored.
func (d *Dispatcher) seal(l *lane, items []job, into *sealed) {
	b := d.sealIn(l, items, into)
	d.lanes.sealedItems(l, items, into, b)
}

// sealIn returns the batch that the items are in; nil when they are not.
func (d *Dispatcher) sealIn(l *lane, items []job, into *sealed) *batch {
	after, tx := d.holds.before(items), d.o.Queue.Begin()
	b, all := (*batch)(nil), []*batch(nil)
	if into != nil {
		l.moves.Lock()
		defer l.moves.Unlock()
		b, all = d.joinable(l, into, after)
	}
	var key string
	if b != nil {
		tx.Held(into.in.d)
		key, b.At = into.in.d.Key, d.o.Queue.Now()
	} else {
		b = newBatch(newID(), &items[0].event, items[0].d.Stored)
		key, all = b.ID, []*batch{b}
		d.lanes.expect(l, b.ID)
	}
	for _, id := range after {
		b.goAfter(id)
	}
	b.add(items)
	events := make([]*otp.Event, len(items))
	for i, j := range items {
		tx.Held(j.d).Done(j.d)
		events[i] = &items[i].event
	}
	d.holds.put(tx, b, events...)
	tx.Instead(storedAs(key, all))
	err := d.store(tx, items[0].d)
	d.lanes.settled(l.target, b.ID, err == nil)
	if err == nil {
		return b
	}
	if !errors.Is(err, queue.ErrConflict) { // else another daemon has them, and it is nothing to be told of
		d.o.Log.Warn().Err(err).Int("items", len(items)).Msg("callback: cannot store a batch, trying again")
	}
	return nil
}

// store commits a transaction that takes an item off. Where the outcome stays unknown, because the store had
// no leader for long, it waits until it is known: a batch that was sent as it was before, and then again as
// it came to be, would carry two bodies.
func (d *Dispatcher) store(tx *queue.Tx, item *queue.Delivery) error {
	err := d.commit(tx)
	for errors.Is(err, queue.ErrUnknown) && d.post.Err() == nil {
		// What this daemon commits is applied in order: behind this one the other is, or never will be.
		if again := d.commit(d.o.Queue.Begin()); again != nil {
			_ = backoff.Sleep(d.post, sealPause)
			continue
		}
		there := item.Load()
		item.Data = nil
		if !there {
			return nil
		}
		return err
	}
	return err
}

func (d *Dispatcher) commit(tx *queue.Tx) error {
	ctx, cancel := step()
	defer cancel()
	return d.o.Queue.Commit(ctx, tx)
}

// sealPause is how long items wait that could not be stored as a batch.
const sealPause = 500 * time.Millisecond

// joinable is the batch that items may be added to, which go after the given batches, and all that are in its
// message; nil when they must not. No two batches may wait for each other, so it may come to wait only for one
// that waits for none. For callers that hold l.moves.
func (d *Dispatcher) joinable(l *lane, into *sealed, after []string) (b *batch, all []*batch) {
	if (len(after) > 0) != into.class().behind {
		return nil, nil
	}
	for _, id := range after {
		if id != into.id && !slices.Contains(into.after, id) && !d.lanes.waitsForNone(l, id) {
			return nil, nil
		}
	}
	all = into.in.load()
	if b = named(all, into.id); b == nil {
		return nil, nil
	}
	return b, all
}

// goAfter adds a batch that has to be gone before this one is sent.
func (b *batch) goAfter(id string) {
	if id != b.ID && !slices.Contains(b.After, id) {
		b.After = append(b.After, id)
	}
}
