package dlr

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

// deadKind is the kind of this package's dead letters: DLQ subject dlq.receipt.
const deadKind = "receipt"

// Bounds of RunParked.
const (
	parkedAhead   = 256              // receipts asked for ahead
	parkedWorkers = 16               // looked up at a time
	parkedTimeout = 10 * time.Second // one look-up and what follows from it
	pullPause     = time.Second      // after the store failed
)

// subjectOf is the subject on PARKED of a link's receipts.
func subjectOf(link string) string { return "parked." + queue.Token(link) }

func (p parked) encode() []byte {
	if !utf8.ValidString(p.ID) {
		p.IDHex, p.ID = hex.EncodeToString([]byte(p.ID)), ""
	}
	p.Other = []byte(p.OtherID)
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers: cannot fail
	}
	return b
}

func decodeParked(data []byte) (parked, error) {
	var p parked
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("dlr: parked receipt: %w", err)
	}
	if id, err := hex.DecodeString(p.IDHex); err == nil && len(id) > 0 {
		p.ID = string(id)
	}
	p.OtherID = string(p.Other)
	if p.ID == "" || p.State == 0 {
		return p, errors.New("dlr: parked receipt without an id or a state")
	}
	return p, nil
}

// RunParked looks parked receipts up again until ctx ends; then it waits for those under way and returns nil.
// Any number of daemons may run it.
func (t *Tracker) RunParked(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := t.pullParked(ctx); err != nil && ctx.Err() == nil {
			t.log.Warn().Err(err).Msg("parked receipts: cannot pull, trying again")
			_ = backoff.Sleep(ctx, pullPause)
		}
	}
	return nil
}

func (t *Tracker) pullParked(ctx context.Context) error {
	puller, err := t.queue.Parked().Pull(ctx, queue.PullOptions{Max: parkedAhead})
	if err != nil {
		return err
	}
	defer puller.Stop()
	var g errgroup.Group
	defer func() { _ = g.Wait() }() // no worker returns an error
	g.SetLimit(parkedWorkers)
	for {
		d, err := puller.Next(ctx)
		if err != nil {
			return err
		}
		g.Go(func() error {
			// What was taken is finished, even when the daemon is about to stop.
			work, cancel := context.WithTimeout(context.WithoutCancel(ctx), parkedTimeout)
			defer cancel()
			t.again(work, d)
			return nil
		})
	}
}

// again looks one parked receipt up. Whatever fails, it stays parked.
func (t *Tracker) again(ctx context.Context, d *queue.Delivery) {
	p, err := decodeParked(d.Data)
	if err == nil && p.Rest != nil && d.Attempt == 1 {
		_ = d.Nak(t.PartsWait)
		return
	}
	var result string
	switch age := t.age(d.Attempt); {
	case err != nil:
		result = resultUnparsable
		err = t.bury(ctx, d, p.Link, result)
	case p.Rest != nil:
		result, err = t.settleRest(ctx, p, age)
	default:
		if result, err = t.fold(ctx, p, age); err == nil && result == "" && age >= t.GiveUp {
			result = resultUnmatched
			err = t.bury(ctx, d, p.Link, result)
		}
	}
	if err != nil || result == "" {
		if err != nil {
			t.log.Warn().Err(err).Str("link", p.Link).Msg("parked receipt: stays parked")
		}
		_ = d.Nak(t.wait(d.Attempt)) // lost, the AckWait does the same
		return
	}
	if result == resultFolded {
		result = resultLate
	}
	t.count(p.Link, result)
	if err := d.Ack(ctx); err != nil {
		t.log.Warn().Err(err).Str("link", p.Link).Msg("parked receipt: done, but not taken off; it will be done again")
	}
}

func (t *Tracker) bury(ctx context.Context, d *queue.Delivery, link, reason string) error {
	if n, ok := t.quiet.Due(link+" "+reason, t.Now()); ok {
		t.log.Warn().Str("link", link).Int("count", n).Str("reason", reason).Msg("receipt dead-lettered")
	}
	return t.queue.DeadLetter(ctx, queue.DeadLetter{Kind: deadKind, Group: link, Reason: reason, Subject: d.Subject, Data: d.Data})
}

// age is for how long a receipt has been parked, at least: the sum of its pauses, which the store measured.
// No machine's clock is asked, for no two of them agree.
func (t *Tracker) age(attempt int) (age time.Duration) {
	for i := 1; i < attempt && age < t.GiveUp; i++ {
		age += t.wait(i)
	}
	return age
}

// wait is the pause after the nth look-up: 50 ms, 100 ms, ... 5 min.
func (t *Tracker) wait(attempt int) time.Duration {
	return backoff.Doubled(t.FirstWait, attempt-1, t.LongWait)
}
