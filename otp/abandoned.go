package otp

import (
	"sync"
	"time"
)

// mostAbandoned bounds how many are known; more fail at once only where no store answers for long, and then
// the oldest are free by their lease soon.
const mostAbandoned = 4096

// abandoned are the requests with an idempotency key that this daemon began and gave up, since the store did
// not answer. Their key may be stored all the same, and would look as if they were under way until its lease
// ran out. By the id of the OTP that each was to make.
type abandoned struct {
	mu    sync.Mutex
	since map[string]time.Time // by the real clock
}

func (a *abandoned) add(otpID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for id, since := range a.since {
		if now.Sub(since) > answerLease {
			delete(a.since, id)
		}
	}
	if a.since == nil {
		a.since = make(map[string]time.Time)
	}
	if len(a.since) < mostAbandoned {
		a.since[otpID] = now
	}
}

// take tells whether a request is one of those. Only the first who asks gets it, and goes on with it.
func (a *abandoned) take(otpID string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.since[otpID]
	delete(a.since, otpID)
	return ok
}
