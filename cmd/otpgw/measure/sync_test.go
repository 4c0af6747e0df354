package measure

import (
	"fmt"
	"testing"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
)

// TestSync says what the sync of each commit costs: `make sync`. The two take turns, so that a noisy minute
// harms both.
func TestSync(t *testing.T) {
	t.Parallel()
	scenarios := []scenario{{name: "window 100, receipts at once", window: 100}, {name: "200 a second", window: 100, rate: 200}}
	count, rounds := setting(t, "BENCH_MESSAGES", 20_000), setting(t, "BENCH_ROUNDS", 3)
	if !asked("sync") {
		count, rounds, scenarios = 200, 1, scenarios[:1]
	}
	sys := otpgw(processtest.BuildDaemon(t))
	for _, s := range scenarios {
		if s.count = count; s.rate > 0 {
			s.count = min(count, s.rate*pacedSeconds)
		}
		runs := make(map[string][]figures)
		for n := range rounds {
			for _, s.sync = range []string{"1s", "always"} {
				f := measure(t, sys, s)
				t.Logf("%s, round %d, sync %s: %s", s.name, n+1, s.sync, f)
				runs[s.sync] = append(runs[s.sync], f)
			}
		}
		seldom, always := median(runs["1s"]), median(runs["always"])
		t.Logf("%s, medians of %d rounds, %d messages each\n  1s      %s\n  always  %s\n  %s", s.name, rounds, s.count, seldom, always,
			fmt.Sprintf("always has %.2f of the rate, %.2f times the CPU, creates in %.1f instead of %.1f ms", always.Rate/seldom.Rate,
				always.CPU/seldom.CPU, always.CreateP50, seldom.CreateP50))
	}
}
