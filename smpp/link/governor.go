package link

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
)

// The rules of a governor.
const (
	leastRate = 1.0   // parts per second that a link is never slowed under
	leastPeak = 10.0  // what a rate that was not known to be kept to is believed to have been
	startOpen = 2.0   // parts in flight over a link without TPS, and
	startGain = 1.015 // times as many for each that the SMSC takes while others wait, until one is refused
	startRate = 2.0   // parts per second that may go in any case
	unlimited = 1e5   // a rate above is none

	slowTo   = 0.9  // of the ceiling, after a refusal, and where the crossing begins
	quick    = 0.05 // of the ceiling, each second, up to there
	crossing = 500  // parts from there across the ceiling
	beyond   = 1.1  // of the ceiling: it does not hold any more
	growth   = 1.15 // of the rate, each second, from there on

	startWait = 2 * time.Millisecond  // before it is tried again whether an answer came
	burst     = 20 * time.Millisecond // worth of parts that may go at once, to make up for late timers
	noiseTime = 5 * time.Minute       // that a share of refusals which has nothing to do with the rate is believed
)

// governor paces the parts of a link, over all its binds, and finds the rate that the SMSC takes. Receipts, enquire_link
// and their answers are not its business.
//
// The rate is at most TPS. Without TPS the answers set the pace at first: few parts are in flight, and more only after the
// SMSC took some while others waited. When the SMSC refuses a part for the rate (ESME_RTHROTTLED), that rate is the ceiling, and the present one goes below it, the more
// the larger the share of refusals is. From there it climbs: soon up to nine tenths of the ceiling, in 500 parts across it, so that a carrier with a fixed rate refuses a part in several hundred; once well past it the ceiling
// is gone. Time alone carries it up to the ceiling; beyond, only parts that had to wait do, for a rate that nobody used
// proves nothing. Parts whose turn was before the rate fell do not make it fall again.
//
// Some SMSCs refuse a share of the parts however slowly they come, being busy with their other customers. So a row of
// refusals, each at a lower rate, is a fall, and each lower rate is a trial: where the share does not go down with it after two
// or three, the rate does not matter. It goes back up, and for some minutes only the part that was refused waits, unless
// clearly more are refused than then; that much more is again the rate's.
type governor struct {
	most float64 // parts per second; +Inf without TPS
	now  func() time.Time

	mu       sync.Mutex // guards the rest
	rate     float64    // the present one
	ceiling  float64    // what the SMSC seems to take; 0 is not known
	tokens   float64
	open     float64   // tokens at most while the rate is not known
	at       time.Time // when rate and tokens were last brought up to date
	pressed  time.Time // when a part last had to wait
	slowed   time.Time // when the rate last fell
	answers  tally     // to parts whose turn was since
	fall     fall
	noise    float64 // the share that is refused at any rate,
	noiseEnd time.Time
	taken    meter
	refused  uint64
}

// newGovernor makes the governor of a link with so many parts per second, 0 for as many as it takes.
func newGovernor(tps int, now func() time.Time) *governor {
	g := &governor{most: math.Inf(1), now: now, rate: math.Inf(1), open: startOpen, tokens: startOpen, at: now()}
	if tps > 0 {
		g.most, g.rate, g.tokens = float64(tps), float64(tps), 1
	}
	return g
}

// turn waits until one more part may go, and says when that was.
func (g *governor) turn(ctx context.Context, s *session.Session) (granted time.Time, err error) {
	for {
		granted, wait := g.next()
		if wait == 0 {
			return granted, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			continue
		case <-s.Done():
			err = s.Err()
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		timer.Stop()
		return time.Time{}, err
	}
}

// next takes a token, or says how long there will be none.
func (g *governor) next() (now time.Time, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now = g.now()
	g.advance(now)
	if g.tokens >= 1 {
		g.tokens--
		return now, 0
	}
	g.pressed = now
	if g.unknown() {
		return now, startWait
	}
	return now, max(100*time.Microsecond, time.Duration((1-g.tokens)/g.rate*float64(time.Second)))
}

// advance brings the rate and the tokens up to date.
func (g *governor) advance(now time.Time) {
	seconds := now.Sub(g.at).Seconds()
	g.at = now
	if g.unknown() {
		g.tokens = min(g.open, g.tokens+seconds*startRate)
	} else {
		g.tokens = min(1+math.Floor(g.rate*burst.Seconds()), g.tokens+seconds*g.rate)
	}
	for seconds = min(seconds, 3600); seconds > 0 && g.rate < g.most && g.ceiling > 0 && !g.holds(); seconds-- {
		g.climb(min(seconds, 1), g.used(now))
	}
	if g.rate > 0.97*g.ceiling && g.ceiling > leastRate {
		g.fall = fall{}
	}
	if g.rate >= min(g.most, unlimited) {
		g.rate, g.ceiling = g.most, 0
	}
}

// holds: the rate is kept, far below the last refusal, until the answers tell whether the share went down with it.
func (g *governor) holds() bool { return g.fall.steps > 0 && g.rate < 0.99*slowTo*g.ceiling }

// climb raises the rate for a part of a second.
func (g *governor) climb(seconds float64, used bool) {
	switch {
	case g.rate < slowTo*g.ceiling:
		g.rate = min(slowTo*g.ceiling, g.rate+seconds*quick*g.ceiling)
	case g.rate >= g.ceiling && !used:
	case g.noise > 0 && used:
		g.rate *= 1 + seconds*(growth-1)
		g.ceiling = max(g.ceiling, g.rate/beyond)
	case g.rate < beyond*g.ceiling:
		g.rate += seconds * max(g.rate, leastPeak) / crossing * (1 - slowTo) * g.ceiling
	default:
		g.rate *= 1 + seconds*(growth-1)
		g.ceiling = g.rate / beyond
	}
}

// unknown: there is no rate, neither in the configuration nor from the SMSC.
func (g *governor) unknown() bool { return math.IsInf(g.rate, 1) }

// used: parts had to wait for their turn not long ago.
func (g *governor) used(now time.Time) bool { return now.Sub(g.pressed) < time.Second }

// answered tells what became of a part that was granted its turn then.
func (g *governor) answered(class Class, granted time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if class == Taken {
		g.taken.add(now)
	}
	if g.unknown() { // the answers set the pace
		more := 0.0
		if class == Taken && g.used(now) && g.open < unlimited {
			more = g.open * (startGain - 1)
		}
		g.open, g.tokens = g.open+more, min(g.open, g.tokens+1)+more
	}
	if class == Throttled {
		g.refused++
	}
	if !granted.After(g.slowed) {
		return
	}
	g.answers.add(class == Throttled)
	switch {
	case class == Throttled && g.excess(now):
		g.slow(now)
	case g.holds() && g.fall.over(g.answers):
		g.fall = fall{}
	}
}

// excess tells a refusal that the rate may be the reason for from one that would have come anyway.
func (g *governor) excess(now time.Time) bool {
	if !now.Before(g.noiseEnd) {
		g.noise = 0
	}
	if g.noise == 0 {
		return true
	}
	deviation := math.Sqrt(g.noise * (1 - g.noise) / g.answers.all)
	return g.answers.all > 4 && g.answers.share() > g.noise+3*deviation
}

// slow lowers the rate, unless the answers say that it does not matter.
func (g *governor) slow(now time.Time) {
	g.advance(now)
	rate := g.rate
	unknown := g.unknown()
	switch sent := g.taken.sum(now) / (1 - g.noise); {
	case unknown:
		rate = min(rate, max(leastPeak, sent))
	case !g.used(now): // it was not kept to: the window was full, or there was little to send
		rate = min(rate, max(leastPeak, sent, rate/2))
	}
	least := min(leastRate, g.most)
	switch {
	case g.noise > 0:
		share := g.answers.refused / (g.answers.all + 1)
		g.ceiling = max(least, rate*(1-share)/(1-g.noise))
		g.rate, g.fall = slowTo*g.ceiling, fall{}
	case g.fall.step(g.answers):
		g.noise, g.noiseEnd = g.fall.noise(), now.Add(noiseTime)
		g.rate, g.ceiling = g.most, 0
		g.fall = fall{}
	default:
		factor := max(0.5, min(slowTo, 1-2*g.fall.share()))
		if unknown {
			factor = 0.5 // what was taken so far was saved up
		}
		g.ceiling, g.rate = max(least, rate), max(least, factor*rate)
	}
	g.tokens, g.slowed, g.answers = 0, now, tally{}
}

// Rate is how fast a link sends.
type Rate struct {
	Limit     float64 `json:"limit,omitempty"` // parts per second that may go now; zero is no limit
	Accepted  float64 `json:"accepted"`        // parts that the SMSC took in the last second
	Throttled uint64  `json:"throttled"`       // parts that it refused for the rate since the start
}

func (g *governor) status() Rate {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.advance(now)
	r := Rate{Limit: math.Round(g.rate*10) / 10, Accepted: g.taken.sum(now), Throttled: g.refused}
	if math.IsInf(g.rate, 1) {
		r.Limit = 0
	}
	return r
}
