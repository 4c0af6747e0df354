package queue

import (
	"context"
	"time"
)

// Delivery is one message in the hands of a consumer. It is answered by Ack or Nak; while it is not, it is
// nobody else's, as long as this daemon lives.
type Delivery struct {
	Subject  string
	Key      string // see Message
	Group    string
	Data     []byte
	Stored   time.Time // when it was published, by the store's clock
	Sequence uint64    // grows from message to message
	Attempt  int       // 1 on the first delivery
	Orphan   bool      // another daemon had it, which is gone: what it did with it is not known

	work  *work
	item  *item
	claim uint64 // revision of the claim that it was handed out under

	revision uint64 // that its data was read of
}

// Ack takes the message off the queue and returns when that is stored; it is repeated until ctx ends (ten
// seconds when it has no deadline).
func (d *Delivery) Ack(ctx context.Context) error {
	return d.work.q.Commit(ctx, d.work.q.Begin().Done(d))
}

// Nak gives the message back, to be delivered again after the delay. It does not wait for anything. Of one that
// is not this holder's any more, since another daemon took it over, nothing is given back: it may have come to
// this daemon again, and is another holder's.
func (d *Delivery) Nak(delay time.Duration) error {
	d.work.nak(d.item, d.claim, delay)
	return nil
}
