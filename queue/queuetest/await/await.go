// Package await is how tests wait for what another goroutine, process or browser does a moment later and
// gives no signal of.
package await

import (
	"testing"
	"time"
)

// Patience is how long That waits; machines that run tests are busy.
const Patience = 30 * time.Second

// look is the time between two looks.
const look = 2 * time.Millisecond

// That waits until ok. The test fails when it does not come to be.
func That(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !Within(Patience, ok) {
		t.Fatalf("not within %v: %s", Patience, what)
	}
}

// Within waits until ok, and says whether it came to be in that time.
func Within(d time.Duration, ok func() bool) bool {
	for deadline := time.Now().Add(d); !ok(); time.Sleep(look) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
