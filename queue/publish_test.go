package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/queuetest/standstill"
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
		if o.ID != "same" || string(o.Text) != "sealed" {
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
	}, queuetest.WithBounds(queue.Bounds{SMS: queue.Bound{Msgs: 5}}))
}

func TestDeadPINIsNeverSent(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	o := sms("short")
	o.Expires = time.Now().Add(1500 * time.Millisecond)
	must(t, q.PublishSMS(context.Background(), o))
	await.That(t, "the message is gone", func() bool {
		s, err := q.Stats(t.Context())
		must(t, err)
		return streamOf(t, s, "sms."+queuetest.Route).Msgs == 0
	})
	if late := time.Since(o.Expires); late > 2*time.Second {
		t.Fatalf("gone %v after it expired", late)
	}
	p := pull(t, q.SMS(queuetest.Route), 1, 0)
	if d, err := p.Next(within(t, 200*time.Millisecond)); err == nil {
		t.Fatalf("delivered %s", d.Subject)
	}
	o.Expires = time.Now().Add(-time.Millisecond)
	if err := q.PublishSMS(context.Background(), o); !errors.Is(err, queue.ErrExpired) {
		t.Fatalf("expired: %v", err)
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

// Never early, and half a second late at most; not beside other tests for that reason. On a busy machine some
// times as late as what is only a timer, for here goroutines wait for one another.
func TestTimersAreExact(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		stood := standstill.Watch(t)
		fired := make(chan queue.Timer, 10)
		run(t, func(ctx context.Context) error {
			return q.RunTimers(ctx, func(_ context.Context, timer queue.Timer) (time.Time, error) {
				fired <- timer
				return time.Time{}, nil
			})
		})
		due := map[string]time.Time{}
		now := q.Now()
		tx := q.Begin().Timer("replaced", now.Add(time.Hour), []byte("replaced"))
		for id, d := range map[string]time.Duration{"past": -time.Hour, "a": 700 * time.Millisecond, "b": 1250 * time.Millisecond, "c": 1999 * time.Millisecond} {
			due[id] = now.Add(d)
			tx.Timer(id, due[id], []byte(id))
		}
		must(t, q.Commit(context.Background(), tx))
		due["replaced"] = now.Add(900 * time.Millisecond)
		must(t, q.Commit(context.Background(), q.Begin().Timer("replaced", due["replaced"], []byte("replaced"))))
		lates := make(map[string]time.Duration)
		for range len(due) {
			var f queue.Timer
			select {
			case f = <-fired:
			case <-time.After(10 * time.Second):
				t.Fatalf("not fired: %v", due)
			}
			at, ok := due[f.ID]
			if !ok || string(f.Data) != f.ID {
				t.Fatalf("timer %q fired with %q", f.ID, f.Data)
			}
			delete(due, f.ID)
			if f.ID != "past" {
				lates[f.ID] = q.Now().Sub(at)
			}
		}
		machine := stood()
		for id, late := range lates {
			if late < 0 || late > 500*time.Millisecond+5*machine {
				t.Errorf("timer %s: %v late, the machine %v", id, late, machine)
			}
		}
		select {
		case f := <-fired:
			t.Fatalf("another timer: %s", f.ID)
		case <-time.After(100 * time.Millisecond):
		}
	})
}

// A timer whose work fails, or asks for it, fires again; it is gone when its work is done, also after a
// restart.
func TestTimerFiresAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := queuetest.Open(t, queuetest.Dir(dir))
	fired := make(chan int, 10)
	stop := run(t, func(ctx context.Context) error {
		return q.RunTimers(ctx, func(_ context.Context, timer queue.Timer) (time.Time, error) {
			fired <- timer.Attempt
			switch timer.Attempt {
			case 1:
				return time.Time{}, errors.New("not now")
			case 2:
				return q.Now().Add(50 * time.Millisecond), nil
			}
			return time.Time{}, nil
		})
	})
	must(t, q.Commit(context.Background(), q.Begin().Timer("t", q.Now(), nil)))
	for want := 1; want <= 3; want++ {
		select {
		case got := <-fired:
			if got != want {
				t.Fatalf("attempt %d, want %d", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("attempt %d never came", want)
		}
	}
	stop()
	must(t, q.Commit(context.Background(), q.Begin().Timer("later", q.Now().Add(100*time.Millisecond), []byte("data"))))
	queuetest.Close(t, q)
	q = queuetest.Open(t, queuetest.Dir(dir))
	again := make(chan string, 10)
	run(t, func(ctx context.Context) error {
		return q.RunTimers(ctx, func(_ context.Context, timer queue.Timer) (time.Time, error) {
			again <- timer.ID + string(timer.Data)
			return time.Time{}, nil
		})
	})
	select {
	case got := <-again:
		if got != "laterdata" {
			t.Fatalf("fired %q", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the timer did not outlive the restart")
	}
}

// Stored tells what is on a work queue by its key; the same key again replaces the message and keeps its
// holder, whoever waits for a message meanwhile.
func TestMessageByKey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ctx := within(t, 20*time.Second)
		if q.Events().Stored("k") {
			t.Fatal("nothing is stored yet")
		}
		must(t, q.Publish(ctx, queue.Message{Subject: "events.item.a", Key: "k", Data: []byte("1")}))
		p := pull(t, q.Events(), 10, 0)
		d := next(t, p, 5*time.Second)
		waiting, stop := context.WithCancel(ctx)
		got := make(chan *queue.Delivery, 1)
		go func() {
			more, _ := p.Next(waiting)
			got <- more
		}()
		for range 3 {
			if !d.Load() {
				t.Fatal("its holder does not have it any more")
			}
			must(t, q.Commit(ctx, q.Begin().Held(d).Instead(queue.Message{Subject: "events.item.a", Key: "k", Data: []byte("2")})))
		}
		must(t, q.Publish(ctx, queue.Message{Subject: "events.item.b", Key: "other", Data: []byte("other")}))
		if more := <-got; more == nil || string(more.Data) != "other" {
			t.Fatalf("handed out twice: %+v", more)
		}
		stop()
		if d.Unchanged() {
			t.Error("it counts as unchanged, and was stored again")
		}
		if !d.Load() || string(d.Data) != "2" {
			t.Fatalf("its holder does not have it any more; it is %s", d.Data)
		}
		if !d.Unchanged() {
			t.Error("it counts as changed right after it was read")
		}
		before := d
		must(t, d.Nak(0))
		if d = next(t, p, 5*time.Second); string(d.Data) != "2" {
			t.Fatalf("got %s", d.Data)
		}
		must(t, d.Ack(ctx))
		if q.Events().Stored("k") {
			t.Fatal("stored after its acknowledgement")
		}
		if before.Unchanged() || d.Unchanged() {
			t.Error("it counts as unchanged, and is gone")
		}
	})
}

// TestGroupsTakeTurnsInOrder: what several groups have waiting is handed out in turns, and of each group in the
// order in which it was stored.
func TestGroupsTakeTurnsInOrder(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ctx := within(t, 30*time.Second)
		groups := []string{"bulk", "login", "shop"}
		const each = 5
		for i := range each * len(groups) { // all of the first before any of the second
			must(t, q.Publish(ctx, queue.Message{Subject: "parked.x", Group: groups[i/each], Data: fmt.Append(nil, i%each)}))
		}
		p := pull(t, q.Parked(), 1, 0)
		for turn := range each {
			seen := make(map[string]string)
			for range groups {
				d := next(t, p, 10*time.Second)
				seen[d.Group] = string(d.Data)
				must(t, d.Ack(ctx))
			}
			for _, group := range groups {
				if seen[group] != fmt.Sprint(turn) {
					t.Errorf("turn %d: %v", turn, seen)
				}
			}
		}
	})
}

// TestGivenBackKeepsItsPlace: a message that was handed out and given back comes before those that were stored
// after it, whatever waits: else one that a busy carrier throttled would wait for all of them.
func TestGivenBackKeepsItsPlace(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ctx := within(t, 30*time.Second)
		const stored = 6
		for i := range stored {
			must(t, q.Publish(ctx, queue.Message{Subject: "parked.x", Group: "shop", Data: fmt.Append(nil, i)}))
		}
		p := pull(t, q.Parked(), 2, 0)
		first, second := next(t, p, 10*time.Second), next(t, p, 10*time.Second)
		must(t, second.Nak(0))
		must(t, first.Nak(0))
		for i := range stored {
			d := next(t, p, 10*time.Second)
			if got := string(d.Data); got != fmt.Sprint(i) {
				t.Errorf("message %s came as number %d", got, i)
			}
			must(t, d.Ack(ctx))
		}
	})
}

// One group's messages delay nobody else's, and leave room for them.
func TestGroupsShareAQueue(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ctx := within(t, 20*time.Second)
		bulk := 0
		for ; ; bulk++ {
			err := q.Publish(ctx, queue.Message{Subject: "parked.x", Group: "bulk"})
			if errors.Is(err, queue.ErrFull) {
				break
			}
			must(t, err)
		}
		if bulk < 50 || bulk > 95 {
			t.Errorf("one group may have %d of 100", bulk)
		}
		must(t, q.Publish(ctx, queue.Message{Subject: "parked.x", Group: "login"}))
		p := pull(t, q.Parked(), 1, 0)
		for i := 0; ; i++ {
			d := next(t, p, 5*time.Second)
			must(t, d.Ack(ctx))
			if d.Group == "login" {
				break
			}
			if i > 3 {
				t.Fatal("the other group waits behind all of the first")
			}
		}
	}, queuetest.WithBounds(queue.Bounds{Parked: queue.Bound{Msgs: 100}}))
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
	if err := q.Publish(context.Background(), queue.Message{Subject: "nowhere"}); !errors.Is(err, queue.ErrName) {
		t.Errorf("no queue: %v", err)
	}
	queuetest.Close(t, q)
	if err := q.Publish(context.Background(), queue.Message{Subject: "parked.x"}); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
	if err := q.Ready(context.Background()); err == nil {
		t.Error("closed, and ready")
	}
}
