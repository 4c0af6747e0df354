package link

import "math"

const memory = 50 // answers that tell a share

// tally counts answers; the older ones count less.
type tally struct{ all, refused float64 }

func (t *tally) add(refused bool) {
	if t.all >= 5*memory {
		t.all, t.refused = t.all/2, t.refused/2
	}
	t.all++
	if refused {
		t.refused++
	}
}

func (t tally) share() float64 { return t.refused / max(1, t.all) }

// fall is a row of refusals, each at a lower rate than the one before.
type fall struct {
	steps int
	first tally // the answers at it,
	tally       // and those at the lower ones
}

// step adds a refusal and the answers since the one before. It reports whether the share stayed as it is, though the rate
// went down: the larger the share is, the sooner a limit looks like that, and the more steps it takes.
func (f *fall) step(answers tally) bool {
	f.steps++
	if f.steps == 1 {
		f.first = answers
		return false
	}
	rarer := f.all > 0 && answers.all > 3*f.all
	f.all, f.refused = f.all+answers.all, f.refused+answers.refused
	share := f.tally.share()
	return !rarer && (f.steps > 2 && share < 0.3 || f.steps > 3 && share < 0.7 || f.steps > 4 && share < 0.85 || f.steps > 5 && share < 0.95)
}

// share is the best that is known of the share of refusals.
func (f *fall) share() float64 {
	if f.all == 0 {
		return f.first.share()
	}
	return f.tally.share()
}

// noise is the share, and as much more as chance may have hidden.
func (f *fall) noise() float64 {
	p := f.share()
	return min(0.95, p+2*math.Sqrt(p*(1-p)/f.all))
}

// over: so many parts were taken that the share went down with the rate.
func (f *fall) over(answers tally) bool { return answers.all > 4*memory || answers.all*f.share() > 6 }
