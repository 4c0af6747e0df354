package quietlog_test

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/quietlog"
)

// TestDue: the first time at once, then once a minute with all of it; each thing by itself.
func TestDue(t *testing.T) {
	var l quietlog.Lines
	at := time.Now()
	for i, step := range []struct {
		about string
		after time.Duration
		times int // 0: no line
	}{
		{"a", 0, 1},
		{"a", time.Second, 0},
		{"b", 0, 1},
		{"a", quietlog.Between - time.Second - 1, 0},
		{"a", 1, 3},
		{"a", 0, 0},
		{"b", 0, 0},
		{"b", time.Second, 2},
		{"a", 10 * quietlog.Between, 2},
	} {
		at = at.Add(step.after)
		if n, due := l.Due(step.about, at); n != step.times || due != (step.times > 0) {
			t.Errorf("step %d, %s: %d, %t, want %d", i, step.about, n, due, step.times)
		}
	}
}
