package server

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// budget bounds what several queues hold together.
type budget struct {
	limit int64
	used  atomic.Int64
}

// queue is first in, first out, with a bound and any number of takers.
type queue[T any] struct {
	limit int
	share *budget
	ready chan struct{} // holds a token while there may be something to take

	mu     sync.Mutex // guards the rest
	items  []T
	head   int
	closed bool
}

func newQueue[T any](limit int, share *budget) *queue[T] {
	return &queue[T]{limit: limit, share: share, ready: make(chan struct{}, 1)}
}

// push puts v behind the others. When there is no room the oldest is dropped for it, and returned; v itself
// when the queue is closed, or holds nothing and others used up what they share.
func (q *queue[T]) push(v T) (oldest T, dropped bool) {
	q.mu.Lock()
	n := len(q.items) - q.head
	if full := n >= q.limit || q.share.used.Load() >= q.share.limit; q.closed || full && n == 0 {
		q.mu.Unlock()
		return v, true
	} else if full {
		oldest, dropped = q.pop(), true
	}
	q.share.used.Add(1)
	if q.head > 1024 && q.head > len(q.items)/2 { // else a queue that is never empty would grow for ever
		q.items = slices.Delete(q.items, 0, q.head)
		q.head = 0
	}
	q.items = append(q.items, v)
	q.mu.Unlock()
	q.signal()
	return oldest, dropped
}

// putBack puts v, taken before, in front of the others. It may go over the limit by what was taken. A closed
// queue drops it.
func (q *queue[T]) putBack(v T) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	q.share.used.Add(1)
	if q.head == 0 {
		q.items = slices.Insert(q.items, 0, v)
	} else {
		q.head--
		q.items[q.head] = v
	}
	q.mu.Unlock()
	q.signal()
}

// next takes the first, waiting for it until ctx ends.
func (q *queue[T]) next(ctx context.Context) (v T, ok bool) {
	for {
		if v, ok = q.take(); ok {
			return v, true
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return v, false
		}
	}
}

// take takes the first, if there is one.
func (q *queue[T]) take() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.items) {
		return v, false
	}
	v = q.pop()
	if q.head < len(q.items) {
		q.signal() // for another taker
	}
	return v, true
}

// close drops what the queue holds, and all that comes.
func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.share.used.Add(-int64(len(q.items) - q.head))
	q.items, q.head, q.closed = nil, 0, true
}

func (q *queue[T]) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) - q.head
}

// pop takes the first of a queue that has one. The caller holds mu.
func (q *queue[T]) pop() T {
	var zero T
	v := q.items[q.head]
	q.items[q.head] = zero
	q.share.used.Add(-1)
	if q.head++; q.head == len(q.items) {
		q.head = 0
		if q.items = q.items[:0]; cap(q.items) > 4096 {
			q.items = nil // give back what a burst took
		}
	}
	return v
}

func (q *queue[T]) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
