package callback

import (
	"container/heap"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// verdict is what a try says of a lane and its host.
type verdict struct {
	begun    time.Time
	ok       bool          // a success
	answered bool          // the host answered something
	wait     time.Duration // that the receiver asked for
}

// judged notes the outcome of a try, and makes what waits for a URL that answers again due at once: at the
// rate that the windows allow, which grow with each success.
func (t *lanes) judged(l *lane, v verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, h := time.Now(), l.host
	switch {
	case v.answered:
		if h.silent > 0 {
			h.shut = time.Time{}
			for other := range h.lanes {
				other.due(now)
			}
		}
		h.silent, h.known = 0, true
		h.window = min(2*h.window, t.perHost())
	case h.silent < silentTries || v.begun.After(h.shutAt): // of several at once, one makes the pause longer
		h.silent++
		h.doubt = now.Add(doubtTime)
		if h.silent >= silentTries {
			h.window, h.shutAt = 1, now
			h.shut = now.Add(spread(backoff.Doubled(t.pause, h.silent-silentTries, longestRest*t.pause)))
		}
	}
	switch {
	case v.ok:
		if l.fails > 0 {
			l.due(now)
		}
		l.fails, l.proven, l.paused = 0, true, time.Time{}
		l.window = min(2*l.window, laneShare)
	case v.begun.After(l.failed):
		l.failed, l.proven, l.window = now, false, 1
		if l.fails++; l.fails > 1 || !v.answered {
			l.paused = now.Add(spread(backoff.Doubled(t.pause, l.fails-1, longestRest*t.pause)))
		}
	}
	if v.wait > 0 {
		l.paused = now.Add(spread(v.wait))
	}
}

// due makes what waits for a later time due: once for each try that failed at its time, so that one request
// that fails for itself is not tried with each success of another.
func (l *lane) due(now time.Time) {
	for i := range l.later {
		if s := l.later[i]; !s.woken {
			s.early, s.woken, s.then, s.due = true, true, s.due, now
		}
	}
	heap.Init(&l.later)
	if l.timer != nil {
		l.timer.Reset(0)
	}
}
