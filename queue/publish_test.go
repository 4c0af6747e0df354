package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

func TestPublishOncePerID(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		for range 3 {
			must(t, q.PublishSMS(context.Background(), sms("same")))
		}
		p := pull(t, q.SMS(queuetest.Route), 10, 0)
		d := next(t, p, 5*time.Second)
		o, err := queue.ParseOutbound(d.Data)
		must(t, err)
		if o.ID != "same" || d.ID() != "same" || string(o.Text) != "sealed" {
			t.Fatalf("got %+v", o)
		}
		must(t, d.Ack(context.Background()))
		if d, err := p.Next(within(t, 300*time.Millisecond)); err == nil {
			t.Fatalf("a second message: %s", d.Data)
		}
	})
}

func TestFullQueue(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		publishN(t, q, 5)
		began := time.Now()
		if err := q.PublishSMS(context.Background(), sms("over")); !errors.Is(err, queue.ErrFull) {
			t.Fatalf("got %v, want ErrFull", err)
		}
		if time.Since(began) > time.Second {
			t.Fatal("a full queue was tried again")
		}
		p := pull(t, q.SMS(queuetest.Route), 1, 0)
		must(t, next(t, p, 5*time.Second).Ack(context.Background()))
		must(t, q.PublishSMS(context.Background(), sms("over")))
	}, queuetest.WithLimits(queue.Limits{SMS: queue.Limit{Msgs: 5}}))
}

func TestDeadPINIsNeverSent(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	o := sms("short")
	o.Expires = time.Now().Add(1500 * time.Millisecond)
	must(t, q.PublishSMS(context.Background(), o))
	for q2 := within(t, 10*time.Second); ; time.Sleep(20 * time.Millisecond) {
		s, err := q.Stats(q2)
		must(t, err)
		if streamOf(t, s, "SMS").Msgs == 0 {
			break
		}
	}
	if late := time.Since(o.Expires); late > 2*time.Second {
		t.Fatalf("gone %v after it expired", late)
	}
	p := pull(t, q.SMS(queuetest.Route), 1, 0)
	if d, err := p.Next(within(t, 200*time.Millisecond)); err == nil {
		t.Fatalf("delivered %s", d.Subject)
	}
	o.Expires = time.Now().Add(500 * time.Millisecond)
	if err := q.PublishSMS(context.Background(), o); !errors.Is(err, queue.ErrExpired) {
		t.Fatalf("expiring at once: %v", err)
	}
}

func streamOf(t testing.TB, s queue.Stats, name string) queue.StreamStats {
	t.Helper()
	for _, one := range s.Streams {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("no stream %s in %+v", name, s)
	return queue.StreamStats{}
}

// Never early; late by little, which a busy machine adds to. Not beside other tests for that reason.
func TestTimersAreExact(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		p := pull(t, q.Timers(), 10, 0)
		due := map[string]time.Time{}
		now := time.Now()
		for id, d := range map[string]time.Duration{"past": -time.Hour, "a": 700 * time.Millisecond, "b": 1250 * time.Millisecond, "c": 1999 * time.Millisecond} {
			due[id] = now.Add(d)
			must(t, q.Schedule(context.Background(), id, due[id], []byte(id)))
		}
		must(t, q.Schedule(context.Background(), "cancelled", now.Add(time.Second), []byte("cancelled")))
		must(t, q.Unschedule(context.Background(), "cancelled"))
		must(t, q.Unschedule(context.Background(), "never-was"))
		for range len(due) {
			d := next(t, p, 5*time.Second)
			id := string(d.Data)
			at, ok := due[id]
			if !ok {
				t.Fatalf("timer %q fired", id)
			}
			delete(due, id)
			must(t, d.Ack(context.Background()))
			late := time.Since(at)
			if id != "past" && (late < 0 || late > 3*time.Second) {
				t.Errorf("timer %s: %v late", id, late)
			}
		}
		if d, err := p.Next(within(t, 100*time.Millisecond)); err == nil {
			t.Fatalf("another timer: %s", d.Data)
		}
	})
}

func TestFirstEvent(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	ctx := within(t, 10*time.Second)
	const subject = "events.item.otp1"
	if _, err := q.FirstEvent(ctx, subject); !errors.Is(err, queue.ErrNotFound) {
		t.Fatalf("nothing stored: %v", err)
	}
	for _, s := range []string{"events.item.otp2", subject, "events.batch.x", subject} {
		must(t, q.Publish(ctx, queue.Message{Subject: s, Header: map[string]string{"Kind": s}}))
	}
	p := pull(t, q.Events(), 10, 0)
	var mine []*queue.Delivery
	for range 4 {
		d := next(t, p, 5*time.Second)
		if d.Header("Kind") != d.Subject {
			t.Fatalf("header %q of %s", d.Header("Kind"), d.Subject)
		}
		if d.Subject == subject {
			mine = append(mine, d)
		}
	}
	for _, d := range mine {
		seq, err := q.FirstEvent(ctx, subject)
		must(t, err)
		if seq != d.Sequence {
			t.Fatalf("first is %d, want %d", seq, d.Sequence)
		}
		must(t, d.Ack(ctx))
	}
}

func TestPublishErrors(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	if err := q.Publish(context.Background(), queue.Message{Subject: "sms.*"}); !errors.Is(err, queue.ErrName) {
		t.Errorf("wildcard: %v", err)
	}
	o := sms("x")
	o.Route = "unknown"
	if err := q.PublishSMS(context.Background(), o); err == nil {
		t.Error("unknown route: stored")
	}
	if _, err := q.SMS("unknown").Pull(context.Background(), queue.PullOptions{Max: 1}); err == nil {
		t.Error("unknown route: pulled")
	}
	if err := q.Publish(within(t, 300*time.Millisecond), queue.Message{Subject: "nowhere"}); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("no stream: %v", err)
	}
	queuetest.Close(t, q)
	if err := q.Publish(context.Background(), queue.Message{Subject: "parked.x"}); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
	if err := q.Ready(context.Background()); err == nil {
		t.Error("closed, and ready")
	}
}
