package commitlog

import "time"

// pacer says when the next append may begin. Under load a short rest between two makes batches that are worth
// their append; at a low rate nothing would come meanwhile, and whoever waits for the next step of one
// message would wait for nothing.
type pacer struct {
	last time.Time // beginning of the last append
	rate float64   // transactions in a pace, as they came of late
}

const (
	pace     = time.Millisecond // between the beginnings of two appends, when they are paced
	paceFrom = 2.5              // transactions in a pace, from which one is worth a rest
	paceOver = 64 * pace        // how far back the rate looks
)

// began notes an append of some transactions.
func (p *pacer) began(now time.Time, txs int) {
	passed := now.Sub(p.last)
	share := min(float64(passed)/float64(paceOver), 1)
	p.rate += share * (float64(txs)*float64(pace)/float64(max(passed, time.Microsecond)) - p.rate)
	p.last = now
}

// rest is how long the next append has to wait.
func (p *pacer) rest(now time.Time) time.Duration {
	if p.rate < paceFrom {
		return 0
	}
	return pace - now.Sub(p.last)
}
