package logs

import (
	"bufio"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Lines of the log are written together, for at thousands a second a system call for each costs more than the
// line. What is worth a warning is written at once, with what was before it.
const (
	gatherPause = 20 * time.Millisecond // the longest that a line waits
	gatherRoom  = 64 << 10              // octets that wait, at most
)

// gatherer is a zerolog.LevelWriter that gathers lines. Flush it at the end.
type gatherer struct {
	w io.Writer

	mu    sync.Mutex // guards the rest
	out   *bufio.Writer
	later *time.Timer
	armed bool
}

func newGatherer(w io.Writer) *gatherer {
	l := &gatherer{w: w, out: bufio.NewWriterSize(w, gatherRoom)}
	l.later = time.AfterFunc(time.Hour, l.Flush)
	l.later.Stop()
	return l
}

func (l *gatherer) Write(p []byte) (int, error) { return l.WriteLevel(zerolog.NoLevel, p) }

func (l *gatherer) WriteLevel(level zerolog.Level, p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.out.Write(p)
	switch {
	case level >= zerolog.WarnLevel:
		l.flush()
	case !l.armed:
		l.armed = true
		l.later.Reset(gatherPause)
	}
	return n, err
}

// Flush writes what waits.
func (l *gatherer) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
}

// flush leaves out what cannot be written, and begins anew: a disk that was full may have room again.
func (l *gatherer) flush() {
	l.armed = false
	l.later.Stop()
	if err := l.out.Flush(); err != nil {
		l.out.Reset(l.w)
	}
}
