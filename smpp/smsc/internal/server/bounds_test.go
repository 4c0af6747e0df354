package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestQueue(t *testing.T) {
	q := newQueue[int](3, &budget{limit: 100})
	for i := range 5 {
		oldest, dropped := q.push(i)
		if want := i >= 3; dropped != want || dropped && oldest != i-3 {
			t.Errorf("push %d dropped %d, %v", i, oldest, dropped)
		}
	}
	q.putBack(1)
	var got []int
	for q.size() > 0 {
		v, _ := q.next(context.Background())
		got = append(got, v)
	}
	if !slices.Equal(got, []int{1, 2, 3, 4}) {
		t.Errorf("got %v", got)
	}
	q.putBack(7)
	if v, ok := q.take(); v != 7 || !ok {
		t.Errorf("got %d, %v", v, ok)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, ok := q.next(ctx); ok {
		t.Error("an empty queue gave something")
	}
}

func TestQueuesShareABudget(t *testing.T) {
	share := &budget{limit: 4}
	a, b := newQueue[int](10, share), newQueue[int](10, share)
	for i := range 4 {
		if _, dropped := a.push(i); dropped {
			t.Errorf("%d was dropped", i)
		}
	}
	if v, dropped := b.push(7); !dropped || v != 7 {
		t.Error("an empty queue took more than there is")
	}
	if v, dropped := a.push(4); !dropped || v != 0 {
		t.Errorf("dropped %d, want the oldest", v)
	}
	a.close()
	if v, dropped := a.push(5); !dropped || v != 5 {
		t.Error("a closed queue took something")
	}
	a.putBack(5)
	if n := share.used.Load(); n != 0 || a.size() != 0 {
		t.Errorf("%d in use", n)
	}
	b.push(1)
	if _, ok := b.take(); !ok || share.used.Load() != 0 {
		t.Errorf("%d in use", share.used.Load())
	}
}

// TestQueueManyTakers: no wake-up is lost, and memory follows the content.
func TestQueueManyTakers(t *testing.T) {
	const n, takers = 20_000, 8
	q := newQueue[int](n, &budget{limit: n})
	var wg sync.WaitGroup
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var mu sync.Mutex
	sum, count := 0, 0
	for range takers {
		wg.Go(func() {
			for {
				v, ok := q.next(ctx)
				if !ok {
					return
				}
				mu.Lock()
				sum += v
				if count++; count == n {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		q.push(i)
	}
	wg.Wait()
	if count != n || sum != n*(n-1)/2 {
		t.Errorf("took %d of %d", count, n)
	}
	for i := range 100_000 { // never empty, never long
		q.push(i)
		if q.size() > 10 {
			q.take()
		}
	}
	if c := cap(q.items); c > 8192 {
		t.Errorf("room for %d where 10 are", c)
	}
}

type fired struct {
	n     int
	order *[]int
	done  chan struct{}
}

func (f fired) fire() {
	*f.order = append(*f.order, f.n)
	if f.done != nil {
		close(f.done)
	}
}

func TestScheduleKeepsOrder(t *testing.T) {
	s := newSchedule(10)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	const n = 500
	var order []int
	done := make(chan struct{})
	now := time.Now()
	for _, i := range rand.Perm(n) {
		s.add(now.Add(time.Duration(i/2)*100*time.Microsecond), fired{i / 2, &order, nil})
	}
	s.add(now.Add(time.Second/10), fired{n, &order, done})
	if !s.full() || s.size() != n+1 {
		t.Errorf("size %d", s.size())
	}
	wg.Go(func() { s.run(ctx) })
	<-done
	if since := time.Since(now); since < time.Second/10 {
		t.Errorf("fired %s early", time.Second/10-since)
	}
	cancel()
	wg.Wait()
	if len(order) != n+1 || !slices.IsSorted(order) {
		t.Errorf("order %v", order)
	}
}

// TestScheduleWakesForAnEarlierOne: a task due sooner than the one waited for is not late, and the later one
// still fires at its time.
func TestScheduleWakesForAnEarlierOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(10)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.run(ctx) })
		began := time.Now()
		var order []int
		late, soon := make(chan struct{}), make(chan struct{})
		s.add(began.Add(time.Hour), fired{2, &order, late})
		synctest.Wait() // it waits for the one in an hour
		s.add(began.Add(time.Minute), fired{1, &order, soon})
		<-soon
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the sooner one fired after %v, want a minute", took)
		}
		<-late
		if took := time.Since(began); took != time.Hour {
			t.Errorf("the later one fired after %v, want an hour", took)
		}
		cancel()
		wg.Wait()
		if !slices.Equal(order, []int{1, 2}) {
			t.Errorf("fired %v", order)
		}
	})
}

// part is part n of total of a message, as the submit handler gives it.
func part(to string, ref uint16, n, total, octets int) (*record, text.Part, *submission) {
	r := &record{id: uint64(n), msg: Message{Time: time.Now(), To: to, Parts: total}}
	p := text.Part{ShortMessage: []byte(strings.Repeat("x", octets)), Ref: ref, Number: n, Total: total}
	return r, p, &submission{messageID: fmt.Sprint(n)}
}

func TestPartsAreBounded(t *testing.T) {
	var gone []*record
	a := newReassembler("", newSchedule(10), func(r *record) { gone = append(gone, r) })
	for i := range maxParts + 3 {
		a.add(part(fmt.Sprint(i), 1, 2, 3, 10))
	}
	if a.parts != maxParts || a.order.Len() != maxParts || len(a.open) != maxParts || len(gone) != 3 {
		t.Errorf("%d parts of %d messages wait, %d left", a.parts, a.order.Len(), len(gone))
	}
	if r := gone[0]; r.msg.To != "0" || !r.msg.Incomplete || r.msg.Text != strings.Repeat("x", 10) {
		t.Errorf("the first to leave is %+v", r.msg)
	}
	const long = 60_000
	for i := range 2 * maxPartOctets / long {
		a.add(part(fmt.Sprint("long", i), 1, 1, 3, long))
	}
	if a.octets > maxPartOctets {
		t.Errorf("%d octets wait", a.octets)
	}
	a.clear()
	if a.parts != 0 || a.octets != 0 || a.order.Len() != 0 || len(a.open) != 0 {
		t.Error("not cleared")
	}
}

func TestPartsAge(t *testing.T) {
	var gone []*record
	s := newSchedule(10)
	a := newReassembler("", s, func(r *record) { gone = append(gone, r) })
	a.add(part("1", 1, 1, 2, 10))
	if s.size() != 1 {
		t.Error("no sweep is scheduled")
	}
	if left := a.sweep(time.Now()); len(left) != 0 {
		t.Errorf("%d left too early", len(left))
	}
	for _, as := range a.sweep(time.Now().Add(maxPartAge)) {
		a.finish(as)
	}
	if len(gone) != 1 || !gone[0].msg.Incomplete || a.parts != 0 || a.octets != 0 {
		t.Errorf("left: %v, %d parts", gone, a.parts)
	}
}

func TestAccountsAreBounded(t *testing.T) {
	a := newAccounts(nil, Limits{}, 1)
	busy, _ := a.enter(wire.Bind{SystemID: "busy"}, Receiver)
	for i := range 3 * maxIdleAccounts {
		acc, _ := a.enter(wire.Bind{SystemID: fmt.Sprint(i)}, Transceiver)
		a.leave(&bind{account: acc, kind: Transceiver})
		if acc.receivers.Load() != 0 {
			t.Fatal("a receiver is left")
		}
	}
	if n := len(a.byName); n > maxIdleAccounts {
		t.Errorf("%d accounts", n)
	}
	if again, _ := a.enter(wire.Bind{SystemID: "busy"}, Receiver); again != busy {
		t.Error("an account with a bind was forgotten")
	}
}

// TestGiveBack: a message whose caller had gone is for the next one, who may be waiting already.
func TestGiveBack(t *testing.T) {
	s := newStore(10)
	s.add(&record{id: 1, msg: Message{To: "+491"}})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	first, err := s.wait(ctx, &waiter{to: "491"})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *record)
	go func() {
		r, _ := s.wait(ctx, &waiter{to: "491"})
		got <- r
	}()
	await.That(t, "somebody waits", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.waiting > 0
	})
	s.giveBack(first)
	if r := <-got; r != first {
		t.Errorf("got %v", r)
	}
	if s.waiting != 0 || len(s.waiters) != 0 {
		t.Errorf("%d waiters are left", s.waiting)
	}
}
