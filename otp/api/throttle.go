package api

import (
	"math"
	"net/netip"
	"sync"
	"time"
)

// throttleSize is how many addresses each of the two halves of a throttle holds.
const throttleSize = 8192

// throttle slows down who has no valid credential: an address may fail so many times a minute, and past that is told 429
// instead of 401. It counts failures and refuses only what failed: callers behind the same address (a proxy, a NAT) whose
// credential is right are never refused for a stranger's. It is of this daemon alone and bounded: under a flood of
// addresses the oldest are forgotten.
type throttle struct {
	perMinute float64 // 0: never
	now       func() time.Time

	mu                    sync.Mutex
	failures, oldFailures map[netip.Addr]failures
}

// failures is a bucket that fills with failures and runs empty in a minute.
type failures struct {
	level float64
	at    time.Time
}

func newThrottle(perMinute int) *throttle {
	return &throttle{perMinute: float64(perMinute), now: time.Now, failures: make(map[netip.Addr]failures)}
}

// until is when the address may fail again; zero for now.
func (t *throttle) until(a netip.Addr) time.Time {
	if t.perMinute <= 0 {
		return time.Time{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	level := t.level(a, now)
	if level <= t.perMinute-1 {
		return time.Time{}
	}
	wait := (level - (t.perMinute - 1)) * 60 / t.perMinute
	return now.Add(time.Duration(math.Ceil(wait)) * time.Second)
}

// level is what the bucket holds now; t.mu is held.
func (t *throttle) level(a netip.Addr, now time.Time) float64 {
	f, ok := t.failures[a]
	if !ok {
		f = t.oldFailures[a]
	}
	return max(0, f.level-now.Sub(f.at).Minutes()*t.perMinute)
}

// failed counts a failure that was answered as one; those beyond the limit are not, so that the limit ends although somebody
// goes on trying.
func (t *throttle) failed(a netip.Addr) {
	if t.perMinute <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	level := t.level(a, now) + 1
	if len(t.failures) >= throttleSize {
		t.oldFailures, t.failures = t.failures, make(map[netip.Addr]failures)
	}
	t.failures[a] = failures{level, now}
}
