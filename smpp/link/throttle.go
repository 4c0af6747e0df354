package link

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/otpgw/otpgw/smpp/session"
)

// The rules of a governor. The shares are of answers, the steps are per second.
const (
	quickShare  = 0.9   // of the ceiling: up to here the rate climbs by quickStep, a twentieth of the ceiling
	quickStep   = 0.05  // from the half to nine tenths in 8 s
	gentleStep  = 0.004 // across the ceiling, 50 s: an answer or two a minute tell that it still holds
	beyond      = 1.1   // of the ceiling: it does not hold any more
	growth      = 1.1   // of the rate, each second, beyond it
	heavy       = 0.05  // throttled answers far below the ceiling that make it halve again
	noiseGrowth = 2.0   // of the rate, each second, where throttling has nothing to do with it
	memory      = 50    // answers that the share of the throttled ones near the ceiling is of
	leastRate   = 1.0   // parts per second that a link is never slowed under
	leastPeak   = 10.0  // the least rate that a link without TPS is believed to have had
	unlimited   = 1e5   // a learned rate above is none
	burstTime   = 0.02  // seconds' worth of parts that may go at once, to make up for late timers
	startAtOnce = 2     // parts in flight over a link whose rate is not known, and
	startEvery  = 16    // accepted ones, or startPause, for each more,
	startPause  = 700 * time.Millisecond
	startUntil  = 32 // until there are so many; then one for each accepted
)

// governor paces the parts of a link, over all its binds. Receipts, enquire_link and answers are not its business.
//
// The rate is at most TPS. When the SMSC says that it is too much, the rate halves and that rate is the ceiling; it climbs
// back additively: fast up to nine tenths of the ceiling, gently across it, so that a carrier with a fixed rate sees
// two or three throttled answers a minute; once well past it the ceiling is gone and the rate grows by a tenth each
// second. Time alone carries it up to the ceiling; beyond, only parts that had to wait do, for a rate that nobody used
// proves nothing.
//
// Parts whose turn was before the rate halved do not halve it again. Nor does light throttling far below the ceiling, when
// half the rate did not end it: some SMSCs say ESME_RMSGQFUL for the queue of one handset, which going slower does not
// help. Where that is seen the rate doubles each second until many more are throttled.
//
// Without TPS the first throttled answer finds no rate to halve: the parts accepted in the last second are it. So that this
// lesson does not cost a whole window, few are in flight at first, and more only after the SMSC accepted parts while
// others waited.
type governor struct {
	most   float64 // parts per second; +Inf without TPS
	flight *semaphore.Weighted
	now    func() time.Time

	mu        sync.Mutex // guards the rest
	rate      float64    // the present one
	ceiling   float64    // the rate at which the SMSC last throttled; of use while rate < most
	tokens    float64
	filled    time.Time // when tokens were last added
	climbed   time.Time // when rate was last raised
	halved    time.Time
	pressed   time.Time // when a part last had to wait
	under     tally     // answers since the rate halved, far below the ceiling
	near      tally     // and near it
	light     bool      // it last halved far below the ceiling, for few throttled answers
	throttles uint64
	recent    meter // accepted
	open      int64 // parts that may be in flight at once,
	window    int64 // and at most ever
	unopened  int   // accepted since open last grew,
	opened    time.Time
	waiting   int // parts that find no room in flight
}

// tally counts answers.
type tally struct{ all, throttled float64 }

func (t *tally) add(throttled bool) {
	t.all++
	if throttled {
		t.throttled++
	}
}

// fade lets the older answers count less.
func (t *tally) fade() {
	if t.all > memory {
		t.all, t.throttled = t.all/2, t.throttled/2
	}
}

func (t tally) share() float64 { return t.throttled / max(1, t.all) }

// newGovernor makes the governor of a link with so many parts per second, 0 for as many as it takes, and so much room in
// all its windows.
func newGovernor(tps int, window int64, now func() time.Time) *governor {
	g := &governor{most: math.Inf(1), flight: semaphore.NewWeighted(window), now: now, open: window, window: window, tokens: 1, filled: now()}
	if tps > 0 {
		g.most = float64(tps)
	} else if window > startAtOnce {
		g.open = startAtOnce
		g.flight.TryAcquire(window - startAtOnce)
	}
	g.rate = g.most
	return g
}

// turn waits until one more part may go, and says since when. Every turn that it grants is ended by answered or unused.
func (g *governor) turn(ctx context.Context, s *session.Session) (granted time.Time, err error) {
	if !g.flight.TryAcquire(1) {
		g.crowd(1)
		err := g.flight.Acquire(ctx, 1)
		g.crowd(-1)
		if err != nil {
			return time.Time{}, context.Cause(ctx)
		}
	}
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
		g.unused()
		return time.Time{}, err
	}
}

// crowd counts the parts that wait for others to be answered.
func (g *governor) crowd(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting += n
}

// next takes a token, or says how long there will be none.
func (g *governor) next() (now time.Time, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now = g.now()
	g.climb(now)
	if math.IsInf(g.rate, 1) {
		return now, 0
	}
	most := 1 + math.Floor(g.rate*burstTime)
	g.tokens = min(most, g.tokens+now.Sub(g.filled).Seconds()*g.rate)
	g.filled = now
	if g.tokens >= 1 {
		g.tokens--
		return now, 0
	}
	g.pressed = now
	return now, max(100*time.Microsecond, time.Duration((1-g.tokens)/g.rate*float64(time.Second)))
}

// climb raises the rate for the time since it last did.
func (g *governor) climb(now time.Time) {
	seconds := now.Sub(g.climbed).Seconds()
	g.climbed = now
	if g.rate >= g.most {
		return
	}
	used := now.Sub(g.pressed) < time.Second
	for seconds > 0 && g.rate < g.most {
		step := min(seconds, 1)
		seconds -= step
		switch {
		case used && g.noisy():
			g.rate *= 1 + step*(noiseGrowth-1)
			g.ceiling = max(g.ceiling, g.rate)
		case g.rate < quickShare*g.ceiling:
			g.rate += step * quickStep * g.ceiling
		case g.rate < g.ceiling:
			g.rate += step * gentleStep * g.ceiling
		case !used:
			return
		case g.rate < beyond*g.ceiling:
			g.rate += step * gentleStep * g.ceiling
		default:
			g.rate *= 1 + step*(growth-1)
			g.ceiling = g.rate / beyond
		}
	}
	if g.rate >= min(g.most, unlimited) {
		g.rate = g.most
	}
}

// unused ends a turn over which nothing was sent.
func (g *governor) unused() { g.flight.Release(1) }

// answered ends a turn that was granted then with what became of the part.
func (g *governor) answered(class Class, granted time.Time) {
	defer g.flight.Release(1) // after widen, which asks whether anybody waits for it
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if class == Taken {
		g.recent.add(now)
		g.widen(now)
	}
	throttled := class == Throttled
	if throttled {
		g.throttles++
	}
	if granted.Before(g.halved) {
		return
	}
	if g.far() {
		g.under.add(throttled)
	} else {
		g.near.fade()
		g.near.add(throttled)
	}
	if throttled && g.overrun() {
		g.halve(now)
	}
}

// overrun tells a throttled answer that the rate is the reason for from one that would have come anyway.
func (g *governor) overrun() bool {
	return !g.noisy() || !g.far() && g.near.share() > g.under.share()+heavy
}

// far tells a rate that the SMSC took not long ago.
func (g *governor) far() bool { return g.rate < g.most && g.rate < quickShare*g.ceiling }

// noisy: the SMSC throttles a few parts whatever the rate is.
func (g *governor) noisy() bool { return g.light && g.few() }

// few: some answers far below the ceiling were throttled, but not many.
func (g *governor) few() bool { return g.under.throttled > 0 && g.under.share() <= heavy }

func (g *governor) halve(now time.Time) {
	g.climb(now)
	g.light = g.far() && g.few()
	g.ceiling = g.rate
	if math.IsInf(g.rate, 1) {
		g.ceiling = max(leastPeak, g.recent.sum(now))
	}
	g.rate = max(min(leastRate, g.most/2), g.ceiling/2)
	g.tokens, g.filled, g.halved = 0, now, now
	g.under, g.near = tally{}, tally{}
}

// widen lets more parts be in flight after an accepted one.
func (g *governor) widen(now time.Time) {
	if g.open >= g.window || g.waiting == 0 {
		return
	}
	g.unopened++
	if g.open < startUntil && g.unopened < startEvery && now.Sub(g.opened) < startPause {
		return
	}
	g.unopened, g.opened = 0, now
	g.open++
	g.flight.Release(1)
}

// Rate is how fast a link sends.
type Rate struct {
	Limit     float64 `json:"limit,omitempty"` // parts per second that may go now; zero is no limit
	Accepted  float64 `json:"accepted"`        // parts that the SMSC took in the last second
	Throttled uint64  `json:"throttled"`       // parts that it answered RTHROTTLED or RMSGQFUL since the start
}

func (g *governor) status() Rate {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.climb(now)
	r := Rate{Limit: math.Round(g.rate*10) / 10, Accepted: g.recent.sum(now), Throttled: g.throttles}
	if math.IsInf(g.rate, 1) {
		r.Limit = 0
	}
	return r
}

// meter counts the events of the last second.
type meter struct {
	slots [10]float64 // a tenth of a second each
	last  int64       // the tenth of the newest slot
}

func (m *meter) roll(now time.Time) {
	tenth := now.UnixMilli() / 100
	for ; m.last < tenth; m.last++ {
		if tenth-m.last > int64(len(m.slots)) {
			m.last = tenth - int64(len(m.slots)) - 1
			continue
		}
		m.slots[(m.last+1)%int64(len(m.slots))] = 0
	}
}

func (m *meter) add(now time.Time) {
	m.roll(now)
	m.slots[m.last%int64(len(m.slots))]++
}

func (m *meter) sum(now time.Time) (n float64) {
	m.roll(now)
	for _, v := range m.slots {
		n += v
	}
	return n
}
