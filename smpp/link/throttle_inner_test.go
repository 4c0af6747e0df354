package link

import (
	"math"
	"testing"
	"time"
)

// carrier is an SMSC for simulations: it takes rate parts per second, with so many saved up at most, and throttles each
// nth part whatever the rate is.
type carrier struct {
	rate, saved, tokens float64
	noise, n            int
	last                time.Time
}

func (c *carrier) takes(now time.Time) bool {
	c.n++
	c.tokens = min(c.saved, c.tokens+now.Sub(c.last).Seconds()*c.rate)
	c.last = now
	if c.noise > 0 && c.n%c.noise == 0 || c.tokens < 1 {
		return false
	}
	c.tokens--
	return true
}

// drive runs a governor against a carrier on a clock of its own, with more to send than passes, and so long a way.
type drive struct {
	now  time.Time
	g    *governor
	c    *carrier
	way  time.Duration
	road []answer

	taken, throttled int
	sent             []time.Time
}

type answer struct {
	due, sent time.Time
	class     Class
}

func newDrive(tps int, window int64, c *carrier, way time.Duration) *drive {
	d := &drive{now: time.Unix(1_700_000_000, 0), c: c, way: way}
	c.tokens, c.last = c.saved, d.now
	d.g = newGovernor(tps, window, func() time.Time { return d.now })
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
			if !d.g.flight.TryAcquire(1) {
				break
			}
			if _, wait := d.g.next(); wait > 0 {
				d.g.unused()
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
		d.g.waiting = 1
		if d.g.flight.TryAcquire(1) {
			d.g.flight.Release(1)
			d.g.waiting = 0
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
				if share > 0.01 {
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

// TestStart: a link that does not know its rate begins with few parts in flight, and has more as long as others wait. Traffic
// that is no burst proves nothing.
func TestStart(t *testing.T) {
	for _, c := range []struct {
		way, after time.Duration
		least      int // parts a second then
	}{
		{time.Millisecond, time.Second, 2900}, // of the 3000 that the drive has
		{100 * time.Millisecond, 9 * time.Second, 950},
		{2 * time.Second, time.Minute, 14},
	} {
		d := newDrive(0, 100, &carrier{rate: 1e6, saved: 1e6}, c.way)
		d.run(c.after)
		if taken, _ := d.run(10 * time.Second); taken < 10*c.least {
			t.Errorf("answers in %s: %d parts in flight after %s, %d in ten seconds, want %d a second", c.way, d.g.open, c.after, taken, c.least)
		}
	}
	d := newDrive(0, 100, &carrier{rate: 1e6, saved: 1e6}, time.Millisecond)
	for range 1000 {
		if !d.g.flight.TryAcquire(1) {
			t.Fatal("no room")
		}
		granted, _ := d.g.next()
		d.now = d.now.Add(time.Second)
		d.g.answered(Taken, granted)
	}
	if d.g.open != startAtOnce {
		t.Errorf("%d parts in flight after a thousand, one by one", d.g.open)
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

// TestThrottlingThatIsNotTheRates: an SMSC that throttles each 50th part, however slow they come, does not stop a link.
func TestThrottlingThatIsNotTheRates(t *testing.T) {
	d := newDrive(0, 100, &carrier{rate: 1e6, saved: 1e6, noise: 50}, time.Millisecond)
	d.run(20 * time.Second)
	if taken, _ := d.run(10 * time.Second); taken < 10_000 {
		t.Errorf("%d parts in ten seconds", taken)
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
		if allowed := tps + 1 + int(float64(tps)*burstTime); most > allowed || len(d.sent) < 5*tps {
			t.Errorf("TPS %d: %d parts in 5 s, up to %d in one, allowed %d", tps, len(d.sent), most, allowed)
		}
	}
}

func TestIdleRateStopsAtTheCeiling(t *testing.T) {
	d := newDrive(0, 100, &carrier{rate: 100, saved: 100}, time.Millisecond)
	d.run(5 * time.Second)
	d.now = d.now.Add(time.Hour)
	if r := d.g.status(); r.Limit < 90 || r.Limit > d.g.ceiling*1.01 {
		t.Errorf("limit %v after an idle hour, the carrier's is 100", r.Limit)
	}
}

// TestSentBeforeTheHalving: a window of throttled answers is one lesson.
func TestSentBeforeTheHalving(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	g := newGovernor(100, 50, func() time.Time { return now })
	for range 50 {
		g.flight.TryAcquire(1)
	}
	sent := now
	now = now.Add(time.Second)
	for range 50 {
		g.answered(Throttled, sent)
	}
	if r := g.status(); r.Limit != 50 || r.Throttled != 50 {
		t.Errorf("status %+v, want half the rate", r)
	}
	if g.halve(now); math.Abs(g.rate-25) > 0.1 {
		t.Errorf("rate %v", g.rate)
	}
}
