package queue

import (
	"context"
	"slices"
	"time"
)

// Where a work queue moves fast and messages are stored on it still faster, on the same processors, those
// that store take the time from those that send: the queue grows, and everything comes late. So who stores
// waits a moment, until the messages of its group are few again. A queue that moves slowly, or not at all, is
// a carrier's business: waiting would help nobody.
const (
	brakeAt     = 64                     // messages of a group that may wait freely
	brakeWait   = 100 * time.Millisecond // the longest wait
	brakeWindow = 100 * time.Millisecond // over which the speed is measured
	brakeReach  = time.Second            // a queue that needs longer for what waits is slow
)

// brake counts what is handed out, and has who waits. It is guarded by work.mu.
type brake struct {
	begun        time.Time // of the window
	handed, last int       // in this window, and in the one before
	waiting      map[string][]chan struct{}
}

// count counts a message that is handed out.
func (b *brake) count(now time.Time) {
	b.turn(now)
	b.handed++
}

func (b *brake) turn(now time.Time) {
	switch age := now.Sub(b.begun); {
	case age > 2*brakeWindow:
		b.begun, b.handed, b.last = now, 0, 0
	case age > brakeWindow:
		b.begun, b.handed, b.last = now, 0, b.handed
	}
}

// reach is how many messages the queue hands out within brakeReach.
func (b *brake) reach(now time.Time) int {
	b.turn(now)
	return max(b.handed, b.last) * int(brakeReach/brakeWindow)
}

// slow is what whoever stores for a group now waits for; nil when there is nothing to wait for.
func (w *work) slow(group string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.idle.of(group) + w.claimed.of(group)
	if n < brakeAt || n > w.brake.reach(time.Now()) {
		return nil
	}
	turn := make(chan struct{})
	w.brake.waiting[group] = append(w.brake.waiting[group], turn)
	return turn
}

// speed counts a message that is handed out, and lets those go on for whom there is room now. For callers
// that hold mu.
func (w *work) speed(group string) {
	w.brake.count(time.Now())
	w.brake.release(group, brakeAt-w.idle.of(group)-w.claimed.of(group))
}

// release lets go on as many of those who wait as a group has room for.
func (b *brake) release(group string, room int) {
	list := b.waiting[group]
	n := min(len(list), max(room, 0))
	for _, one := range list[:n] {
		close(one)
	}
	if b.waiting[group] = list[n:]; n == len(list) {
		delete(b.waiting, group)
	}
}

// Yield waits while the messages of a group, on a route's queue that moves fast, are stored faster than they
// are handed out: for 100 ms at most. Whoever stores many calls it before each.
func (q *Queue) Yield(ctx context.Context, route, group string) {
	w := q.named(workSMS + route)
	if w == nil {
		return
	}
	turn := w.slow(group)
	if turn == nil {
		return
	}
	enough := time.NewTimer(brakeWait)
	defer enough.Stop()
	select {
	case <-turn:
		return
	case <-enough.C:
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.brake.leave(group, turn)
}

func (b *brake) leave(group string, turn chan struct{}) {
	left := slices.DeleteFunc(b.waiting[group], func(c chan struct{}) bool { return c == turn })
	if b.waiting[group] = left; len(left) == 0 {
		delete(b.waiting, group)
	}
}
