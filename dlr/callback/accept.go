package callback

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
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
		d.nak(j.d, longestLaneWait)
	}
}

// read decodes a message; what cannot be read will never be, and is dead-lettered.
func (d *Dispatcher) read(m *queue.Delivery) (j job, ok bool) {
	j.d = m
	var err error
	if isBatch(m.Subject) {
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

// turn says whether an item may go now. The order of the two looks matters: an earlier item that is no longer stored has put
// its hold before.
func (d *Dispatcher) turn(ctx context.Context, j job) (state, error) {
	for n := 1; n < j.event.N; n++ {
		if d.o.Queue.Events().Stored(otp.EventKey(j.event.OtpID, n)) {
			return blocked, nil
		}
	}
	return d.holds.of(ctx, j.event.OtpID)
}

func (d *Dispatcher) age(m *queue.Delivery) time.Duration { return max(d.o.Now().Sub(m.Stored), 0) }
