package commitlog

import (
	"fmt"
	"sync"
	"testing"
)

// TestEachWhileChanging: entries that stay are seen, each once, while others come and go.
func TestEachWhileChanging(t *testing.T) {
	s := newState()
	b := s.bucket("b")
	const kept = 5 * eachChunk
	for i := range kept {
		b.entries[fmt.Sprint("kept", i)] = entry{value: "v"}
	}
	b.entries["over"] = entry{value: "v", expires: 5}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			s.mu.Lock()
			b.entries[fmt.Sprint("new", i)] = entry{value: "v"}
			delete(b.entries, fmt.Sprint("new", i-100))
			s.mu.Unlock()
		}
	})
	seen := make(map[string]int)
	s.each("b", 10, func(key, _ string) bool { seen[key]++; return true })
	close(stop)
	wg.Wait()
	for i := range kept {
		if n := seen[fmt.Sprint("kept", i)]; n != 1 {
			t.Fatalf("kept%d was seen %d times", i, n)
		}
	}
	if seen["over"] != 0 {
		t.Error("what is over was seen")
	}
	n := 0
	s.each("b", 10, func(string, string) bool { n++; return n < 7 })
	if n != 7 {
		t.Errorf("it went on to %d", n)
	}
	s.each("none", 10, func(string, string) bool { t.Error("a bucket that is not there"); return true })
}
