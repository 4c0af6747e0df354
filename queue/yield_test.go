package queue

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// queueOf is a queue of one route on which n messages of a group wait; take hands some out, as pullers would.
func queueOf(n int, group string) (q *Queue, take func(int)) {
	q = &Queue{}
	w := newWork(q, workSMS+"r", Bound{})
	q.work.Store(&[]*work{w})
	for i := range n {
		w.idle.push(&item{key: strconv.Itoa(i), group: group})
	}
	return q, func(n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for range n {
			w.speed(w.idle.pop().group)
		}
	}
}

// Who stores faster than a fast queue moves waits until few are left, and no longer than the bound.
func TestYieldWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, take := queueOf(400, "shop")
		take(100) // 300 are left, and 1000 a second go
		var waiting atomic.Int32
		for range 3 {
			waiting.Add(1)
			go func() {
				q.Yield(context.Background(), "r", "shop")
				waiting.Add(-1)
			}()
		}
		synctest.Wait()
		if n := waiting.Load(); n != 3 {
			t.Fatalf("%d wait, of 3", n)
		}
		begun := time.Now()
		q.Yield(context.Background(), "r", "bank")
		if time.Since(begun) != 0 {
			t.Error("another group waited")
		}
		take(300 - brakeAt)
		synctest.Wait()
		if n := waiting.Load(); n != 3 {
			t.Fatalf("%d wait, of 3, though there is no room", n)
		}
		take(2)
		synctest.Wait()
		if n := waiting.Load(); n != 0 {
			t.Fatalf("%d wait though there is room", n)
		}
	})
}

// Nobody waits for a queue that is short, slow or stands still, nor longer than the bound, nor after the end
// of a request.
func TestYieldIsBounded(t *testing.T) {
	took := func(ctx context.Context, q *Queue) time.Duration {
		begun := time.Now()
		q.Yield(ctx, "r", "shop")
		return time.Since(begun)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		q, take := queueOf(400, "shop")
		if d := took(ctx, q); d != 0 {
			t.Errorf("waited %v for a queue that stands still", d)
		}
		take(20)
		if d := took(ctx, q); d != 0 {
			t.Errorf("waited %v for a slow queue", d)
		}
		take(100)
		if d := took(ctx, q); d != brakeWait {
			t.Errorf("waited %v, not %v", d, brakeWait)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if d := took(ended, q); d != 0 {
			t.Errorf("waited %v for a request that has ended", d)
		}
		if n := len(q.works()[0].brake.waiting); n != 0 {
			t.Errorf("%d groups are left waiting", n)
		}
		time.Sleep(time.Second) // of the bubble: the queue stands still
		if d := took(ctx, q); d != 0 {
			t.Errorf("waited %v for a queue that stopped moving", d)
		}
		take(280 - brakeAt + 1)
		if d := took(ctx, q); d != 0 {
			t.Errorf("waited %v for a short queue", d)
		}
	})
}
