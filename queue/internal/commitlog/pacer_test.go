package commitlog

import (
	"testing"
	"time"
)

func TestPacerRestsOnlyUnderLoad(t *testing.T) {
	for name, test := range map[string]struct {
		every time.Duration // between two appends
		txs   int           // in each
		rests bool
	}{
		"one OTP in a while":  {200 * time.Millisecond, 1, false},
		"200 OTPs a second":   {time.Millisecond, 1, false},
		"a burst after quiet": {time.Second, 200, false},
		"3,000 a second":      {time.Millisecond, 15, true},
		"at full load":        {3 * time.Millisecond, 90, true},
	} {
		t.Run(name, func(t *testing.T) {
			var p pacer
			now := time.Now()
			for range 500 {
				now = now.Add(test.every)
				p.began(now, test.txs)
			}
			now = now.Add(pace / 4)
			if rest := p.rest(now); rest > 0 != test.rests || rest > pace {
				t.Errorf("rest %s", rest)
			}
			if test.rests {
				now = now.Add(paceOver)
				p.began(now, 1)
				if rest := p.rest(now); rest > 0 {
					t.Errorf("it rests %s when the load is over", rest)
				}
			}
		})
	}
}
