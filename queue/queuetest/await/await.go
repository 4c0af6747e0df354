// Package await is how tests wait for what another goroutine, process or browser does a moment later and
// gives no signal of.
package await

import (
	"testing"
	"time"
)

// Patience is how long That waits; machines that run tests are busy.
const Patience = 30 * time.Second

// The time between two looks: short at first, then a part of the time waited so far, for a look may ask a
// browser or start a program.
const (
	lookLeast = 2 * time.Millisecond
	lookMost  = 50 * time.Millisecond
	lookPart  = 10
)

// That waits until ok. The test fails when it does not come to be.
func That(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !Within(Patience, ok) {
		t.Fatalf("not within %v: %s", Patience, what)
	}
}

// Within waits until ok, and says whether it came to be in that time.
func Within(d time.Duration, ok func() bool) bool {
	for began := time.Now(); !ok(); {
		waited := time.Since(began)
		if waited > d {
			return false
		}
		time.Sleep(min(max(waited/lookPart, lookLeast), lookMost))
	}
	return true
}
