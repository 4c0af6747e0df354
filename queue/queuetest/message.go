package queuetest

import (
	"context"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
)

// Take takes the next message off a queue, and leaves it to the caller to acknowledge it.
func Take(t testing.TB, c *queue.Consumer) *queue.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := c.Pull(ctx, queue.PullOptions{Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	d, err := p.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Message takes the next message off the queue of Route and opens its text, as the link and the phone would.
func Message(t testing.TB, q *queue.Queue, box *seal.Box) (queue.Outbound, string) {
	t.Helper()
	d := Take(t, q.SMS(Route))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.Ack(ctx); err != nil {
		t.Fatal(err)
	}
	m, err := queue.ParseOutbound(d.Data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := box.Open(m.Text, queue.TextContext(m.Ref))
	if err != nil {
		t.Fatal(err)
	}
	return m, string(text)
}
