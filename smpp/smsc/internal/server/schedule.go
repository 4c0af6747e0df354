package server

import (
	"context"
	"sync"
	"time"
)

// task is something to be done at a time. fire runs on the schedule's goroutine and must not wait for anything.
type task interface{ fire() }

// schedule runs tasks when they are due, those of one time in the order they were added. It is a heap and one
// goroutine, whatever the number of tasks.
type schedule struct {
	limit int
	wake  chan struct{}

	mu    sync.Mutex // guards the rest
	heap  []entry
	added uint64
}

type entry struct {
	due  time.Time
	nth  uint64
	task task
}

// grain is how exact the schedule is: tasks that are due within it share one waking.
const grain = time.Millisecond

func newSchedule(limit int) *schedule {
	return &schedule{limit: limit, wake: make(chan struct{}, 1)}
}

// full reports whether there is no room for more.
func (s *schedule) full() bool { return s.size() >= s.limit }

func (s *schedule) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.heap)
}

// add takes a task. Callers who add without bound ask full first; the few who may not fail go over the limit.
func (s *schedule) add(due time.Time, t task) {
	s.mu.Lock()
	s.added++
	e := entry{due, s.added, t}
	i := len(s.heap)
	s.heap = append(s.heap, e)
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(s.heap[parent]) {
			break
		}
		s.heap[i] = s.heap[parent]
		i = parent
	}
	s.heap[i] = e
	s.mu.Unlock()
	if i > 0 { // the goroutine waits for an earlier one already
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (e entry) before(o entry) bool {
	if e.due.Equal(o.due) {
		return e.nth < o.nth
	}
	return e.due.Before(o.due)
}

// run fires tasks until ctx ends; those that wait then are dropped.
func (s *schedule) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.wake:
		}
		for {
			t, rest := s.due(time.Now())
			if t != nil {
				t.fire()
				continue
			}
			if rest > 0 {
				timer.Reset(max(rest, grain))
			}
			break
		}
	}
}

// due takes the first task if it is due; else rest is the time until it is, or zero when there is none.
func (s *schedule) due(now time.Time) (t task, rest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.heap) == 0 {
		return nil, 0
	}
	if rest = s.heap[0].due.Sub(now); rest > 0 {
		return nil, rest
	}
	t = s.heap[0].task
	last := len(s.heap) - 1
	e := s.heap[last]
	s.heap[last] = entry{}
	s.heap = s.heap[:last]
	if last > 0 {
		s.sink(e)
	} else if cap(s.heap) > 4096 {
		s.heap = nil // give back what a burst took
	}
	return t, 0
}

// sink finds the place of e, from the root down. The caller holds mu.
func (s *schedule) sink(e entry) {
	i := 0
	for {
		child := 2*i + 1
		if child >= len(s.heap) {
			break
		}
		if child+1 < len(s.heap) && s.heap[child+1].before(s.heap[child]) {
			child++
		}
		if !s.heap[child].before(e) {
			break
		}
		s.heap[i] = s.heap[child]
		i = child
	}
	s.heap[i] = e
}
