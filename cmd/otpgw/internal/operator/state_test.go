package operator

import (
	"strings"
	"testing"

	"github.com/otpgw/otpgw/queue/orders"
)

// TestCompareStates: what an operator hears of states that are not all equal.
func TestCompareStates(t *testing.T) {
	a := orders.Answer{Daemon: "a", Position: 7, Hash: "x"}
	for want, states := range map[string][]orders.Answer{
		"":                   {a, {Daemon: "b", Position: 7, Hash: "x"}},
		"another position":   {a, {Daemon: "b", Position: 8, Hash: "y"}},
		"states differ":      {a, {Daemon: "b", Position: 7, Hash: "y"}},
		"not all daemons":    {a, {Daemon: "b", Error: "no answer within 4s"}},
		"not all daemons ha": {{Daemon: "b", Error: "it is too old to know \"state\""}, a},
	} {
		if got := compareStates(states); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", states, got, want)
		}
	}
}
