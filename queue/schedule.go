package queue

import (
	"container/heap"
	"sync"
	"time"
)

// schedule calls functions at their times, one after the other, on a goroutine of its own, until it is
// stopped. The functions must not block.
type schedule struct {
	mu      sync.Mutex
	due     places[*due] // guarded by mu
	timer   *time.Timer
	stopped bool
}

// due is one call to come. It may be taken back.
type due struct {
	at    time.Time // with a monotonic reading
	call  func()    // nil: taken back
	place int
}

func newSchedule() *schedule {
	s := &schedule{}
	s.timer = time.AfterFunc(time.Hour, s.run)
	return s
}

// after calls f once, when d is over.
func (s *schedule) after(d time.Duration, f func()) *due {
	e := &due{at: time.Now().Add(d), call: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return e
	}
	heap.Push(&s.due, e)
	if e.place == 0 {
		s.timer.Reset(d)
	}
	return e
}

// cancel takes a call back that was not made yet.
func (s *schedule) cancel(e *due) {
	if e == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.call = nil
	if e.place >= 0 && e.place < len(s.due) && s.due[e.place] == e {
		heap.Remove(&s.due, e.place)
	}
}

func (s *schedule) run() {
	for {
		s.mu.Lock()
		if s.stopped || len(s.due) == 0 {
			s.mu.Unlock()
			return
		}
		if wait := time.Until(s.due[0].at); wait > 0 {
			s.timer.Reset(wait)
			s.mu.Unlock()
			return
		}
		f := heap.Pop(&s.due).(*due).call
		s.mu.Unlock()
		if f != nil {
			f()
		}
	}
}

func (s *schedule) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.timer.Stop()
	s.due = nil
}

func (e *due) before(o *due) bool { return e.at.Before(o.at) }
func (e *due) stand(place int)    { e.place = place }
