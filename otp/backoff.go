package otp

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pauses after a lost compare-and-set: about the time of a write at first, and short enough at last that who waits for
// another's outcome hears of it at once.
const (
	firstPause   = time.Millisecond
	longestPause = 50 * time.Millisecond
)

// backoff grows the time between tries, with full jitter, so that many writers of one record drift apart.
type backoff struct{ next time.Duration }

// wait returns ctx's error when that ends first.
func (b *backoff) wait(ctx context.Context) error {
	b.next = min(max(2*b.next, firstPause), longestPause)
	t := time.NewTimer(rand.N(b.next))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
