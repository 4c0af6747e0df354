package link

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff spaces attempts: exponential with full jitter, capped, so that many daemons do not come back together.
type backoff struct {
	base, limit time.Duration
	tries       int
}

// next is the time to wait before the next attempt: random between base/2 and the doubled bound.
func (b *backoff) next() time.Duration {
	bound := b.limit
	if b.tries < 16 {
		bound = min(b.limit, b.base<<b.tries)
	}
	b.tries++
	return b.base/2 + rand.N(bound)
}

func (b *backoff) reset() { b.tries = 0 }

// sleep waits, and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
