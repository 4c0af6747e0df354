package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Ask makes a NATS request of whoever answers on a subject that is not this package's. ErrUnavailable when
// nobody does.
func (q *Queue) Ask(ctx context.Context, subject string, question []byte) ([]byte, error) {
	m, err := q.conn().RequestWithContext(ctx, subject, question)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, fmt.Errorf("%w: nobody answers on the subject %s", ErrUnavailable, subject)
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// Tell publishes to whoever listens on a subject that is not this package's, without waiting for anybody: at
// most once.
func (q *Queue) Tell(subject string, data []byte) error { return q.conn().Publish(subject, data) }

// conn is one of the connections; one that is connected, when any is.
func (q *Queue) conn() *nats.Conn {
	for _, c := range q.conns {
		if c.IsConnected() {
			return c
		}
	}
	return q.conns[0]
}
