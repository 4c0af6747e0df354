// Package backoff spaces tries: each pause may be twice as long as the one before, up to a bound, and how
// much of it is waited is left to chance, so that many that failed together do not come back together. Time
// is that of package time; tests of what waits run in a testing/synctest bubble.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff spaces the tries of one operation. Its first pause is up to First, and none is longer than Longest.
// It is for one goroutine.
type Backoff struct {
	First, Longest time.Duration

	tries int
}

// Next is how long to wait before the next try: anything up to the bound (full jitter).
func (b *Backoff) Next() time.Duration {
	bound := Doubled(b.First, b.tries, b.Longest)
	b.tries++
	return rand.N(bound + 1)
}

// Reset begins anew, after a success.
func (b *Backoff) Reset() { b.tries = 0 }

// Wait waits before the next try, and returns the error of ctx when that ends first.
func (b *Backoff) Wait(ctx context.Context) error { return Sleep(ctx, b.Next()) }

// Doubled is first, doubled n times, longest at the most.
func Doubled(first time.Duration, n int, longest time.Duration) time.Duration {
	const most = 32 // doublings; an int64 has no room for many more
	for range min(n, most) {
		if first >= longest/2 {
			return longest
		}
		first *= 2
	}
	return min(first, longest)
}

// Spread is d and, by chance, up to more on top of it.
func Spread(d, more time.Duration) time.Duration { return d + rand.N(more+1) }

// Sleep waits, and returns the error of ctx when that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
