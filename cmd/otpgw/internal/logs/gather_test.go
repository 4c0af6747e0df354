package logs

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
