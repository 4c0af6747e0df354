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
)

// Three replicas: conflicts have another code there, reads may be old, and a leader dies under writes.
func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := queuetest.StartCluster(t, 3)
	q := queuetest.Open(t, queuetest.URL(cluster.URL()), queuetest.Replicas(3),
		queuetest.WithBounds(queue.Bounds{Holds: queue.Bound{Msgs: 2}, Parked: queue.Bound{Msgs: 10}}))
	ctx := within(t, 60*time.Second)
	b := q.Records()

	rev, err := b.Create(ctx, "k", []byte("1"), time.Minute)
	must(t, err)
	if _, err := b.Create(ctx, "k", []byte("1"), 0); !errors.Is(err, queue.ErrConflict) {
		t.Fatalf("second create: %v", err)
	}
	if _, err := b.Update(ctx, "k", []byte("2"), 0, rev+1); !errors.Is(err, queue.ErrConflict) {
		t.Fatalf("wrong revision: %v", err)
	}
	must(t, b.Delete(ctx, "k"))
	_, err = b.Create(ctx, "k", []byte("3"), 0)
	must(t, err)

	fullWhenReplicated(ctx, t, q)

	// Each writer counts its own key up; a success that was lost, or a conflict that was none, would show.
	const writers = 4
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() { count(t, q, fmt.Sprint("w", w), stop) })
	}
	p := pull(t, q.SMS(queuetest.Route), 10, 0)
	publishN(t, q, 20)
	cluster.Leader(t, "LOG").Stop()
	seen := map[string]bool{}
	for len(seen) < 20 {
		d := next(t, p, 30*time.Second)
		seen[idOf(t, d)] = true
		must(t, d.Ack(ctx))
	}
	must(t, q.PublishSMS(context.Background(), sms("after")))
	if d := next(t, p, 15*time.Second); idOf(t, d) != "after" {
		t.Fatalf("got %s", idOf(t, d))
	}
	close(stop)
	wg.Wait()
}

// fullWhenReplicated: a bucket at its limit takes no new key, and still every change of those it has.
func fullWhenReplicated(ctx context.Context, t *testing.T, q *queue.Queue) {
	t.Helper()
	b := q.Holds()
	_, err := b.Create(ctx, "a", nil, 0)
	must(t, err)
	rev, err := b.Create(ctx, "b", nil, 0)
	must(t, err)
	if _, err := b.Create(ctx, "c", nil, 0); !errors.Is(err, queue.ErrFull) {
		t.Fatalf("create over the limit: %v", err)
	}
	for range 3 {
		rev, err = b.Update(ctx, "b", []byte("longer"), 0, rev)
		must(t, err)
	}
	must(t, b.Delete(ctx, "b"))
	for i := 0; ; i++ {
		err := q.Publish(ctx, queue.Message{Subject: "parked.x"})
		if errors.Is(err, queue.ErrFull) && i == 9 { // its share of ten
			break
		}
		must(t, err)
	}
}

func count(t *testing.T, q *queue.Queue, key string, stop chan struct{}) {
	ctx := within(t, 2*time.Minute)
	rev, err := q.Records().Create(ctx, key, []byte("0"), time.Minute)
	for n := 1; err == nil; n++ {
		select {
		case <-stop:
			return
		default:
		}
		rev, err = q.Records().Update(ctx, key, fmt.Append(nil, n), time.Minute, rev)
	}
	t.Errorf("%s: %v", key, err)
}
