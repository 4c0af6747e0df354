package commitlog

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// TestWatchMissesNothing: a watcher that comes while the log is written to hears of each entry, in the order
// of its changes.
func TestWatchMissesNothing(t *testing.T) { onBothKinds(t, watchMissesNothing) }

func watchMissesNothing(t *testing.T, kind func(*Options)) {
	l := open(t, newMemory(), kind)
	const keys, changes = 8, 200
	var writers sync.WaitGroup
	for k := range keys {
		writers.Go(func() {
			for n := range changes {
				if _, err := l.Commit(context.Background(), Tx{{Bucket: "b", Key: fmt.Sprint(k), Value: fmt.Append(nil, n)}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var mu sync.Mutex
	last := make(map[string]uint64)
	value := make(map[string]string)
	heard := func(c Change) {
		mu.Lock()
		defer mu.Unlock()
		if c.Revision <= last[c.Key] {
			t.Errorf("key %s: revision %d after %d", c.Key, c.Revision, last[c.Key])
		}
		last[c.Key], value[c.Key] = c.Revision, string(c.Value)
	}
	l.Watch("b", heard, heard)
	writers.Wait()
	if err := l.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for k := range keys {
		if got := value[fmt.Sprint(k)]; got != fmt.Sprint(changes-1) {
			t.Errorf("key %d: heard of %s last", k, got)
		}
	}
}
