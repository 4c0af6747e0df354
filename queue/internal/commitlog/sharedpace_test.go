package commitlog

import (
	"testing"
	"time"
)

// TestPacerLeavesServersRoom: under load, by how long an append takes; at a low rate not at all.
func TestPacerLeavesServersRoom(t *testing.T) {
	for name, test := range map[string]struct {
		shared bool
		every  time.Duration // between two appends
		took   time.Duration
		txs    int // in each
		rest   time.Duration
	}{
		"150 OTPs a second":         {true, 2 * time.Millisecond, 2 * time.Millisecond, 1, 0},
		"at full load":              {true, 6 * time.Millisecond, 4 * time.Millisecond, 40, 8 * time.Millisecond},
		"a quick server":            {true, time.Millisecond, 100 * time.Microsecond, 15, 900 * time.Microsecond},
		"one that hardly answers":   {true, time.Second, time.Second, 5000, 0},
		"one that answers slowly":   {true, 30 * time.Millisecond, 20 * time.Millisecond, 200, 5 * time.Millisecond},
		"the process's own, loaded": {false, 6 * time.Millisecond, 4 * time.Millisecond, 40, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := pacer{shared: test.shared}
			now := time.Now()
			for range 500 {
				now = now.Add(test.every)
				p.began(now, test.txs)
				p.ended(now.Add(test.took))
			}
			if rest := max(p.rest(now.Add(test.took)), 0); rest != test.rest {
				t.Errorf("rest %s, want %s", rest, test.rest)
			}
		})
	}
}
