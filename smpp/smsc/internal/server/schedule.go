package server

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// task is something to be done at a time. fire runs on the schedule's goroutine and must not wait for
// anything.
type task interface{ fire() }

// schedule runs tasks when they are due, those of one time in the order they were added. It is a heap and one
// goroutine, whatever the number of tasks.
type schedule struct {
	limit int
	wake  chan struct{}

	mu    sync.Mutex // guards the rest
	queue entries
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
	return len(s.queue)
}

// add takes a task. Callers who add without bound ask full first; the few who may not fail go over the limit.
func (s *schedule) add(due time.Time, t task) {
	s.mu.Lock()
	s.added++
	e := entry{due, s.added, t}
	heap.Push(&s.queue, e)
	first := s.queue[0].nth == e.nth
	s.mu.Unlock()
	if !first { // the goroutine waits for an earlier one already
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// entries are a heap by time, for container/heap.
type entries []entry

func (q entries) Len() int      { return len(q) }
func (q entries) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q entries) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].nth < q[j].nth
	}
	return q[i].due.Before(q[j].due)
}
func (q *entries) Push(e any) { *q = append(*q, e.(entry)) }
func (q *entries) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = entry{}
	*q = (*q)[:last]
	if last == 0 && cap(*q) > burst {
		*q = nil // give back what a burst took
	}
	return e
}

// burst is a queue so long that its memory is not kept.
const burst = 4096

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
	if len(s.queue) == 0 {
		return nil, 0
	}
	if rest = s.queue[0].due.Sub(now); rest > 0 {
		return nil, rest
	}
	return heap.Pop(&s.queue).(entry).task, 0
}
