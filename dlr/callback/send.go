package callback

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// Reasons of dead letters.
const (
	reasonDisabled  = "the URL is disabled: it answered 410"
	reasonExhausted = "every try failed"
	reasonNoSecret  = "the application has no callback secret"
)

// outcome is what a try came to.
type outcome int

const (
	acknowledged outcome = iota
	refusedForGood
	failed
	cutOff    // by the end of Run: no try at all
	postponed // not tried: the URL failed a moment ago
)

// runLane sends what its lane holds, one request after another, and ends when it is empty.
func (d *Dispatcher) runLane(l *lane) {
	for {
		jobs := d.lanes.next(l)
		if jobs == nil {
			return
		}
		if b := jobs[0].batch; b != nil {
			d.sendAgain(jobs[0].d, b)
		} else {
			d.sendItems(l, jobs)
		}
		d.lanes.done(l, jobs)
	}
}

// sendItems makes a request of items and sends it for the first time.
func (d *Dispatcher) sendItems(l *lane, jobs []job) {
	b := form(jobs)
	out, reason := d.try(b, true)
	switch out {
	case acknowledged:
		for _, j := range jobs {
			d.metrics.age.Observe(d.age(j.d).Seconds())
		}
		d.done(jobs)
		d.count(b.App, itemDelivered, len(jobs))
		return
	case cutOff:
		d.giveBack(append(jobs, d.lanes.fail(l, jobs)...), 0)
		return
	case refusedForGood:
		if d.bury(b, reason) == nil {
			d.done(jobs)
			d.count(b.App, itemDead, len(jobs))
			return
		}
	default:
		behind := d.lanes.fail(l, jobs)
		d.giveBack(behind, shortestDelay)
		if out == failed {
			b.Tries = 1
		}
		if d.storeFirst(b, jobs) == nil {
			d.count(b.App, itemRetrying, len(jobs))
			return
		}
	}
	d.giveBack(jobs, time.Second) // the store failed: the same items come again, and so does the id
}

func (d *Dispatcher) giveBack(jobs []job, delay time.Duration) {
	for _, j := range jobs {
		d.nak(j.d, delay)
	}
}

// storeFirst stores a batch that was not delivered at its first try, with its holds, in the place of its items.
func (d *Dispatcher) storeFirst(b *batch, jobs []job) error {
	ctx, cancel := step()
	defer cancel()
	wait := d.wait(max(b.Tries, 1))
	tx := d.o.Queue.Begin()
	for _, j := range jobs {
		tx.Done(j.d)
	}
	if wait < 0 { // a schedule of one try
		if err := d.bury(b, reasonExhausted); err != nil {
			return err
		}
	} else {
		d.holds.put(tx, b)
		b.Due = d.due(b, wait)
		tx.Message(b.message())
	}
	err := d.o.Queue.Commit(ctx, tx)
	if err != nil {
		d.o.Log.Warn().Err(err).Str("id", b.ID).Msg("callback: cannot store the batch")
	}
	return err
}

// store publishes a batch with its next due time, in the place of the same batch where that is stored already.
func (d *Dispatcher) store(ctx context.Context, b *batch, wait time.Duration) error {
	b.Due = d.due(b, wait)
	err := d.o.Queue.Publish(ctx, b.message())
	if err != nil {
		d.o.Log.Warn().Err(err).Str("id", b.ID).Msg("callback: cannot store the batch")
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

// due is when a batch is tried again, after a wait, but not before its receiver wants it.
func (d *Dispatcher) due(b *batch, wait time.Duration) time.Time {
	return d.o.Now().Add(spread(max(wait, b.notBefore))).UTC()
}

// spread lengthens a wait by up to a tenth, at random: what failed together is not to come back together.
func spread(wait time.Duration) time.Duration { return wait + rand.N(wait/10+1) }

// sendAgain tries a stored batch that is due.
func (d *Dispatcher) sendAgain(m *queue.Delivery, b *batch) {
	out, reason := d.try(b, false)
	switch out {
	case acknowledged:
		d.metrics.age.Observe(d.o.Now().Sub(b.Since).Seconds())
		d.count(b.App, itemDelivered, len(b.Held))
		d.finish(m, b)
		return
	case cutOff:
		d.nak(m, 0)
		return
	case failed:
		b.Tries++
		wait := d.wait(b.Tries)
		if wait >= 0 {
			d.storeAgain(m, b, wait)
			return
		}
		reason = reasonExhausted
	}
	if d.bury(b, reason) != nil {
		d.nak(m, pullPause)
		return
	}
	d.count(b.App, itemDead, len(b.Held))
	d.finish(m, b)
}

// storeAgain replaces a stored batch by the same with one more try, and gives it back until that is due.
func (d *Dispatcher) storeAgain(m *queue.Delivery, b *batch, wait time.Duration) {
	ctx, cancel := step()
	defer cancel()
	if d.store(ctx, b, wait) != nil {
		d.nak(m, max(wait, pullPause)) // the try is not counted, but waited for
		return
	}
	d.nak(m, wait)
}

// finish takes a batch off the queue and lets go of its OTPs.
func (d *Dispatcher) finish(m *queue.Delivery, b *batch) {
	ctx, cancel := step()
	defer cancel()
	tx := d.o.Queue.Begin().Done(m)
	if err := errors.Join(d.holds.release(ctx, tx, b), d.o.Queue.Commit(ctx, tx)); err != nil {
		d.o.Log.Warn().Err(err).Str("id", b.ID).Msg("callback: done, but not taken off; it will be done again")
	}
}

// bury dead-letters a batch, to be replayed from its first try.
func (d *Dispatcher) bury(b *batch, reason string) error {
	ctx, cancel := step()
	defer cancel()
	again := *b
	again.Tries, again.Due = 0, time.Time{}
	err := d.o.Queue.DeadLetter(ctx, queue.DeadLetter{Kind: deadKind, Reason: reason, Subject: subjectOf(b.ID), Key: b.ID, Group: b.App, Data: again.encode()})
	if err != nil {
		d.o.Log.Error().Err(err).Str("id", b.ID).Msg("callback: cannot dead-letter")
		return err
	}
	d.o.Log.Warn().Str("app", b.App).Str("host", hostOf(b.URL)).Str("id", b.ID).Int("tries", b.Tries).Str("reason", reason).
		Msg("callback dead-lettered")
	return nil
}

// slowFailure is how long a failed try takes to hold up others of its URL. One that fails faster costs little to be tried.
const slowFailure = time.Second

// try sends a batch once, unless its URL is disabled, or, for a first try, failed slowly a moment ago.
func (d *Dispatcher) try(b *batch, first bool) (out outcome, reason string) {
	ctx, cancel := step()
	at, off, err := d.endpoints.disabled(ctx, b.target())
	cancel()
	if err != nil { // not knowing is no reason not to send
		d.o.Log.Warn().Err(err).Str("id", b.ID).Msg("callback: not known whether its URL is disabled")
	}
	if off {
		return refusedForGood, reasonDisabled
	}
	if wait := d.wait(1); first && wait > 0 && d.o.Now().Sub(d.endpoints.failedAt(b.target())) < wait {
		return postponed, ""
	}
	begun := time.Now()
	a, err := d.sender.post(d.post, b.URL, b.App, b.ID, d.o.Reveal(b.Kind, b.body))
	took := time.Since(begun)
	d.metrics.seconds.Observe(took.Seconds())
	if err == nil && a.status != http.StatusGone && at.ID != "" {
		d.enabled(b)
	}
	return d.judge(b, a, err, took)
}

// judge says what an answer means.
func (d *Dispatcher) judge(b *batch, a answer, err error, took time.Duration) (outcome, string) {
	result, out, reason := postFailed, failed, ""
	switch {
	case errors.Is(err, errNoSecret):
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
	d.endpoints.tried(b.target(), out == failed && took >= slowFailure)
	if out == failed {
		d.o.Log.Warn().Err(err).Str("app", b.App).Str("host", hostOf(b.URL)).Str("id", b.ID).Int("status", a.status).
			Int("tries", b.Tries+1).Int("otps", len(b.Held)).Msg("callback failed")
	}
	b.notBefore = a.retryAfter
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
