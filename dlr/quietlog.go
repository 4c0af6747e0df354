package dlr

import (
	"sync"
	"time"
)

// quietFor is the time between two lines in the log about the same thing.
const quietFor = time.Minute

// quiet keeps a peer from filling the log: of what happens again and again, one line a minute is written,
// with a count.
type quiet struct {
	mu    sync.Mutex
	told  map[string]time.Time // by what it is about, which are links and reasons, so few
	count map[string]int       // since then
}

// tell says whether a line is due now, and how many times it stands for.
func (q *quiet) tell(about string, now time.Time) (count int, due bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.told == nil {
		q.told, q.count = make(map[string]time.Time), make(map[string]int)
	}
	q.count[about]++
	if last, ok := q.told[about]; ok && now.Sub(last) < quietFor {
		return 0, false
	}
	count = q.count[about]
	q.told[about], q.count[about] = now, 0
	return count, true
}
