package commitlog

import (
	"sync"
	"time"
)

// clockWindow is how long the best estimate of the difference between the two clocks is believed: they may
// drift apart.
const clockWindow = 30 * time.Second

// clock estimates the log's clock from what was applied and the monotonic time since. A batch is always
// applied later than it was stamped, so the greatest difference seen lately is the best one.
type clock struct {
	start time.Time // with its monotonic reading

	mu      sync.Mutex    // guards the rest
	current time.Duration // greatest log clock less monotonic time in this window; as time since 1970
	last    time.Duration // in the window before
	began   time.Duration // this window
	told    int64         // the latest time that now returned, in nanoseconds since 1970: it never goes back
}

func (c *clock) begin() { c.start = time.Now() }

// elapsed is the monotonic time since the start.
func (c *clock) elapsed() time.Duration { return time.Since(c.start) }

// continueFrom makes this process the source of the clock: it goes on from the wall clock of its start, or
// from where the log is where that is later.
func (c *clock) continueFrom(ms int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := max(time.Duration(c.start.UnixNano()), time.Duration(ms)*time.Millisecond-c.elapsed())
	c.current, c.last, c.began = at, at, time.Duration(1<<62)
}

// heard takes in the log's clock after a batch was applied.
func (c *clock) heard(ms int64) {
	elapsed := c.elapsed()
	difference := time.Duration(ms)*time.Millisecond - elapsed
	c.mu.Lock()
	defer c.mu.Unlock()
	if elapsed-c.began > clockWindow {
		c.last, c.current, c.began = c.current, difference, elapsed
	}
	c.current = max(c.current, difference)
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := max(c.current, c.last) + c.elapsed()
	c.told = max(c.told, int64(at))
	return time.Unix(0, c.told)
}
