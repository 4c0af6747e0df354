package link_test

import (
	"math"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// bucket throttles what comes faster than rate a second, with a second's worth saved up at most.
type bucket struct {
	mu               sync.Mutex
	rate, tokens     float64
	last             time.Time
	taken, throttled int
}

func (b *bucket) submit(smsc.SubmitInfo) smsc.Outcome {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.tokens = min(b.rate, b.tokens+now.Sub(b.last).Seconds()*b.rate)
	b.last = now
	if b.tokens < 1 {
		b.throttled++
		return smsc.Outcome{Status: wire.StatusThrottled}
	}
	b.tokens--
	b.taken++
	return smsc.Outcome{NoReceipt: true}
}

func (b *bucket) counts() (taken, throttled int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.taken, b.throttled
}

// throttleMinute names the variable that makes the test take its full minute at 10 parts per second.
const throttleMinute = "OTPGW_TEST_THROTTLE_MINUTE"

// lateTimers are so late on average that a link without a known rate cannot keep to one exactly: of 14
// simulated seconds with timers 5 ms late, every third has more than 1 % throttled.
const lateTimers = 2 * time.Millisecond

// busyMost is what is allowed then. A link that does not heed its carrier has most of its parts throttled.
const busyMost = 0.2

// lateness looks how late timers come, until the returned function is called, which says by how much on
// average.
func lateness() (stop func() time.Duration) {
	const wait = 5 * time.Millisecond
	sum, n, done, ended := time.Duration(0), 0, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			begun := time.Now()
			select {
			case <-done:
				return
			case <-time.After(wait):
				sum, n = sum+time.Since(begun)-wait, n+1
			}
		}
	}()
	return func() time.Duration { close(done); <-ended; return sum / time.Duration(max(n, 1)) }
}

// TestThrottlingCarrier: a link that does not know the rate of its carrier sees at most 1 % throttled
// answers, and loses nothing. In short it is 50 parts per second for 14 s, about as many parts as 10 per
// second for a minute; the rule itself is tested over simulated minutes beside this, where no machine is
// busy.
func TestThrottlingCarrier(t *testing.T) {
	t.Parallel()
	rate, length := 50.0, 14*time.Second
	if os.Getenv(throttleMinute) != "" {
		rate, length = 10, time.Minute
	}
	for _, c := range []struct {
		name string
		tps  int
		most float64
	}{{"rate not known", 0, 0.01}, {"TPS is the rate", int(rate), 0.001}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := &bucket{rate: rate, tokens: rate, last: time.Now()}
			r := newRig(t, smsc.Config{OnSubmit: b.submit})
			for range int(rate * (length.Seconds() + 2)) {
				r.put("+46700000001", "code")
			}
			l, stop := r.start(r.config(func(cfg *link.Config) { cfg.TPS, cfg.Window, cfg.Binds = c.tps, 50, 2 }))
			late := lateness()
			time.Sleep(length) // the length of the observation, not a wait for something
			stop()
			most, by := c.most, late()
			if by > lateTimers {
				most = busyMost
			}
			taken, throttled := b.counts()
			share := float64(throttled) / float64(taken+throttled)
			t.Logf("%d parts taken, %d throttled: %.2f %%; rate %+v; timers late by %s", taken, throttled, 100*share, l.Rate(), by)
			// A machine that is busy takes fewer parts, and refusals of the first second weigh more.
			if share > most && throttled > int(most*rate*length.Seconds())+3 {
				t.Errorf("%.2f %% of the answers throttled, allowed %.2f %%", 100*share, 100*most)
			}
			// How much of the rate is used is measured over simulated time; here it is a sign of life, on
			// whatever machine.
			if used := float64(taken) / (rate * length.Seconds()); used < 0.25 {
				t.Errorf("only %.0f %% of the carrier's rate used", 100*used)
			}
			if n := len(r.sink.accepted); n != taken {
				t.Errorf("%d parts told as accepted, the carrier took %d", n, taken)
			}
		})
	}
}

// TestFixedShareOfRefusals: an SMSC that throttles every nth message, however slowly they come, gets the
// others at the full rate (Kannel's users report such carriers; a link that only halves its rate comes to one
// message per second).
func TestFixedShareOfRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		nth, tps int64
	}{{"each 5th, TPS 100", 5, 100}, {"each 2nd, TPS 100", 2, 100}, {"each 10th, rate not known", 10, 0}, {"each 100th, rate not known", 100, 0}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			r := newRig(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome {
				if n.Add(1)%c.nth == 0 {
					return smsc.Outcome{Status: wire.StatusThrottled}
				}
				return smsc.Outcome{NoReceipt: true}
			}})
			const messages = 400
			for range messages {
				r.put("+46700000001", "code")
			}
			began := time.Now()
			r.start(r.config(func(cfg *link.Config) { cfg.TPS = int(c.tps) }))
			for range messages {
				next(t, r.sink.accepted)
			}
			// The ideal is 8 s at most, and a link that goes slower and slower needs minutes.
			if took := time.Since(began); took > 25*time.Second {
				t.Errorf("%d messages took %s", messages, took)
			}
		})
	}
}

// TestFullQueueOfOneHandset: ESME_RMSGQFUL delays the message that it is about; the link goes on at its rate.
func TestFullQueueOfOneHandset(t *testing.T) {
	t.Parallel()
	var full atomic.Int64
	r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		if s.To == "46701000001" && full.Add(1) < 3 {
			return smsc.Outcome{Status: wire.StatusMsgQFul}
		}
		return smsc.Outcome{NoReceipt: true}
	}})
	slow := r.put("+46701000001", "code")
	for range 100 {
		r.put("+46702000001", "code")
	}
	l, _ := r.start(r.config(func(c *link.Config) { c.TPS = 100 }))
	last := ""
	for range 101 {
		last = next(t, r.sink.accepted).Message.ID
	}
	if last != slow {
		t.Errorf("the message that had to wait was not the last")
	}
	if rate := l.Rate(); rate.Limit != 100 || rate.Throttled != 0 {
		t.Errorf("the link was slowed: %+v", rate)
	}
}

// TestRateIsVisible: a throttled link says how fast it may go, in its status and as a metric.
func TestRateIsVisible(t *testing.T) {
	t.Parallel()
	b := &bucket{rate: 20, tokens: 5, last: time.Now()}
	r := newRig(t, smsc.Config{OnSubmit: b.submit})
	registry := prometheus.NewRegistry()
	r.metrics = link.NewMetrics(registry)
	l, _ := r.start(r.config(nil))
	if got := gauge(t, registry, "otpgw_smpp_rate_limit"); !math.IsInf(got, 1) || l.Rate().Limit != 0 {
		t.Errorf("before: gauge %v, status %+v", got, l.Rate())
	}
	for range 100 {
		r.put("+46700000001", "code")
	}
	for l.Rate().Throttled == 0 {
		next(t, r.sink.accepted)
	}
	await.That(t, "the link is slowed", func() bool { return l.Rate().Limit > 0 })
	rate := l.Rate()
	if got := gauge(t, registry, "otpgw_smpp_rate_limit"); got < 1 || got > 30 || rate.Limit < 1 || rate.Limit > 30 || rate.Throttled < 1 {
		t.Errorf("after: gauge %v, status %+v, the carrier's rate is 20", got, rate)
	}
}

// gauge is the value of the only series of a metric.
func gauge(t *testing.T, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name && len(f.GetMetric()) == 1 {
			return f.GetMetric()[0].GetGauge().GetValue() + f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no single series of %s", name)
	return 0
}

// TestReceiptsAreOutsideTheBudget: at one part per second receipts and enquire_link are answered at once.
func TestReceiptsAreOutsideTheBudget(t *testing.T) {
	t.Parallel()
	many := make([]smsc.Receipt, 100)
	r := newRig(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome { return smsc.Outcome{Receipts: many} }})
	for range 3 {
		r.put("+46700000001", "code")
	}
	r.start(r.config(func(c *link.Config) { c.TPS = 1 }))
	next(t, r.sink.accepted)
	began := time.Now()
	for range 100 {
		next(t, r.sink.incoming)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("100 receipts took %s at TPS 1", d)
	}
}
