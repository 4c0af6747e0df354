package link

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// carrier is an SMSC for simulations: it takes rate parts per second, with so many saved up at most, and throttles each
// nth part whatever the rate is.
type carrier struct {
	rate, saved, tokens float64
	share               float64 // refused whatever the rate is
	every, n            int     // each nth instead of any
	dry                 bool    // what is refused so counts for the rate
	rand                *rand.Rand
	last                time.Time
}

func (c *carrier) takes(now time.Time) bool {
	c.n++
	c.tokens = min(c.saved, c.tokens+now.Sub(c.last).Seconds()*c.rate)
	c.last = now
	busy := c.every > 0 && c.n%c.every == 0 || c.every == 0 && c.share > 0 && c.rand.Float64() < c.share
	if c.tokens < 1 || busy && !c.dry {
		return false
	}
	c.tokens--
	return !busy
}

// drive runs a governor against a carrier on a clock of its own, with more to send than passes, and so long a way.
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

// TestStart: a link that does not know its rate begins slowly, and goes faster as long as others wait. Traffic that is no
// burst proves nothing.
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

// TestRefusalsThatAreNotTheRates: an SMSC refuses a share of the parts, however slowly they come, beside a limit or without
// one. The link gets at least 95 % of what a client would that knew both.
func TestRefusalsThatAreNotTheRates(t *testing.T) {
	t.Parallel()
	const length = 45 * time.Second
	tries := uint64(2)
	if os.Getenv(throttleMinuteVar) != "" {
		tries = 8
	}
	for _, share := range []float64{0.01, 0.05, 0.1, 0.2, 0.5} {
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
			{window: 10, way: 100 * time.Millisecond},
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
				want := 0.95
				if c.tps == 0 && share < 0.05 {
					want = 0.8 // a share so small takes longer to tell from a limit where the rate is not known
				}
				if sum/float64(tries) < want {
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
	if tps < 50 { // a slow link takes as many answers to learn as a fast one, and so longer
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

// TestSentBeforeTheHalving: a window of throttled answers is one lesson.
func TestSentBeforeTheHalving(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	g := newGovernor(100, func() time.Time { return now })
	sent := now
	now = now.Add(time.Second)
	for range 50 {
		g.answered(Throttled, sent)
	}
	once := g.status()
	if once.Limit < 20 || once.Limit > 50 || once.Throttled != 50 {
		t.Errorf("status %+v after one window of refusals, want one lesson", once)
	}
}
