package logs

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Lines of the log are written together, for at thousands a second a system call for each costs more than the
// line. What is worth a warning is written at once, with what was before it.
//
// Whoever reads the log (journald, a container engine, a shipper, a terminal that is held) may stand still, and
// then a write to it never comes back. Nothing of the gateway waits for a write longer than patience: after it
// lines go on to be gathered, and those that there is no room for are left out and counted, until it comes back.
const (
	gatherPause = 20 * time.Millisecond // the longest that a line waits
	gatherEarly = 64 << 10              // octets that are written before that
	gatherRoom  = 1 << 20               // octets that wait, at most
	patience    = 100 * time.Millisecond
	lastWait    = time.Second // for what is left at the end
)

// Lost counts the lines that were left out.
var Lost = prometheus.NewCounter(prometheus.CounterOpts{Name: "otpgw_log_lines_lost_total",
	Help: "Lines of the log that were left out while whoever reads it stood still."})

// gatherer is a zerolog.LevelWriter that gathers lines. Flush it at the end.
type gatherer struct {
	w io.Writer

	mu    sync.Mutex // guards the rest
	lines []byte     // that wait
	spare []byte     // room of a write that came back
	lost  int        // lines, since the last write
	later *time.Timer
	armed bool
	under *writing // nil: no write is under way
}

// writing is one write; done is closed when it came back.
type writing struct {
	begun time.Time
	done  chan struct{}
}

func newGatherer(w io.Writer) *gatherer {
	l := &gatherer{w: w}
	l.later = time.AfterFunc(time.Hour, l.write)
	l.later.Stop()
	return l
}

func (l *gatherer) Write(p []byte) (int, error) { return l.WriteLevel(zerolog.NoLevel, p) }

func (l *gatherer) WriteLevel(level zerolog.Level, p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.lines)+len(p) > gatherRoom {
		if !l.wait(patience) {
			l.lost++
			Lost.Inc()
			return len(p), nil
		}
	}
	l.lines = append(l.lines, p...)
	switch {
	case level >= zerolog.WarnLevel:
		l.flush(patience)
	case len(l.lines) >= gatherEarly:
		l.start()
	case !l.armed:
		l.armed = true
		l.later.Reset(gatherPause)
	}
	return len(p), nil
}

// Flush writes what waits.
func (l *gatherer) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush(lastWait)
}

// flush returns when what waits is written, or a write takes too long. For callers that hold mu, which is let
// go of meanwhile.
func (l *gatherer) flush(most time.Duration) {
	for (len(l.lines) > 0 || l.under != nil) && l.wait(most) {
	}
}

// wait waits for the write that is under way, and begins one where there is none; false when it has taken too
// long. For callers that hold mu, which is let go of meanwhile.
func (l *gatherer) wait(most time.Duration) bool {
	l.start()
	under := l.under
	if under == nil {
		return true
	}
	left := most - time.Since(under.begun)
	if left <= 0 {
		return false
	}
	l.mu.Unlock()
	defer l.mu.Lock()
	late := time.NewTimer(left)
	defer late.Stop()
	select {
	case <-under.done:
		return true
	case <-late.C:
		return false
	}
}

// start has what waits written. For callers that hold mu.
func (l *gatherer) start() {
	if lines := l.next(); lines != nil {
		go l.writeAll(lines)
	}
}

// write is start for the timer, whose goroutine may take its time.
func (l *gatherer) write() {
	l.mu.Lock()
	lines := l.next()
	l.mu.Unlock()
	l.writeAll(lines)
}

// next takes what waits, to be written; nil while a write is under way, which then goes on with it. For
// callers that hold mu.
func (l *gatherer) next() []byte {
	l.armed = false
	l.later.Stop()
	if l.under != nil || len(l.lines) == 0 {
		return nil
	}
	lines := l.lines
	if l.lines, l.spare = l.spare, nil; l.lost > 0 {
		lines = fmt.Appendf(lines, `{"level":"warn","lines":%d,"time":%q,"message":"lines are missing here: whoever reads the log stood still"}`+"\n",
			l.lost, time.Now().Format(time.RFC3339Nano))
		l.lost = 0
	}
	l.under = &writing{time.Now(), make(chan struct{})}
	return lines
}

// writeAll writes, and then what has come meanwhile. It leaves out what cannot be written: a disk that was full
// may have room again for the next.
func (l *gatherer) writeAll(lines []byte) {
	for lines != nil {
		_, _ = l.w.Write(lines)
		l.mu.Lock()
		close(l.under.done)
		l.under = nil
		if l.spare == nil && cap(lines) <= 2*gatherEarly {
			l.spare = lines[:0]
		}
		lines = l.next()
		l.mu.Unlock()
	}
}
