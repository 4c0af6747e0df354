package server

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Limits are what an account may do. The zero value has none.
type Limits struct {
	MaxBinds int `json:"maxBinds,omitempty"` // binds at once; more are answered ESME_RALYBND
	// Throughput is in messages a second over all binds of the account, with a burst of a tenth of it. What
	// is above is answered ESME_RTHROTTLED.
	Throughput float64 `json:"throughput,omitempty"`
	// Window is how many messages of one bind may be unanswered. What is above is answered ESME_RMSGQFUL, or
	// not at all with WindowSilent. It is felt with a latency; without one a millisecond is taken.
	Window       int  `json:"window,omitempty"`
	WindowSilent bool `json:"windowSilent,omitempty"`
	// Latency is the time to each answer to a message, which a rule's delay comes on top of.
	Latency *behave.Delay `json:"latency,omitempty"`
	// Bandwidth is in octets a second, each way, over all binds of the account.
	Bandwidth int `json:"bandwidth,omitempty"`
}

// minLatency is the latency with a window and no latency of its own: else each message would be answered
// before the next is looked at, and a window never be full.
const minLatency = time.Millisecond

func (l Limits) validate(field string) error {
	switch {
	case l.MaxBinds < 0:
		return behave.Wrong(field+".maxBinds", "%d is below zero", l.MaxBinds)
	case l.Throughput < 0:
		return behave.Wrong(field+".throughput", "%v is below zero", l.Throughput)
	case l.Window < 0:
		return behave.Wrong(field+".window", "%d is below zero", l.Window)
	case l.WindowSilent && l.Window == 0:
		return behave.Wrong(field+".windowSilent", "wants a window")
	case l.Bandwidth < 0 || l.Bandwidth > 0 && l.Bandwidth < 100:
		return behave.Wrong(field+".bandwidth", "%d is not 0, nor 100 octets a second or more", l.Bandwidth)
	}
	return l.Latency.Validate(field + ".latency")
}

func newPolicy(l Limits) *policy {
	p := &policy{Limits: l}
	if l.Throughput > 0 {
		p.rate = rate.NewLimiter(rate.Limit(l.Throughput), max(1, int(l.Throughput/10)))
	}
	if l.Bandwidth > 0 {
		p.bandwidth = rate.NewLimiter(rate.Limit(l.Bandwidth), max(1, l.Bandwidth/20))
	}
	return p
}

// over says what becomes of a message that is above a limit; ok is false then. It counts in one that is not.
func (b *bind) over() (o behave.Outcome, ok bool) {
	p := b.account.policy.Load()
	switch {
	case p.rate != nil && !p.rate.Allow():
		o.Status = wire.StatusThrottled
	case p.Window > 0 && int(b.open.Load()) >= p.Window:
		o.Status = wire.StatusMsgQFul
		o.NoAnswer = p.WindowSilent
	default:
		return o, true
	}
	b.account.throttled.Add(1)
	return o, false
}

// latency adds the account's latency to an outcome.
func (b *bind) latency(o *behave.Outcome) {
	p := b.account.policy.Load()
	switch {
	case p.Latency != nil:
		b.account.dice.mu.Lock()
		o.Delay += p.Latency.Draw(b.account.dice.gen)
		b.account.dice.mu.Unlock()
	case p.Window > 0:
		o.Delay += minLatency
	}
}

// spend waits until n octets may pass.
func spend(ctx context.Context, l *rate.Limiter, n int) error {
	for n > 0 {
		k := min(n, l.Burst())
		if err := l.WaitN(ctx, k); err != nil {
			return err
		}
		n -= k
	}
	return nil
}
