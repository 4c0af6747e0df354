// Package quietlog keeps what happens again and again from filling the log: it says when a line is due, and how
// many times that line stands for. The lines are their writers'.
package quietlog

import (
	"sync"
	"time"
)

// Between is the time between two lines about the same thing.
const Between = time.Minute

// Lines are those about several things, each by a name of which there are few: a link and a reason, say. The
// zero value is ready, for use by several goroutines.
type Lines struct {
	mu    sync.Mutex
	told  map[string]time.Time
	count map[string]int // since then
}

// Due counts one more time, and says whether a line is due now, and for how many times since the last it stands.
func (q *Lines) Due(about string, now time.Time) (count int, due bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.told == nil {
		q.told, q.count = make(map[string]time.Time), make(map[string]int)
	}
	q.count[about]++
	if last, ok := q.told[about]; ok && now.Sub(last) < Between {
		return 0, false
	}
	count = q.count[about]
	q.told[about], q.count[about] = now, 0
	return count, true
}
