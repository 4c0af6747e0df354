package queue_test

import (
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestCount: many counters at once, none of whose additions is lost; each window and name has its own sum.
func TestCount(t *testing.T) {
	t.Parallel()
	q := queuetest.Open(t)
	ctx := within(t, 20*time.Second)
	const counters, each = 8, 50
	var mu sync.Mutex
	seen := make(map[int64]bool)
	var wg sync.WaitGroup
	for range counters {
		wg.Go(func() {
			for range each {
				sum, err := q.Count(ctx, "an app.with dots", 7, 1)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[sum] {
					t.Errorf("the sum %d was told twice", sum)
				}
				seen[sum] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != counters*each || !seen[counters*each] {
		t.Errorf("%d sums", len(seen))
	}
	for _, other := range []struct {
		name   string
		window int64
	}{{"an app.with dots", 8}, {"another", 7}} {
		if sum, err := q.Count(ctx, other.name, other.window, 3); err != nil || sum != 3 {
			t.Errorf("%v: %d, %v", other, sum, err)
		}
	}
}
