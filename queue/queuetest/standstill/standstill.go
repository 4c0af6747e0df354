// Package standstill tells tests that measure how long something takes for how long the machine itself did
// nothing: its processors were others', or its disk took no writes. That is not to be held against the program
// that is tested.
package standstill

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// pulse is the pause between two looks.
const pulse = 10 * time.Millisecond

// Watch looks at the machine until the test ends. What it returns tells the longest time it stood still since
// then, and may be called at any time: a standstill that lasts counts as long as it has lasted.
func Watch(t testing.TB) (longest func() time.Duration) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "pulse"))
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{last: time.Now()}
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer file.Close()
		for {
			select {
			case <-done:
				return
			case <-time.After(pulse):
			}
			_, err := file.WriteAt([]byte("pulse"), 0)
			if err == nil {
				err = file.Sync()
			}
			if err != nil {
				t.Errorf("the pulse of the disk: %v", err)
				return
			}
			w.beat()
		}
	}()
	t.Cleanup(func() {
		close(done)
		<-ended
	})
	return w.longest
}

// watch is when the machine last did something, and the longest time it did nothing.
type watch struct {
	mu   sync.Mutex
	last time.Time
	most time.Duration
}

func (w *watch) beat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.most, w.last = max(w.most, now.Sub(w.last)), now
}

func (w *watch) longest() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.most, time.Since(w.last))
}
