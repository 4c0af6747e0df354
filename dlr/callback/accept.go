package callback

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// deadKind is the kind of this package's dead letters: DLQ subject dlq.callback.
const deadKind = "callback"

// accept takes one message of EVENTS as far as its lane, or back to the queue, or off it.
func (d *Dispatcher) accept(ctx context.Context, m *queue.Delivery) {
	if ctx.Err() != nil {
		d.nak(m, 0)
		return
	}
	j, ok := d.read(m)
	if !ok {
		return
	}
	if j.batch != nil {
		if wait := j.batch.Due.Sub(d.o.Now()); wait > 0 {
			d.nak(m, wait)
			return
		}
		d.settle(j, d.lanes.admit(j))
		return
	}
	if ok, _ := d.lanes.room(j.event.URL); !ok { // before the store is asked for nothing
		d.settle(j, noRoom)
		return
	}
	if !d.confirmed(ctx, j) {
		return
	}
	if at := d.lanes.join(j); at != unknown {
		d.settle(j, at)
		return
	}
	work, cancel := step()
	defer cancel()
	switch s, err := d.turn(work, j); {
	case err != nil:
		d.o.Log.Warn().Err(err).Str("otp", j.event.OtpID).Msg("callback: its turn is not known, trying again")
		d.nak(m, growing(d.age(m), time.Second))
	case s == blocked:
		d.nak(m, growing(d.age(m), longestDelay))
	case s == covered:
		_ = d.ack(m)
	default:
		d.settle(j, d.lanes.admit(j))
	}
}

// settle gives back what was not admitted.
func (d *Dispatcher) settle(j job, a admission) {
	switch a {
	case noRoom:
		d.metrics.returned.Inc()
		_, wait := d.lanes.room(j.url())
		d.nak(j.d, wait+rand.N(wait))
	case duplicate:
		d.nak(j.d, keepInterval)
	}
}

// read decodes a message; what cannot be read will never be, and is dead-lettered.
func (d *Dispatcher) read(m *queue.Delivery) (j job, ok bool) {
	j.d = m
	var err error
	if strings.HasPrefix(m.Subject, "events.batch.") {
		j.batch, err = decode(m.Data)
	} else if err = json.Unmarshal(m.Data, &j.event); err == nil && (j.event.OtpID == "" || j.event.URL == "" || len(j.event.Item) == 0) {
		err = errors.New("callback: stored event is incomplete")
	}
	if err == nil {
		return j, true
	}
	ctx, cancel := step()
	defer cancel()
	d.o.Log.Error().Str("subject", m.Subject).Msg("callback: stored message is unreadable, dead-lettered")
	if d.o.Queue.DeadLetter(ctx, queue.DeadLetter{Kind: deadKind, Reason: "unreadable", Subject: m.Subject, Data: m.Data}) != nil {
		d.nak(m, growing(d.age(m), longestDelay))
		return j, false
	}
	_ = d.ack(m)
	return j, false
}

// confirmed asks the record whether it took the change. It settles the item when not.
func (d *Dispatcher) confirmed(ctx context.Context, j job) bool {
	work, cancel := step()
	defer cancel()
	pause := confirmPause
	for try := 1; ; try++ {
		v, err := d.o.Records.Took(work, j.event.OtpID, j.event.N, j.event.Change)
		result := itemLost
		switch {
		case errors.Is(err, otp.ErrNotFound):
			result = itemGone
		case err != nil:
			d.o.Log.Warn().Err(err).Str("otp", j.event.OtpID).Msg("callback: its record cannot be read, trying again")
			d.nak(j.d, growing(d.age(j.d), time.Minute))
			return false
		case v == otp.Took:
			return true
		case v == otp.NotYet && d.age(j.d) < orphanAge:
			// The intent is stored right before the change: most often it is there a moment later.
			if try < confirmTries && ctx.Err() == nil {
				sleep(ctx, pause)
				pause *= 2
				continue
			}
			d.nak(j.d, growing(d.age(j.d), time.Second))
			return false
		case v == otp.NotYet:
			result = itemOrphan
		}
		d.count(j.event.App, result, 1)
		_ = d.ack(j.d)
		return false
	}
}

// turn says whether an item may go now. The order of the two looks matters: an earlier item that is no longer stored has put
// its hold before.
func (d *Dispatcher) turn(ctx context.Context, j job) (state, error) {
	if j.event.N <= 1 && j.d.Attempt <= 1 {
		return free, nil
	}
	if j.event.N > 1 {
		first, err := d.o.Queue.FirstEvent(ctx, j.d.Subject)
		switch {
		case errors.Is(err, queue.ErrNotFound):
			return covered, nil // it was taken off meanwhile, by whoever did it
		case err != nil:
			return free, err
		case first < j.d.Sequence:
			return blocked, nil
		}
	}
	return d.holds.of(ctx, j.event.OtpID, j.event.N)
}

func (d *Dispatcher) age(m *queue.Delivery) time.Duration { return max(d.o.Now().Sub(m.Stored), 0) }
