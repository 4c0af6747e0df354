package link

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/otpgw/otpgw/smpp/internal/session"
)

// A message that was in flight whenever the SMSC hung up may be the reason, or one of those that were with
// it. Where the SMSC hung up meanwhile without it too, it does so anyway, and even what happens to a message
// alone proves little.
const (
	soloAfter   = 3               // drops, from which on a message goes alone
	soloMore    = 2               // drops more that it may have, of an SMSC that hangs up anyway
	hangUpsKept = 64              // sessions of a link that are remembered for that
	soloWait    = 5 * time.Second // for those in flight to be answered
	soloFor     = 2 * time.Second // after which others go again beside it: an SMSC hangs up sooner, or is merely slow
	soloWeight  = 1 << 30
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

// hangUps are the last sessions of a link that ended otherwise than by an unbind, or by us.
type hangUps struct {
	mu       sync.Mutex
	sessions []uint64 // by their number, see shift
}

func (h *hangUps) note(number uint64, reason error) {
	if reason == nil || errors.Is(reason, session.ErrUnbound) || errors.Is(reason, session.ErrFenced) || errors.Is(reason, errMisconfigured) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions = append(h.sessions[max(0, len(h.sessions)-hangUpsKept+1):], number)
}

// besides says whether there was one since the first of these, and none of them.
func (h *hangUps) besides(these []uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(these) > 0 && slices.ContainsFunc(h.sessions, func(n uint64) bool { return n > these[0] && !slices.Contains(these, n) })
}

// hangsUpAnyway: the SMSC ended sessions too that the message was not in.
func (l *Link) hangsUpAnyway(e *errand) bool {
	return e.trouble != nil && l.hangUps.besides(e.trouble.drops)
}

// mostDrops is how many sessions may end with a message in flight before it is refused.
func (l *Link) mostDrops(e *errand) int {
	if l.hangsUpAnyway(e) {
		return soloAfter + soloMore
	}
	return soloAfter
}
