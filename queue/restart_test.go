package queue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestRestartGivesAtOnce: what was handed out when the embedded server ended comes again with the start, not
// an AckWait later.
func TestRestartGivesAtOnce(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second) // the AckWait is a minute
	defer cancel()
	take := func(q *queue.Queue, n int) {
		t.Helper()
		p, err := q.SMS(queuetest.Route).Pull(ctx, queue.PullOptions{Max: 10})
		must(t, err)
		defer p.Stop()
		for range n {
			_, err := p.Next(ctx) // never acknowledged
			must(t, err)
		}
	}
	first := queuetest.Open(t, queuetest.Dir(dir))
	for i := range 15 {
		must(t, first.PublishSMS(ctx, sms(fmt.Sprint("m", i))))
	}
	take(first, 5)
	queuetest.Close(t, first)
	take(queuetest.Open(t, queuetest.Dir(dir)), 15)
}
