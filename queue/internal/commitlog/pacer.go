package commitlog

import "time"

// pacer says when the next append may begin. Under load a short rest between two makes batches that are worth
// their append; at a low rate nothing would come meanwhile, and whoever waits for the next step of one
// message would wait for nothing.
//
// Where the stream is on servers, an append costs each of them, and each process that reads it, more than
// what is in it, and three of them a round trip. So under load it is given a rest by how long the last one
// took: the busier the servers, the larger the batches, and the appends of several daemons leave each other
// room.
type pacer struct {
	shared bool          // the stream is on servers
	last   time.Time     // beginning of the last append
	took   time.Duration // by it
	rate   float64       // transactions in a pace, as they came of late
}

const (
	pace     = time.Millisecond // between the beginnings of two appends, when they are paced
	paceFrom = 2.5              // transactions in a pace, from which one is worth a rest
	paceOver = 64 * pace        // how far back the rate looks

	sharedPace  = 3                     // times what the last append took, between the beginnings of two
	longestPace = 25 * time.Millisecond // and at most
)

// began notes an append of some transactions.
func (p *pacer) began(now time.Time, txs int) {
	passed := now.Sub(p.last)
	share := min(float64(passed)/float64(paceOver), 1)
	p.rate += share * (float64(txs)*float64(pace)/float64(max(passed, time.Microsecond)) - p.rate)
	p.last = now
}

// ended notes that the append is answered.
func (p *pacer) ended(now time.Time) { p.took = now.Sub(p.last) }

// rest is how long the next append has to wait.
func (p *pacer) rest(now time.Time) time.Duration {
	if p.rate < paceFrom {
		return 0
	}
	between := pace
	if p.shared {
		between = max(pace, min(sharedPace*p.took, longestPace))
	}
	return between - now.Sub(p.last)
}
