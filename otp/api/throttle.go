package api

import (
	"crypto/sha256"
	"math"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// throttleSize is how many addresses, and how many good credentials, each of the two halves of a throttle holds.
const throttleSize = 8192

// throttle slows the guessing of credentials down: an address has so many failures a minute, and past that its credentials are
// not even looked at, so that neither 401 nor 200 tells anything. Callers behind the same address (a proxy, a NAT) who were
// let in before stay in, by the hash of what they presented. It is of this daemon alone and bounded: under a flood of
// addresses the oldest are forgotten.
//
// The address is that of the connection. What a proxy says it is for (X-Forwarded-For) anybody can write.
type throttle struct {
	perMinute float64 // 0: never
	now       func() time.Time

	mu               sync.Mutex
	failures         map[netip.Addr]failures
	oldFailures      map[netip.Addr]failures
	welcome, oldGood map[[sha256.Size]byte]bool
}

// failures is a bucket that fills with failures and runs empty in a minute.
type failures struct {
	level float64
	at    time.Time
}

func newThrottle(perMinute int) *throttle {
	return &throttle{perMinute: float64(perMinute), now: time.Now,
		failures: make(map[netip.Addr]failures), welcome: make(map[[sha256.Size]byte]bool)}
}

// until is when the address may try again; zero for now.
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

// known says whether these credentials were good from this address before.
func (t *throttle) known(who [sha256.Size]byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.welcome[who] || t.oldGood[who]
}

func (t *throttle) passed(who [sha256.Size]byte) {
	if t.perMinute <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.welcome[who] {
		return
	}
	if len(t.welcome) >= throttleSize {
		t.oldGood, t.welcome = t.welcome, make(map[[sha256.Size]byte]bool)
	}
	t.welcome[who] = true
}

// presented names what a request presents, and from where.
func presented(a netip.Addr, r *http.Request) (who [sha256.Size]byte) {
	h := sha256.New()
	h.Write([]byte(a.String()))
	for _, name := range []string{"X-API-KEY", "Authorization"} {
		for _, v := range r.Header.Values(name) {
			h.Write([]byte("\x00" + name + "\x00" + v))
		}
	}
	h.Sum(who[:0])
	return who
}

// clientAddr is the address of the connection; of IPv6 the network of 64 bits, which one customer has whole.
func clientAddr(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64)
		a = p.Addr()
	}
	return a
}
