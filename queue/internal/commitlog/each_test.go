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
	put := func(key string, expires int64) {
		e := entry{key: []byte(key), value: []byte("v"), revision: 1, expires: expires}
		old := s.find(b, e.key)
		s.store(b, e, &old)
	}
	for i := range kept {
		put(fmt.Sprint("kept", i), 0)
	}
	put("over", 5)
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
			put(fmt.Sprint("new", i), 0)
			s.remove(b, fmt.Append(nil, "new", i-100), false)
			s.mu.Unlock()
		}
	})
	seen := make(map[string]int)
	s.each("b", 10, func(key string, _ []byte) bool { seen[key]++; return true })
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
	s.each("b", 10, func(string, []byte) bool { n++; return n < 7 })
	if n != 7 {
		t.Errorf("it went on to %d", n)
	}
	s.each("none", 10, func(string, []byte) bool { t.Error("a bucket that is not there"); return true })
}
