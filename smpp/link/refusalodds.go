package link

import (
	"math"
	"time"
)

// When a share of refusals counts as one. The odds are logarithms: 3 is 20 to 1.
const (
	alarm     = 5.0             // odds that more are refused than at any rate
	sure      = 3.0             // odds that end a trial
	hope      = 0.0003          // the share that a carrier is expected to refuse which has not refused any
	excess    = 0.05            // the share beyond the noise that is worth slowing down for,
	little    = 0.01            // and where there was none
	mostNoise = 0.9             // a larger share is no noise
	told      = 3               // refusals that tell a share,
	known     = 5               // that make it certain,
	ample     = 25              // and after which no more are waited for
	noiseTime = 5 * time.Minute // that a noise is believed
)

// verdict is what an answer means for the rate.
type verdict int

const (
	goOn     verdict = iota
	slower           // too many are refused
	asBefore         // the rate was not the reason
)

// trial tells refusals that come of the rate from noise: some SMSCs refuse a share of the parts however
// slowly they come, being busy with their other customers. It is a sequential test (odds), so a share of 1 %
// takes some hundred answers and one of 50 % a dozen.
//
// It watches until more are refused than the noise. Then the rate is lowered, and the answers at the lower
// one tell: where the share went down with it the rate was the reason, and what is refused still is the
// noise. Where it did not, though the rate is below what passed before, the share is the noise, and the rate
// goes back up; only the part that was refused waits.
type trial struct {
	since   time.Time // answers to parts whose turn was before are about another rate
	answers tally
	odds    odds
	steps   int   // lowerings in a row; 0 while it watches
	row     tally // the answers since the first,
	before  tally // and those up to the present one

	below    tally   // answers at rates that the SMSC takes,
	noise    float64 // and the share that it refused of them
	noiseEnd time.Time
}

// judge weighs one more answer.
func (t *trial) judge(refused bool, granted, now time.Time, rate float64) verdict {
	if !granted.After(t.since) {
		return goOn
	}
	if t.noise > 0 && now.After(t.noiseEnd) {
		t.noise, t.below = 0, tally{}
		t.watch(math.IsInf(rate, 1))
	}
	t.answers.add(refused, rate)
	t.row.add(refused, rate)
	t.odds.add(refused)
	switch {
	case t.steps == 0:
		t.odds.sum = max(0, t.odds.sum)
		if t.odds.sum >= alarm {
			return slower
		}
	case t.odds.sum >= sure:
		return t.unchanged(now, rate)
	case t.odds.sum <= -sure:
		t.settle(now, t.below.and(t.answers))
	case t.answers.refused >= ample: // neither: the noise was not well known
		t.settle(now, t.answers)
	}
	return goOn
}

// unchanged: the share did not go down with the rate.
func (t *trial) unchanged(now time.Time, rate float64) verdict {
	certain := t.answers.refused >= known
	switch {
	case t.row.refused == t.row.all && !certain:
		return goOn
	case t.row.share() > mostNoise,
		t.before.refused < told,
		certain && t.answers.share() > 2*t.before.share(),
		rate > max(leastRate, 1.01*slowTo*t.before.passed()/(1-t.noise)):
		return slower
	case !certain:
		return goOn
	}
	t.since = now
	t.settle(now, t.row)
	return asBefore
}

// settle ends the trial: these are the answers at rates that the SMSC takes.
func (t *trial) settle(now time.Time, below tally) {
	t.below = below
	if below.refused >= told {
		t.noise, t.noiseEnd = below.share(), now.Add(noiseTime)
	}
	t.watch(false)
}

// watch begins to look for more refusals than the noise. At the start, when little is known and the rate
// doubles with every 50 parts, it takes two close to each other.
func (t *trial) watch(start bool) {
	t.steps, t.answers = 0, tally{}
	low := max(hope, t.noise)
	t.odds = odds{low: low, high: min(0.98, low+max(excess, low/2))}
	if start && t.noise == 0 {
		t.odds = odds{low: little, high: 0.5}
	}
}

// begin begins to weigh the answers at a lower rate: is the share what it was, or near the noise?
func (t *trial) begin(now time.Time) {
	gap := little
	if t.noise > 0 {
		gap = max(excess, t.noise/2)
	}
	high := min(0.95, max(0.6*t.answers.refused/(t.answers.all+2), t.noise+gap))
	t.odds = odds{low: max(hope, t.noise+(high-t.noise)/4), high: high}
	if t.steps == 0 {
		t.row = tally{}
	}
	t.before, t.answers = t.row, tally{}
	t.since = now
	t.steps++
}

// tally counts answers.
type tally struct {
	all, refused float64
	seconds      float64 // that so many parts take at their rates
}

func (t *tally) add(refused bool, rate float64) {
	t.all++
	t.seconds += 1 / rate
	if refused {
		t.refused++
	}
}

func (t tally) and(o tally) tally {
	return tally{t.all + o.all, t.refused + o.refused, t.seconds + o.seconds}
}

func (t tally) share() float64 { return t.refused / max(1, t.all) }

// passed is how many parts per second were taken; where none was, half a one.
func (t tally) passed() float64 { return max(0.5, t.all-t.refused) / max(t.seconds, 1/unlimited) }

// odds tells two shares of refusals apart, answer by answer (Wald's sequential test): sum is the logarithm of
// how many times likelier the answers are with the high share than with the low one.
type odds struct{ low, high, sum float64 }

func (o *odds) add(refused bool) {
	if refused {
		o.sum += math.Log(o.high / o.low)
	} else {
		o.sum += math.Log((1 - o.high) / (1 - o.low))
	}
}
