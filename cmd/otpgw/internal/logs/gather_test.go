package logs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/rs/zerolog"
)

// writes is a writer that counts, and fails while it is told to.
type writes struct {
	bytes.Buffer
	calls atomic.Int32
	err   error
}

func (w *writes) Write(p []byte) (int, error) {
	w.calls.Add(1)
	if w.err != nil {
		return 0, w.err
	}
	return w.Buffer.Write(p)
}

// Lines come together and soon, in their order; a warning comes at once; nothing is left at the end.
func TestLogLinesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w writes
		log, flush := New(&w, "json")
		for range 100 {
			log.Info().Msg("a")
		}
		synctest.Wait()
		if n := w.calls.Load(); n != 0 {
			t.Errorf("%d writes before the pause", n)
		}
		time.Sleep(gatherPause) // of the bubble
		synctest.Wait()
		if n := strings.Count(w.String(), "\n"); n != 100 || w.calls.Load() > 2 {
			t.Errorf("%d lines in %d writes after the pause", n, w.calls.Load())
		}
		log.Info().Msg("b")
		log.Warn().Msg("c")
		if s := w.String(); !strings.Contains(s, `"b"`) || !strings.HasSuffix(s, "\"c\"}\n") {
			t.Errorf("after a warning the log ends %q", s[len(s)-80:])
		}
		log.Info().Msg("d")
		flush()
		if !strings.Contains(w.String(), `"d"`) {
			t.Error("the last line is missing")
		}
	})
}

// A log that could not be written for a while is written again.
func TestLogLinesAfterAnError(t *testing.T) {
	w := writes{err: errors.New("no space left on device")}
	l := newGatherer(&w)
	log := zerolog.New(l)
	log.Warn().Msg("lost")
	w.err = nil
	log.Warn().Msg("there")
	if s := w.String(); !strings.Contains(s, "there") || strings.Contains(s, "lost") {
		t.Errorf("the log is %q", s)
	}
}

// stopped is a writer that stands still until it is let go.
type stopped struct {
	writes
	let chan struct{}
}

func (w *stopped) Write(p []byte) (int, error) {
	<-w.let
	return w.writes.Write(p)
}

// Whoever reads the log stands still: nobody who writes to it waits for long, however much there is to say, nor
// does the end. What there was no room for is told once the reader goes on, in its place.
func TestLogWhoseReaderStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stopped{let: make(chan struct{})}
		log, flush := New(&w, "json")
		before := lostLines(t)
		began := time.Now()
		log.Warn().Msg("first")
		long := strings.Repeat("x", 1000)
		for n := range 3000 { // three times the room
			log.WithLevel([]zerolog.Level{zerolog.InfoLevel, zerolog.ErrorLevel}[n%2]).Msg(long)
		}
		if took := time.Since(began); took > 2*patience {
			t.Errorf("the daemon waited %s for the reader of its log", took)
		}
		began = time.Now()
		flush()
		if took := time.Since(began); took > lastWait {
			t.Errorf("its end waited %s", took)
		}
		close(w.let)
		synctest.Wait()
		log.Warn().Msg("last")
		flush()
		lines := strings.Split(strings.TrimSpace(w.String()), "\n")
		n := len(lines)
		if !strings.Contains(lines[0], "first") || !strings.Contains(lines[n-1], "last") || !strings.Contains(lines[n-2], "lines are missing here") {
			t.Errorf("the log begins with %.80s and ends with %.200s", lines[0], lines[n-2:])
		}
		left := 3000 - (n - 3)
		if want := fmt.Sprintf(`"lines":%d,`, left); !strings.Contains(lines[n-2], want) || lostLines(t)-before != float64(left) || left < 1000 {
			t.Errorf("%d lines were left out, the metric says %v, the log %s", left, lostLines(t)-before, lines[n-2])
		}
	})
}

func lostLines(t *testing.T) float64 {
	t.Helper()
	var m dto.Metric
	if err := Lost.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
