package queue

import (
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// Timers are entries of the log; each daemon keeps an index of all, by time: a calendar, and a heap of those
// that are near. The daemon that stored a timer fires it when it is due, the others a little later, should it
// still be there. What a timer does must be decided by compare-and-set and take the timer away, so of several
// that fire one wins.
const (
	timerBucket  = "timer"
	timerTail    = 24 * time.Hour // how long a timer stays that nobody's work takes away
	timerRank    = 2 * time.Second
	timerSpread  = 1500 * time.Millisecond
	timerWorkers = 16
	timerTimeout = 10 * time.Second // of one timer's work
	timerRetry   = time.Second      // after an error; doubles
	timerLongest = time.Minute
)

// Timer is one that has fired.
type Timer struct {
	ID      string
	Data    []byte
	Attempt int // 1 for the first
}

func (q *Queue) timerOp(id string, at time.Time, data []byte) commitlog.Op {
	value := make([]byte, 0, 8+len(data))
	value = append(binary.BigEndian.AppendUint64(value, uint64(at.Add(time.Millisecond-1).UnixMilli())), data...) // never early
	return commitlog.Op{Bucket: timerBucket, Key: compact(id), Value: value, TTL: max(at.Sub(q.Now()), 0) + timerTail}
}

// timers is the index of the timers in the log. One that was taken away or replaced stays in it until it
// would be due: there may be a million, and most come to be due.
type timers struct {
	q *Queue

	mu    sync.Mutex // guards the rest
	later calendar
	due   timerHeap
	wake  chan struct{}
}

// armed is a timer that waits for its time.
type armed struct {
	at       int64 // milliseconds of the log's clock
	key      string
	revision uint64
	attempt  int
}

func newTimers(q *Queue) *timers {
	return &timers{q: q, later: newCalendar(), wake: make(chan struct{}, 1)}
}

// changed follows the log.
func (t *timers) changed(c commitlog.Change) {
	if c.Gone || len(c.Value) < 8 {
		return
	}
	at := dueAt(c.Value)
	if !c.Mine {
		at += t.rank(c.Key).Milliseconds()
	}
	t.mu.Lock()
	far, first := t.later.add(at, c.Key)
	t.mu.Unlock()
	if first {
		t.nudge()
	}
	if !far {
		t.arm(armed{at: at, key: c.Key, revision: c.Revision})
	}
}

// dueAt is when the timer with a value is due, for whoever stored it.
func dueAt(value []byte) int64 { return int64(binary.BigEndian.Uint64(value)) }

// near arms the timers of the calendar whose time comes in the next seconds. One that was replaced meanwhile
// is in the calendar again, or armed, where its new time belongs.
func (t *timers) near(now int64) {
	t.mu.Lock()
	opened := t.later.open(now)
	t.mu.Unlock()
	eachOpened(opened, func(at int64, key string) {
		e, ok := t.q.ledger.Get(timerBucket, key)
		if !ok || len(e.Value) < 8 {
			return
		}
		if own := dueAt(e.Value); own == at || own+t.rank(key).Milliseconds() == at {
			t.arm(armed{at: at, key: key, revision: e.Revision})
		}
	})
}

func (t *timers) arm(a armed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	heap.Push(&t.due, a)
	if t.due[0] == a {
		t.nudge()
	}
}

// rank spreads the daemons that did not store a timer; where there is one daemon only, it waits for nobody.
func (t *timers) rank(key string) time.Duration {
	if t.q.daemons == nil {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(t.q.daemons.self))
	h.Write([]byte(key))
	return timerRank + time.Duration(h.Sum32())%timerSpread
}

func (t *timers) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// next is the first timer that is due, with its data; false, and how long to wait, when there is none.
func (t *timers) next() (a armed, fired Timer, wait time.Duration, ok bool) {
	now := t.q.Now().UnixMilli()
	t.near(now)
	for {
		t.mu.Lock()
		if len(t.due) == 0 || t.due[0].at > now {
			at := now + time.Hour.Milliseconds()
			if len(t.due) > 0 {
				at = min(at, t.due[0].at)
			}
			if opens := t.later.next(); opens > 0 {
				at = min(at, opens)
			}
			wait = time.Duration(at-now) * time.Millisecond
			t.mu.Unlock()
			return a, fired, wait, false
		}
		a = heap.Pop(&t.due).(armed)
		t.mu.Unlock()
		if e, there := t.stored(a); there {
			a.attempt++
			return a, Timer{ID: expand(a.key), Data: e.Value[8:], Attempt: a.attempt}, 0, true
		}
	}
}

// stored is the timer's entry, unless it was taken away or replaced.
func (t *timers) stored(a armed) (commitlog.Entry, bool) {
	e, ok := t.q.ledger.Get(timerBucket, a.key)
	return e, ok && e.Revision == a.revision && len(e.Value) >= 8
}

// RunTimers calls work for each timer that is due, until ctx ends; then it waits for those under way and
// returns nil. work says when the timer is to fire again; the zero time: it is done, and is taken away if
// work has not done so. After an error it fires again after a while.
func (q *Queue) RunTimers(ctx context.Context, work func(context.Context, Timer) (again time.Time, err error)) error {
	t := q.timers
	var g errgroup.Group
	g.SetLimit(timerWorkers)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		a, fired, wait, ok := t.next()
		if ok {
			g.Go(func() error { t.fire(ctx, a, fired, work); return nil })
			if ctx.Err() != nil {
				break
			}
			continue
		}
		pause.Reset(wait)
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-t.wake:
		case <-pause.C:
		}
	}
	return g.Wait()
}

func (t *timers) fire(ctx context.Context, a armed, fired Timer, work func(context.Context, Timer) (time.Time, error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timerTimeout)
	defer cancel()
	at, err := work(ctx, fired)
	switch {
	case err != nil:
		at = t.q.Now().Add(backoff.Doubled(timerRetry, a.attempt-1, timerLongest))
		t.q.log.Warn().Err(err).Str("timer", fired.ID).Int("attempt", a.attempt).Msg("a timer's work is not done yet")
	case at.IsZero():
		_, err = t.q.ledger.Commit(ctx, commitlog.Tx{{Bucket: timerBucket, Key: a.key, Action: commitlog.Delete, If: commitlog.IfRevision, Revision: a.revision}})
		if err == nil || errors.Is(err, commitlog.ErrConflict) {
			return
		}
		at = t.q.Now().Add(timerRetry)
	}
	if _, there := t.stored(a); there {
		a.at = at.UnixMilli()
		t.arm(a)
	}
}

// timerHeap is a heap by time, for container/heap.
type timerHeap []armed

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)        { *h = append(*h, x.(armed)) }
func (h *timerHeap) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = armed{}
	*h = old[:len(old)-1]
	return a
}
