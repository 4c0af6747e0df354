package queue

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Delivery is one message in the hands of a consumer. It must be answered by Ack or Nak, else it is delivered again after
// the consumer's AckWait (SMS and EVENTS 60 s, PARKED and TIMERS 30 s).
type Delivery struct {
	Subject  string
	Data     []byte
	Stored   time.Time // when it was published
	Sequence uint64    // in its stream
	Attempt  int       // 1 on the first delivery

	q   *Queue
	msg jetstream.Msg
}

func newDelivery(q *Queue, m jetstream.Msg) (*Delivery, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	return &Delivery{Subject: m.Subject(), Data: m.Data(), Stored: meta.Timestamp, Sequence: meta.Sequence.Stream,
		Attempt: int(meta.NumDelivered), q: q, msg: m}, nil
}

// Header is the value of a header, or "".
func (d *Delivery) Header(name string) string { return d.msg.Headers().Get(name) }

// ID is the id it was published under.
func (d *Delivery) ID() string { return d.Header(jetstream.MsgIDHeader) }

// Ack takes the message off the queue and returns when the server said so; attempts are repeated until ctx ends (ten
// seconds when it has no deadline).
func (d *Delivery) Ack(ctx context.Context) error {
	return d.q.retry(ctx, d.msg.DoubleAck)
}

// Nak gives the message back, to be delivered again after the delay. It does not wait for an answer: were it lost, the
// AckWait does the same.
func (d *Delivery) Nak(delay time.Duration) error {
	if delay <= 0 {
		return d.msg.Nak()
	}
	return d.msg.NakWithDelay(delay)
}

// InProgress starts the AckWait again.
func (d *Delivery) InProgress() error { return d.msg.InProgress() }
