package api

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// failuresKept is how many addresses are known to have failed.
const failuresKept = 16384

// authFailures slows down who has no valid credential: an address may fail so many times a minute, and past
// that is told 429 instead of 401. It counts failures and refuses only what failed: callers behind the same
// address (a proxy, a NAT) whose credential is right are never refused for a stranger's. It is of this daemon
// alone and bounded: under a flood of addresses the oldest are forgotten.
type authFailures struct {
	perMinute float64 // 0: never
	now       func() time.Time

	mu   sync.Mutex
	last *simplelru.LRU[netip.Addr, failures] // guarded by mu
}

// failures is a bucket that fills with failures and runs empty in a minute.
type failures struct {
	level float64
	at    time.Time
}

func newAuthFailures(perMinute int) *authFailures {
	last, _ := simplelru.NewLRU[netip.Addr, failures](failuresKept, nil) // fails for a size of 0
	return &authFailures{perMinute: float64(perMinute), now: time.Now, last: last}
}

// until is when the address may fail again; zero for now.
func (f *authFailures) until(a netip.Addr) time.Time {
	if f.perMinute <= 0 {
		return time.Time{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	level := f.level(a, now)
	if level <= f.perMinute-1 {
		return time.Time{}
	}
	wait := (level - (f.perMinute - 1)) * 60 / f.perMinute
	return now.Add(time.Duration(math.Ceil(wait)) * time.Second)
}

// level is what the bucket holds now; f.mu is held.
func (f *authFailures) level(a netip.Addr, now time.Time) float64 {
	past, _ := f.last.Peek(a)
	return max(0, past.level-now.Sub(past.at).Minutes()*f.perMinute)
}

// failed counts a failure that was answered as one; those beyond the limit are not, so that the limit ends
// although somebody goes on trying.
func (f *authFailures) failed(a netip.Addr) {
	if f.perMinute <= 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	f.last.Add(a, failures{f.level(a, now) + 1, now})
}
