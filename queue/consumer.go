package queue

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Consumer is one work queue: messages are handed to one of its pullers each, on whatever daemon.
type Consumer struct {
	work *work
	err  error // set when there is no such consumer
}

// PullOptions say how to pull.
type PullOptions struct {
	Max      int   // messages that may be claimed from other daemons ahead of Next; at least 1
	Priority uint8 // 0 to 9, SMS only: higher numbers get messages only while no lower one waits

	Name  string                       // whose puller it is: those of one name are one in what Share says
	Share func(country string) float64 // nil, or what it is due of the messages to a country, see share.go
}

// Pull starts taking messages. The caller stops the puller.
func (c *Consumer) Pull(_ context.Context, o PullOptions) (*Puller, error) {
	if c.err != nil {
		return nil, c.err
	}
	if o.Max < 1 || o.Priority > 9 {
		return nil, fmt.Errorf("queue: pull of %d messages at priority %d; at least 1, and 0 to 9", o.Max, o.Priority)
	}
	p := &Puller{work: c.work, max: o.Max, priority: o.Priority, name: o.Name, share: o.Share, stopping: make(chan struct{}), served: time.Now()}
	if !c.work.q.add(p) {
		return nil, fmt.Errorf("%w: shutting down", ErrUnavailable)
	}
	c.work.join(p)
	return p, nil
}

// Stored tells whether a message is on the work queue, by its key.
func (c *Consumer) Stored(key string) bool {
	if c.err != nil {
		return false
	}
	_, ok := c.work.q.look(c.work.bucket, key)
	return ok
}

// Stands tells whether a message is on the work queue, and whether it is this daemon's or nobody's yet.
func (c *Consumer) Stands(key string) (there, mine bool) {
	if c.err != nil {
		return false, false
	}
	w := c.work
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.items[compact(key)]
	return i != nil, i != nil && i.state != itemTaken
}

// Puller hands out messages of a consumer. Next may be called from several goroutines.
type Puller struct {
	work     *work
	max      int
	priority uint8
	name     string
	share    func(country string) float64
	stopping chan struct{}
	stop     sync.Once

	served time.Time // when it last got a message; guarded by work.mu
}

// Next waits for a message. ctx's own error when that ends first, ErrStopped after Stop, ErrUnavailable when
// the store can give none any more.
func (p *Puller) Next(ctx context.Context) (*Delivery, error) {
	for {
		select { // even while there are messages
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-p.stopping:
			return nil, ErrStopped
		case <-p.work.q.ledger.Broken():
			return nil, p.over(ctx)
		default:
		}
		n := p.work.wait(p)
		if err := p.await(ctx, n); err != nil {
			if i := p.work.forget(n); i != nil {
				p.work.putBack(i)
			}
			return nil, err
		}
		if d := p.work.delivery(n.item); d != nil {
			return d, nil
		}
	}
}

// await returns when there is an item.
func (p *Puller) await(ctx context.Context, n *want) error {
	if n.got == nil {
		return nil
	}
	select {
	case <-n.got:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.stopping:
		return ErrStopped
	case <-p.work.q.ledger.Broken():
		return p.over(ctx)
	}
}

// over is why a log that has ended gives nothing. Close stops the pullers first, so one that was stopped says
// that. After a failed write it is said to all at another place, and the process is to end soon: then it
// waits.
func (p *Puller) over(ctx context.Context) error {
	select {
	case <-p.stopping:
		return ErrStopped
	default:
	}
	if p.work.q.disk.err() != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.stopping:
			return ErrStopped
		}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, p.work.q.ledger.Err())
}

// delivery reads a message that is handed out; nil when it is gone.
func (w *work) delivery(i *item) *Delivery {
	e, ok := w.q.ledger.Get(w.bucket, i.key)
	if !ok {
		return nil
	}
	m, err := decodeEnvelope(e.Value)
	if err != nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i.state != itemOut { // another daemon took it in the same moment
		return nil
	}
	return &Delivery{claim: i.claim, revision: e.Revision, Subject: string(m.subject), Key: expand(i.key), Data: m.data, Stored: m.stored, Group: string(m.group), Sequence: i.sequence, Attempt: i.attempts, Orphan: i.orphan, work: w, item: i}
}

// Stop ends the pull. Deliveries already handed out stay with their holders.
func (p *Puller) Stop() {
	p.stop.Do(func() {
		close(p.stopping)
		p.work.part(p)
		p.work.q.remove(p)
	})
}
