package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestBackupLeavesMessagesToAPullerThatKeepsUp: between two calls of Next of the better priority nothing goes
// to the other; when the better one has its hands full, or stops, the other gets what waits.
func TestBackupLeavesMessagesToAPullerThatKeepsUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	q := queuetest.Open(t)
	pull := func(priority uint8) *queue.Puller {
		p, err := q.SMS(queuetest.Route).Pull(ctx, queue.PullOptions{Max: 10, Priority: priority})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Stop)
		return p
	}
	primary, backup := pull(0), pull(5)
	taken := make(chan string, 100)
	go func() {
		for {
			d, err := backup.Next(ctx)
			if err != nil {
				return
			}
			taken <- d.Group
		}
	}()
	put := func(app string) {
		now := time.Now()
		m := queue.Outbound{ID: app + now.String(), App: app, Route: queuetest.Route, Created: now, Expires: now.Add(time.Minute)}
		if err := q.PublishSMS(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	for range 30 {
		put("quick")
		if _, err := primary.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-taken:
		t.Error("the backup got a message although the primary kept up")
	default:
	}
	put("busy") // and the primary does not ask
	if got := <-taken; got != "busy" {
		t.Errorf("got %s", got)
	}
	primary.Stop()
	put("alone")
	if got := <-taken; got != "alone" {
		t.Errorf("got %s", got)
	}
}
