package callback

import (
	"errors"
	"net/http"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

// Reasons of dead letters.
const (
	reasonDisabled  = "the URL is disabled: it answered 410"
	reasonExhausted = "every try failed"
	reasonSilent    = "its host did not answer for as long as there are tries"
	reasonNoSecret  = "the application has no callback secret"
)

// outcome is what a try came to.
type outcome int

const (
	acknowledged outcome = iota
	refusedForGood
	failed
	cutOff // by the end of Run: no try at all
)

// deliver tries a batch that is due, and says what becomes of it. takeOff is what is left to do for one that
// was acknowledged.
func (d *Dispatcher) deliver(l *lane, s *sealed) (takeOff func()) {
	b := d.load(l, s)
	if b == nil {
		d.lanes.finish(l, s)
		return nil
	}
	out, a, reason := d.try(l, b, s)
	d.lanes.note(s, a.status)
	switch out {
	case acknowledged:
		d.metrics.age.Observe(d.o.Queue.Now().Sub(b.Since).Seconds())
		d.count(b.App, itemDelivered, b.items())
		d.acknowledged(s, b)
		return func() { d.takeOff(l, s, b, tellAcknowledged) }
	case cutOff:
		d.lanes.again(l, s)
	case failed:
		next := time.Until(s.then)
		if !s.early {
			s.tries++
			s.woken = false
			next = d.wait(s.tries)
		}
		if s.fresh = a.silent; s.early || next >= 0 {
			s.early, s.due = false, time.Now().Add(spread(max(next, a.retryAfter, 0)))
			d.count(b.App, itemRetrying, b.items())
			d.lanes.again(l, s)
			return nil
		}
		d.end(l, s, b, reasonExhausted)
	case refusedForGood:
		d.end(l, s, b, reason)
	}
	return nil
}

// load reads a batch again; nil when it is not stored any more.
func (d *Dispatcher) load(l *lane, s *sealed) *batch {
	unlock, _ := l.lock(s)
	defer unlock()
	return named(s.in.load(), s.id)
}

// buryOver ends a batch whose host did not answer in all the time of the schedule.
func (d *Dispatcher) buryOver(l *lane, s *sealed) {
	if b := d.load(l, s); b != nil {
		d.end(l, s, b, reasonSilent)
		return
	}
	d.lanes.finish(l, s)
}

// end dead-letters a batch and takes it off.
func (d *Dispatcher) end(l *lane, s *sealed, b *batch, reason string) {
	if d.bury(b, s.tries, reason) != nil {
		s.due = time.Now().Add(pullPause)
		d.lanes.again(l, s)
		return
	}
	d.count(b.App, itemDead, b.items())
	d.takeOff(l, s, b, tellDead)
}

// takeOff takes a batch off the queue and lets go of its OTPs. When the store does not do it, the batch is
// sent again.
func (d *Dispatcher) takeOff(l *lane, s *sealed, b *batch, end tellEnd) {
	if err := d.takeOffStored(l, s, b, end); err != nil {
		d.o.Log.Warn().Err(err).Str("id", b.ID).Msg("callback: done, but not taken off; it will be done again")
		s.due = time.Now().Add(pullPause)
		d.lanes.again(l, s)
		return
	}
	d.lanes.finish(l, s)
}

func (d *Dispatcher) takeOffStored(l *lane, s *sealed, b *batch, end tellEnd) (err error) {
	ctx, cancel := step()
	defer cancel()
	unlock, joint := l.lock(s)
	defer unlock()
	for err = ctx.Err(); err == nil; {
		tx := d.o.Queue.Begin()
		if !joint {
			tx.Along().Done(s.in.d)
		} else if !d.takeOut(tx, s.in, s.id) {
			return nil
		}
		d.holds.release(tx, b)
		d.told(tx, s, b, end)
		err = d.o.Queue.Commit(ctx, tx)
		if !errors.Is(err, queue.ErrConflict) {
			return err
		}
		err = ctx.Err() // a hold has become another batch's meanwhile, or the message is another daemon's
	}
	return err
}

// wait is the pause after so many tries; negative when there is no further one.
func (d *Dispatcher) wait(tries int) time.Duration {
	if tries >= len(d.o.Schedule) {
		return -1
	}
	return d.o.Schedule[tries]
}

// spread lengthens a wait by up to a tenth, at random: what failed together is not to come back together.
func spread(wait time.Duration) time.Duration { return backoff.Spread(wait, wait/10) }

// bury dead-letters a batch, to be replayed from its first try.
func (d *Dispatcher) bury(b *batch, tries int, reason string) error {
	ctx, cancel := step()
	defer cancel()
	m := b.message()
	err := d.o.Queue.DeadLetter(ctx, queue.DeadLetter{Kind: deadKind, Reason: reason, Subject: m.Subject, Key: m.Key, Group: m.Group, Data: m.Data})
	if err != nil {
		d.o.Log.Error().Err(err).Str("id", b.ID).Msg("callback: cannot dead-letter")
		return err
	}
	d.o.Log.Warn().Str("app", b.App).Str("host", hostOf(b.URL)).Str("id", b.ID).Int("tries", tries).Str("reason", reason).
		Msg("callback dead-lettered")
	return nil
}

// try sends a batch once, unless its URL is disabled.
func (d *Dispatcher) try(l *lane, b *batch, s *sealed) (out outcome, a answer, reason string) {
	ctx, cancel := step()
	at, off, err := d.endpoints.disabled(ctx, b.target())
	cancel()
	if err != nil { // not knowing is no reason not to send
		d.o.Log.Warn().Err(err).Str("id", b.ID).Msg("callback: not known whether its URL is disabled")
	}
	if off {
		return refusedForGood, a, reasonDisabled
	}
	body, err := d.o.Reveal(b.Kind, b.body)
	if err != nil {
		d.o.Log.Error().Err(err).Str("id", b.ID).Msg("callback: its body does not open here; it waits")
		return failed, a, ""
	}
	begun := time.Now()
	traceparent, end := d.trace(b)
	a, err = d.sender.post(d.post, b.URL, b.App, b.ID, body, traceparent, s.fresh)
	end(a.status, err)
	d.metrics.seconds.Observe(time.Since(begun).Seconds())
	if err == nil && a.status != http.StatusGone && at.ID != "" {
		d.enabled(b)
	}
	out, reason = d.judge(b, a, err)
	if out != cutOff && reason != reasonNoSecret {
		d.lanes.judged(l, verdict{begun: begun, ok: out == acknowledged, answered: err == nil, wait: a.retryAfter})
	}
	if out == failed {
		d.o.Log.Warn().Err(err).Str("app", b.App).Str("host", hostOf(b.URL)).Str("id", b.ID).Int("status", a.status).
			Int("tries", s.tries+1).Int("otps", len(b.Held)).Msg("callback failed")
	}
	return out, a, reason
}

// trace begins the span of a try, where one of its OTPs is traced.
func (d *Dispatcher) trace(b *batch) (traceparent string, end func(status int, err error)) {
	if d.o.Trace == nil || len(b.Trace) == 0 {
		return "", untraced
	}
	return d.o.Trace(b.Trace, string(b.Kind), hostOf(b.URL))
}

func untraced(int, error) {}

// judge says what an answer means.
func (d *Dispatcher) judge(b *batch, a answer, err error) (outcome, string) {
	result, out, reason := postFailed, failed, ""
	switch {
	case errors.Is(err, errNoSecret):
		if _, others := d.o.Queue.Daemons(); len(others) > 0 { // whose configuration may be newer than this one's
			return failed, reasonNoSecret
		}
		return refusedForGood, reasonNoSecret
	case err != nil && d.post.Err() != nil:
		return cutOff, ""
	case errors.Is(err, ErrRefusedAddress):
		result = postRefused
	case err == nil && a.status >= 200 && a.status < 300:
		result, out = postOK, acknowledged
	case a.status == http.StatusGone:
		result, out, reason = postGone, refusedForGood, reasonDisabled
		d.disable(b)
	}
	d.metrics.posts.WithLabelValues(b.App, result).Inc()
	return out, reason
}

func (d *Dispatcher) disable(b *batch) {
	ctx, cancel := step()
	defer cancel()
	err := d.endpoints.disable(ctx, b.target())
	if err != nil {
		d.o.Log.Error().Err(err).Str("id", b.ID).Msg("callback: cannot disable the URL")
		return
	}
	d.o.Log.Warn().Str("app", b.App).Str("host", hostOf(b.URL)).Str("endpoint", b.target().id()).
		Msg("callback URL disabled for an hour: it answered 410")
}

// enabled: a URL that had answered 410 answers something else.
func (d *Dispatcher) enabled(b *batch) {
	ctx, cancel := step()
	defer cancel()
	if err := d.endpoints.enable(ctx, b.target()); err != nil {
		d.o.Log.Warn().Err(err).Str("id", b.ID).Msg("callback: cannot enable the URL")
		return
	}
	d.o.Log.Info().Str("app", b.App).Str("host", hostOf(b.URL)).Msg("callback URL enabled: it no longer answers 410")
}
