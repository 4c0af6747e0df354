package link

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
)

// The pace of a governor.
const (
	leastRate = 1.0   // parts per second that a link is never slowed under
	leastPeak = 10.0  // what a rate that was not known to be kept to is believed to have been
	startOpen = 2.0   // parts in flight over a link without TPS, and
	startGain = 1.015 // times as many for each that the SMSC takes while others wait, until too many are refused
	startRate = 2.0   // parts per second that may go in any case
	unlimited = 1e5   // a rate above is none

	slowTo = 0.97       // of the rate, after a refusal; and of the ceiling, up to which
	quick  = 0.05       // of the ceiling each second is made up for,
	slowly = 1.0 / 5000 // of the rate with each part across it,
	beyond = 1.1        // of the ceiling: it does not hold any more
	growth = 1.15       // of the rate, each second, from there on

	startWait = 2 * time.Millisecond  // before it is tried again whether an answer came
	burst     = 20 * time.Millisecond // worth of parts that may go at once, to make up for late timers
)

// governor paces the parts of a link, over all its binds, and finds the rate that the SMSC takes. Receipts,
// enquire_link and their answers are not its business.
//
// The rate is at most TPS. Without TPS the answers set the pace at first: few parts are in flight, and more
// only after the SMSC took some while others waited. When more parts are refused for the rate
// (ESME_RTHROTTLED) than at any rate (refusalodds.go), that rate is the ceiling, and the present one goes
// below it. From there it climbs: soon up to slowTo of the ceiling, and so slowly across it that a carrier
// with a fixed rate refuses a part in several hundred; once well past it the ceiling is gone. Time alone
// carries it up to the ceiling; beyond, only parts that had to wait do, for a rate that nobody used proves
// nothing.
type governor struct {
	most float64 // parts per second; +Inf without TPS
	now  func() time.Time

	mu      sync.Mutex // guards the rest
	rate    float64    // the present one
	ceiling float64    // what the SMSC seems to take; 0 is not known
	tokens  float64
	open    float64   // tokens at most while the rate is not known
	at      time.Time // when rate and tokens were last brought up to date
	pressed time.Time // when a part last had to wait
	taken   meter
	refused uint64
	trial   trial
}

// newGovernor makes the governor of a link with so many parts per second, 0 for as many as it takes.
func newGovernor(tps int, now func() time.Time) *governor {
	g := &governor{most: math.Inf(1), now: now, rate: math.Inf(1), open: startOpen, tokens: startOpen, at: now()}
	if tps > 0 {
		g.most, g.rate, g.tokens = float64(tps), float64(tps), 1
	}
	g.trial.watch(g.unknown())
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
	for seconds = min(seconds, 3600); seconds > 0 && g.ceiling > 0 && g.trial.steps < 2 && g.rate < g.most; seconds-- {
		g.climb(min(seconds, 1), g.used(now))
	}
	if g.rate >= min(g.most, unlimited) {
		g.rate, g.ceiling = g.most, 0
	}
}

// climb raises the rate for a part of a second.
func (g *governor) climb(seconds float64, used bool) {
	switch {
	case g.rate < slowTo*g.ceiling:
		g.rate = min(slowTo*g.ceiling, g.rate+seconds*quick*g.ceiling)
	case g.trial.steps > 0, g.rate >= g.ceiling && !used:
	case g.rate < beyond*g.ceiling && g.trial.noise == 0:
		g.rate *= 1 + seconds*max(g.rate, leastPeak)*slowly
	default:
		g.rate *= 1 + seconds*(growth-1)
		g.ceiling = max(g.ceiling, g.rate/beyond)
	}
}

// limit changes the parts per second that may go at most.
func (g *governor) limit(most float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if most == g.most {
		return
	}
	g.advance(g.now())
	if g.rate >= g.most || g.rate > most {
		g.rate = most
	}
	g.most = most
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
	switch g.trial.judge(class == Throttled, granted, now, g.rate) {
	case slower:
		g.slow(now)
	case asBefore:
		g.rate, g.ceiling = g.most, 0
	}
}

// slow lowers the rate: a little at first, then below what passed, by the half at most.
func (g *governor) slow(now time.Time) {
	g.advance(now)
	rate, t := g.rate, &g.trial
	lately := g.taken.sum(now)
	start := g.unknown() && t.noise == 0 && t.answers.all < 3*lately
	if g.unknown() || !g.used(now) { // it was not kept to: the window was full, or there was little to send
		rate = min(rate, max(leastPeak, lately/(1-t.noise)))
	}
	switch passed := t.row.passed() / (1 - t.noise); {
	case start: // what was taken so far was saved up
		g.ceiling, g.rate = rate, rate/2
	case t.steps == 0:
		g.ceiling, g.rate = rate, slowTo*rate
	case t.row.refused < t.row.all:
		g.ceiling = min(rate, max(rate/2, passed))
		g.rate = slowTo * g.ceiling
	default: // nothing passed: that says nothing of the ceiling
		g.rate = min(rate, passed)
	}
	least := min(leastRate, g.most)
	g.ceiling, g.rate = max(g.ceiling, least), max(g.rate, least)
	g.tokens = 0
	t.begin(now)
	if start { // and what an SMSC counts by the second begins anew then
		t.since = now.Add(time.Second)
	}
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
