package link

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// A message that was in flight whenever the SMSC hung up may be the reason, or one of those that were with
// it.
const (
	soloAfter   = 3               // drops, from which on a message goes alone
	soloWait    = 5 * time.Second // for those in flight to be answered
	soloFor     = 2 * time.Second // after which others go again beside it: an SMSC hangs up sooner, or is merely slow
	soloWeight  = 1 << 30
	soloPostpon = 2 * time.Second
)

// solo lets the messages of a session go side by side, or one alone.
type solo struct{ sem *semaphore.Weighted }

func newSolo() *solo { return &solo{semaphore.NewWeighted(soloWeight)} }

// together is for a message beside others, which waits only while one goes alone.
func (s *solo) together(ctx context.Context) (leave func(), err error) {
	if err := s.sem.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { s.sem.Release(1) }, nil
}

// alone waits until nothing else is in flight and holds up what comes, for soloFor at most. was tells, at the
// end, whether the message was alone all the time.
func (s *solo) alone(ctx context.Context) (leave func(), was func() bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, soloWait)
	defer cancel()
	if err := s.sem.Acquire(ctx, soloWeight); err != nil {
		return nil, nil, err
	}
	joined := time.AfterFunc(soloFor, func() { s.sem.Release(soloWeight - 1) })
	left := false
	was = func() bool {
		if !left && joined.Stop() {
			left = true
			s.sem.Release(soloWeight - 1)
		}
		return left
	}
	return func() { was(); s.sem.Release(1) }, was, nil
}
