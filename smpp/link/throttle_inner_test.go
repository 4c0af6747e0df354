package link

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// carrier is an SMSC for simulations. It takes rate parts per second: with so many saved up at most, or in
// any second (sliding), or in each second of its clock (calendar). A share, or each nth, is refused whatever
// the rate is.
type carrier struct {
	rate, saved, tokens float64
	sliding, calendar   bool
	share               float64
	every, n            int
	dry                 bool          // what is refused counts for the rate
	penalty             time.Duration // for so long all is refused after one part too many
	rand                *rand.Rand

	last, until time.Time
	recent      []time.Time // of the parts that count, in the last second
}

func (c *carrier) takes(now time.Time) bool {
	c.n++
	if now.Before(c.until) {
		return false
	}
	busy := c.every > 0 && c.n%c.every == 0 || c.every == 0 && c.share > 0 && c.rand.Float64() < c.share
	room := c.room(now)
	if room && (!busy || c.dry) || c.dry && c.sliding {
		c.count(now)
	}
	if !room {
		c.until = now.Add(c.penalty)
	}
	return room && !busy
}

func (c *carrier) room(now time.Time) bool {
	if c.sliding || c.calendar {
		from := now.Add(-time.Second)
		if c.calendar {
			from = now.Truncate(time.Second).Add(-1)
		}
		for len(c.recent) > 0 && !c.recent[0].After(from) {
			c.recent = c.recent[1:]
		}
		return float64(len(c.recent)) < c.rate
	}
	c.tokens = min(c.saved, c.tokens+now.Sub(c.last).Seconds()*c.rate)
	c.last = now
	return c.tokens >= 1
}

func (c *carrier) count(now time.Time) {
	c.tokens--
	if c.sliding || c.calendar {
		c.recent = append(c.recent, now)
	}
}

// drive runs a governor against a carrier on a clock of its own, with more to send than passes, and so long a
// way.
type drive struct {
	now  time.Time
	g    *governor
	c    *carrier
	way  time.Duration
	room int // in the windows
	road []answer

	taken, throttled int
	sent             []time.Time
}

type answer struct {
	due, sent time.Time
	class     Class
}

func newDrive(tps int, window int, c *carrier, way time.Duration) *drive {
	d := &drive{now: time.Unix(1_700_000_000, 0), c: c, way: way, room: window}
	c.tokens, c.last = c.saved, d.now
	d.g = newGovernor(tps, func() time.Time { return d.now })
	return d
}

// run lets that much time pass and returns what was taken and throttled in it.
func (d *drive) run(length time.Duration) (taken, throttled int) {
	taken, throttled = d.taken, d.throttled
	for end := d.now.Add(length); d.now.Before(end); d.now = d.now.Add(time.Millisecond) {
		for len(d.road) > 0 && !d.road[0].due.After(d.now) {
			a := d.road[0]
			d.road = d.road[1:]
			d.g.answered(a.class, a.sent)
		}
		for range 3 { // three parts a millisecond is what one core sends
			if len(d.road) == d.room {
				break
			}
			if _, wait := d.g.next(); wait > 0 {
				break
			}
			a := answer{due: d.now.Add(d.way), sent: d.now, class: Throttled}
			if d.c.takes(d.now) {
				a.class = Taken
				d.taken++
			} else {
				d.throttled++
			}
			d.sent = append(d.sent, d.now)
			d.road = append(d.road, a)
		}
	}
	return d.taken - taken, d.throttled - throttled
}

// TestAtMostOnePercentThrottled: a carrier with a fixed rate, over the first minute and the two after it.
func TestAtMostOnePercentThrottled(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name        string
		tps         int
		rate, saved float64
		way         time.Duration
	}{
		{"10/s, rate not known", 0, 10, 10, time.Millisecond},
		{"10/s, rate not known, long way", 0, 10, 10, 200 * time.Millisecond},
		{"10/s, nothing saved up", 0, 10, 1, 20 * time.Millisecond},
		{"10/s, TPS too high", 20, 10, 10, 20 * time.Millisecond},
		{"10/s, TPS right", 10, 10, 10, 20 * time.Millisecond},
		{"50/s, rate not known", 0, 50, 50, 20 * time.Millisecond},
		{"500/s, rate not known", 0, 500, 500, 20 * time.Millisecond},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := newDrive(c.tps, 100, &carrier{rate: c.rate, saved: c.saved}, c.way)
			for _, length := range []time.Duration{time.Minute, 2 * time.Minute} {
				taken, throttled := d.run(length)
				share := float64(throttled) / float64(taken+throttled)
				used := float64(taken) / length.Seconds() / c.rate
				t.Logf("%s: %d taken, %d throttled, %.2f %%, %.0f %% of the rate used", length, taken, throttled, 100*share, 100*used)
				if share > 0.01 && (c.way < 200*time.Millisecond || length > time.Minute || share > 0.02) {
					t.Errorf("%.2f %% throttled", 100*share)
				}
				if used < 0.75 {
					t.Errorf("only %.0f %% of the rate used", 100*used)
				}
			}
		})
	}
}

// TestRateFollowsTheCarrier: down at once, up again in time.
func TestRateFollowsTheCarrier(t *testing.T) {
	t.Parallel()
	c := &carrier{rate: 1000, saved: 1000}
	d := newDrive(0, 100, c, 20*time.Millisecond)
	d.run(time.Minute)
	c.rate, c.saved = 10, 10
	if _, throttled := d.run(10 * time.Second); throttled > 100 {
		t.Errorf("%d parts throttled after the carrier went from 1000/s to 10/s", throttled)
	}
	d.run(time.Minute)
	if taken, _ := d.run(time.Minute); taken < 450 {
		t.Errorf("%d parts a minute at a carrier of 10/s", taken)
	}
	c.rate, c.saved = 1000, 1000
	d.run(2 * time.Minute)
	if taken, _ := d.run(10 * time.Second); taken < 7500 {
		t.Errorf("%d parts in ten seconds, two minutes after the carrier went back to 1000/s", taken)
	}
}

// TestStart: a link that does not know its rate begins slowly, and goes faster as long as others wait.
// Traffic that is no burst proves nothing.
func TestStart(t *testing.T) {
	for _, c := range []struct {
		way, after time.Duration
		least      int // parts a second then
	}{
		{time.Millisecond, 3 * time.Second, 2900}, // of the 3000 that the drive has
		{100 * time.Millisecond, 5 * time.Second, 950},
		{2 * time.Second, time.Minute, 14},
	} {
		d := newDrive(0, 100, &carrier{rate: 1e6, saved: 1e6}, c.way)
		d.run(c.after)
		if taken, _ := d.run(10 * time.Second); taken < 10*c.least {
			t.Errorf("answers in %s: %d parts in ten seconds after %s, want %d a second", c.way, taken, c.after, c.least)
		}
	}
	d := newDrive(0, 100, &carrier{rate: 1e6, saved: 1e6}, time.Millisecond)
	for range 1000 {
		granted, _ := d.g.next()
		d.now = d.now.Add(time.Second)
		d.g.answered(Taken, granted)
	}
	if d.g.open != startOpen {
		t.Errorf("%v parts may be in flight after a thousand, one by one", d.g.open)
	}
}

// TestFullSpeedComesBack: throttled for a while, a link with TPS is back at it.
func TestFullSpeedComesBack(t *testing.T) {
	t.Parallel()
	c := &carrier{rate: 20, saved: 20}
	d := newDrive(100, 100, c, 20*time.Millisecond)
	d.run(30 * time.Second)
	if limit := d.g.status().Limit; limit > 30 {
		t.Errorf("limit %v at a carrier of 20/s", limit)
	}
	c.rate, c.saved = 1e6, 1e6
	d.run(2 * time.Minute)
	if limit := d.g.status().Limit; limit != 100 {
		t.Errorf("limit %v two minutes after the last throttled part, want TPS again", limit)
	}
	if taken, _ := d.run(10 * time.Second); taken < 990 || taken > 1003 {
		t.Errorf("%d parts in ten seconds at TPS 100", taken)
	}
}

// throttleMinuteVar makes the simulations long, as it makes those over a connection.
const throttleMinuteVar = "OTPGW_TEST_THROTTLE_MINUTE"

// TestRefusalsThatAreNotTheRates: an SMSC refuses a share of the parts, however slowly they come, beside a
// limit or without one. The link gets at least 95 % of what a client would that knew both.
func TestRefusalsThatAreNotTheRates(t *testing.T) {
	t.Parallel()
	const length = 45 * time.Second
	tries := uint64(1)
	if os.Getenv(throttleMinuteVar) != "" {
		tries = 8
	}
	for _, share := range []float64{0.01, 0.03, 0.05, 0.1, 0.2, 0.5} {
		for _, c := range []struct {
			tps         int
			limit       float64 // of the SMSC, 0 is none
			window      int
			way         time.Duration
			everyN, dry bool // the refused part is each nth; it counts for the limit
		}{
			{tps: 50, window: 10, way: 20 * time.Millisecond},
			{tps: 50, window: 10, way: 20 * time.Millisecond, everyN: true},
			{tps: 10, window: 10, way: 100 * time.Millisecond},
			{tps: 500, window: 100, way: 20 * time.Millisecond},
			{tps: 50, limit: 50, window: 10, way: 20 * time.Millisecond},
			{tps: 100, limit: 50, window: 10, way: 20 * time.Millisecond},
			{tps: 100, limit: 50, window: 10, way: 20 * time.Millisecond, dry: true},
			{limit: 50, window: 10, way: 20 * time.Millisecond},
			{limit: 500, window: 100, way: 20 * time.Millisecond},
			{limit: 50, window: 10, way: 20 * time.Millisecond, everyN: true},
			{limit: 10, window: 10, way: 20 * time.Millisecond},
			{window: 10, way: 100 * time.Millisecond},
			{window: 10, way: 20 * time.Millisecond},
		} {
			name := fmt.Sprintf("share %v, %+v", share, c)
			t.Run(name, func(t *testing.T) {
				sum := 0.0
				least := 1.0
				for seed := range tries {
					got := refusedShare(c.tps, c.limit, c.window, c.way, share, c.everyN, c.dry, seed, length)
					sum += got
					least = min(least, got)
				}
				if sum/float64(tries) < 0.95 {
					t.Errorf("%.1f %% of the ideal, at least %.1f", 100*sum/float64(tries), 100*least)
				}
			})
		}
	}
}

func refusedShare(tps int, limit float64, window int, way time.Duration, share float64, everyN, dry bool, seed uint64, length time.Duration) float64 {
	c := &carrier{rate: 1e6, saved: 1e6, share: share, dry: dry, rand: rand.New(rand.NewPCG(seed, 1))}
	if everyN {
		c.every = int(math.Round(1 / share))
	}
	if limit > 0 {
		c.rate, c.saved = limit, limit
	}
	d := newDrive(tps, window, c, way)
	switch { // a slow link takes as many answers to learn as a fast one, and so longer
	case limit == 10:
		d.run(5 * time.Minute)
	case tps < 50:
		d.run(time.Minute)
	}
	taken, _ := d.run(length)
	offered := min(3000, float64(window)/way.Seconds())
	if tps > 0 {
		offered = min(offered, float64(tps))
	}
	ideal := offered * (1 - share) * length.Seconds()
	if limit > 0 && dry {
		ideal = min(ideal, limit*length.Seconds()*(1-share)+limit)
	} else if limit > 0 {
		ideal = min(ideal, limit*length.Seconds()+limit)
	}
	return float64(taken) / ideal
}

// TestKindsOfLimits: SMSCs that count in other ways than a bucket. The bounds are what a link gets and what
// is refused to it, which is the politeness that this package promises of a carrier with a fixed rate; one
// that refuses everything for a while after an excess is found again, at a price.
func TestKindsOfLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		carrier carrier
		tps     int
		used    float64
		refused float64
	}{
		{"nothing saved up, 10/s", carrier{rate: 10, saved: 1}, 0, 0.95, 0.01},
		{"nothing saved up, 50/s", carrier{rate: 50, saved: 1}, 0, 0.80, 0.01},
		{"any second, 10/s", carrier{rate: 10, sliding: true}, 0, 0.95, 0.01},
		{"any second, 50/s", carrier{rate: 50, sliding: true}, 0, 0.90, 0.01},
		{"any second, 500/s", carrier{rate: 500, sliding: true}, 0, 0.95, 0.01},
		{"any second, refused ones too, 50/s", carrier{rate: 50, sliding: true, dry: true}, 0, 0.90, 0.01},
		{"each second of its clock, 50/s", carrier{rate: 50, calendar: true}, 0, 0.90, 0.01},
		{"any second, TPS right", carrier{rate: 50, sliding: true}, 50, 0.99, 0},
		{"each second of its clock, TPS right", carrier{rate: 50, calendar: true}, 50, 0.99, 0},
		{"all for 2 s after one too many, TPS right", carrier{rate: 50, saved: 50, penalty: 2 * time.Second}, 50, 0.99, 0},
		{"all for 2 s after one too many, 50/s", carrier{rate: 50, saved: 50, penalty: 2 * time.Second}, 0, 0.3, 0.03},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDrive(c.tps, 100, &c.carrier, 20*time.Millisecond)
			d.run(time.Minute)
			taken, throttled := d.run(2 * time.Minute)
			share := float64(throttled) / float64(taken+throttled)
			used := float64(taken) / (c.carrier.rate * 120)
			if used < c.used || share > c.refused {
				t.Errorf("%.0f %% of the rate used, %.2f %% refused", 100*used, 100*share)
			}
		})
	}
}

// TestLimitsThatChange: the rate of the SMSC falls to a tenth, and a noise comes and goes; two minutes after
// each change the link has what there is.
func TestLimitsThatChange(t *testing.T) {
	t.Parallel()
	c := &carrier{rate: 100, saved: 100, rand: rand.New(rand.NewPCG(1, 1))}
	d := newDrive(0, 100, c, 20*time.Millisecond)
	for _, step := range []struct {
		rate, share float64
	}{{100, 0}, {10, 0}, {100, 0}, {100, 0.1}, {50, 0.1}, {50, 0.3}, {100, 0}} {
		c.rate, c.saved, c.share = step.rate, step.rate, step.share
		d.run(2 * time.Minute)
		taken, _ := d.run(time.Minute)
		if used := float64(taken) / 60 / step.rate; used < 0.9 {
			t.Errorf("%+v: %.0f %% of the rate used", step, 100*used)
		}
	}
}

// TestSmooth: no second has more than the rate and what a late timer may make up for.
func TestSmooth(t *testing.T) {
	for _, tps := range []int{1, 10, 50, 1000} {
		d := newDrive(tps, 100, &carrier{rate: 1e6, saved: 1e6}, time.Millisecond)
		d.run(5 * time.Second)
		most, from := 0, 0
		for i, at := range d.sent {
			for at.Sub(d.sent[from]) >= time.Second {
				from++
			}
			most = max(most, i-from+1)
		}
		if allowed := tps + 1 + int(float64(tps)*burst.Seconds()); most > allowed || len(d.sent) < 5*tps {
			t.Errorf("TPS %d: %d parts in 5 s, up to %d in one, allowed %d", tps, len(d.sent), most, allowed)
		}
	}
}

func TestIdleRateStopsAtTheCeiling(t *testing.T) {
	d := newDrive(0, 100, &carrier{rate: 100, saved: 100}, time.Millisecond)
	d.run(time.Minute)
	d.now = d.now.Add(time.Hour)
	if r := d.g.status(); r.Limit < 90 || r.Limit > 110 {
		t.Errorf("limit %v after an idle hour, the carrier's is 100", r.Limit)
	}
}

// TestSentBeforeTheRateFell: a window of throttled answers is one lesson.
func TestSentBeforeTheRateFell(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	g := newGovernor(100, func() time.Time { return now })
	sent := now
	now = now.Add(time.Second)
	for range 50 {
		g.answered(Throttled, sent)
	}
	once := g.status()
	for range 50 {
		g.answered(Throttled, sent)
	}
	if again := g.status(); again.Limit != once.Limit || again.Throttled != 100 {
		t.Errorf("status %+v, and after more answers of the same window %+v", once, again)
	}
}

// TestShareOfTheRate: the rate goes with what a daemon is due of it, and what the SMSC does not take stays
// out of it.
func TestShareOfTheRate(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	g := newGovernor(100, func() time.Time { return now })
	for _, most := range []float64{50, 100, 25, 100} {
		if g.limit(most); g.status().Limit != most {
			t.Errorf("limit %v, due are %v", g.status().Limit, most)
		}
	}
	g.answered(Throttled, now.Add(time.Second))
	slowed := g.status().Limit
	if g.limit(200); slowed >= 100 || g.status().Limit != slowed {
		t.Errorf("limit %v, then %v: what was due rose, what the SMSC takes did not", slowed, g.status().Limit)
	}
}
