package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

func TestPriorityFailover(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ctx := within(t, 20*time.Second)
		primary := pull(t, q.SMS(queuetest.Route), 4, 0)
		backup := pull(t, q.SMS(queuetest.Route), 4, 5)
		counts := make(chan string, 100)
		var wg sync.WaitGroup
		for name, p := range map[string]*queue.Puller{"primary": primary, "backup": backup} {
			wg.Go(func() {
				for {
					d, err := p.Next(ctx)
					if err != nil {
						return
					}
					if err := d.Ack(ctx); err != nil {
						t.Error(err)
					}
					counts <- name
				}
			})
		}
		one := func(id, want string) string {
			t.Helper()
			must(t, q.PublishSMS(ctx, sms(id)))
			select {
			case got := <-counts:
				if want != "" && got != want {
					t.Errorf("message %s went to the %s, want the %s", id, got, want)
				}
				return got
			case <-ctx.Done():
				t.Fatal("no delivery")
			}
			return ""
		}
		for i := 0; one(fmt.Sprint("warm", i), "") != "primary"; i++ { // the first may come before the primary's pull has arrived
		}
		for i := range 20 {
			one(fmt.Sprint("a", i), "primary")
		}
		primary.Stop()
		began := time.Now()
		for i := range 20 {
			one(fmt.Sprint("b", i), "backup")
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the backup took %v", took)
		}
		backup.Stop()
		wg.Wait()
	})
}

func TestStopGivesBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		publishN(t, q, 20)
		first := pull(t, q.SMS(queuetest.Route), 20, 0)
		held := next(t, first, 5*time.Second)
		await.That(t, "the queue is as it should be", func() bool { return inFlight(t, q, "sms."+queuetest.Route) >= 1 })
		began := time.Now()
		first.Stop()
		if _, err := first.Next(context.Background()); !errors.Is(err, queue.ErrStopped) {
			t.Fatalf("next after stop: %v", err)
		}
		second := pull(t, q.SMS(queuetest.Route), 20, 0)
		seen := map[string]bool{}
		for range 19 {
			d := next(t, second, 5*time.Second)
			seen[idOf(t, d)] = true
			must(t, d.Ack(context.Background()))
		}
		if took := time.Since(began); took > 5*time.Second { // AckWait is a minute
			t.Errorf("took %v", took)
		}
		if len(seen) != 19 || seen[idOf(t, held)] {
			t.Errorf("got %d messages, the held one among them: %v", len(seen), seen[idOf(t, held)])
		}
		must(t, held.Ack(context.Background()))
		await.That(t, "the queue is as it should be", func() bool {
			s, err := q.Stats(context.Background())
			must(t, err)
			return streamOf(t, s, "sms."+queuetest.Route).Msgs == 0
		})
	})
}

func inFlight(t testing.TB, q *queue.Queue, name string) int {
	t.Helper()
	s, err := q.Stats(context.Background())
	must(t, err)
	for _, c := range s.Consumers {
		if c.Name == name {
			return c.InFlight
		}
	}
	t.Fatalf("no consumer %s", name)
	return 0
}

// Heartbeats of idle moments must not push messages out of the puller's buffer while nobody calls Next.
func TestIdlePullerLosesNothing(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	p := pull(t, q.SMS(queuetest.Route), 1, 0)
	time.Sleep(2500 * time.Millisecond) // longer than an expiry, with heartbeats in it
	publishN(t, q, 3)
	for range 3 {
		d := next(t, p, 3*time.Second)
		if d.Attempt != 1 {
			t.Errorf("attempt %d", d.Attempt)
		}
		must(t, d.Ack(context.Background()))
	}
}

func TestNakAndAttempts(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	ctx := within(t, 10*time.Second)
	must(t, q.Publish(ctx, queue.Message{Subject: "parked.link", Data: []byte("r")}))
	p := pull(t, q.Parked(), 5, 0)
	d := next(t, p, 5*time.Second)
	must(t, d.Nak(0))
	d = next(t, p, 5*time.Second)
	if d.Attempt != 2 {
		t.Fatalf("attempt %d, want 2", d.Attempt)
	}
	began := time.Now()
	must(t, d.Nak(400*time.Millisecond))
	d = next(t, p, 5*time.Second)
	if took := time.Since(began); took < 350*time.Millisecond || d.Attempt != 3 {
		t.Fatalf("attempt %d after %v", d.Attempt, took)
	}
	must(t, d.Ack(ctx))
	if d.Stored.IsZero() || time.Since(d.Stored) > time.Minute {
		t.Errorf("stored %v", d.Stored)
	}
}

func TestNextHonoursItsContext(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	p := pull(t, q.SMS(queuetest.Route), 5, 0)
	began := time.Now()
	if _, err := p.Next(within(t, 50*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Fatalf("took %v", took)
	}
}

// The server goes away and comes back on the same store: pullers go on, nothing acknowledged is lost.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	s := queuetest.StartServer(t)
	q := queuetest.Open(t, queuetest.URL(s.URL))
	p := pull(t, q.SMS(queuetest.Route), 5, 0)
	publishN(t, q, 1)
	must(t, next(t, p, 5*time.Second).Ack(context.Background()))
	s.Kill()
	result := make(chan error, 1)
	go func() { result <- q.PublishSMS(context.Background(), sms("across")) }()
	_, err := q.Records().Get(within(t, 200*time.Millisecond), "k")
	if !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("get without a server: %v", err)
	}
	s.Restart(t)
	must(t, <-result)
	d := next(t, p, 10*time.Second)
	if idOf(t, d) != "across" {
		t.Fatalf("got %s", idOf(t, d))
	}
	must(t, d.Ack(context.Background()))
	must(t, q.Ready(context.Background()))
}

func TestCloseEndsPullers(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	publishN(t, q, 3)
	p := pull(t, q.SMS(queuetest.Route), 3, 0)
	next(t, p, 5*time.Second)
	result := make(chan error, 1)
	go func() {
		for {
			if _, err := p.Next(context.Background()); err != nil {
				result <- err
				return
			}
		}
	}()
	queuetest.Close(t, q)
	if err := <-result; !errors.Is(err, queue.ErrStopped) {
		t.Fatalf("next: %v", err)
	}
	for range 100 { // the log has ended too now, and says nothing instead
		if _, err := p.Next(context.Background()); !errors.Is(err, queue.ErrStopped) {
			t.Fatalf("next after close: %v", err)
		}
	}
	if _, err := q.Events().Pull(context.Background(), queue.PullOptions{Max: 1}); !errors.Is(err, queue.ErrUnavailable) {
		t.Fatalf("pull after close: %v", err)
	}
}
