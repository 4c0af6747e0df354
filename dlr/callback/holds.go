package callback

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/queue"
)

// storeParallel is how many small writes of one request are under way at a time.
const storeParallel = 8

// holds keeps later changes of an OTP back while a batch with earlier ones is retried (KV_hold: OTP to batch and n).
type holds struct {
	queue  *queue.Queue
	bucket *queue.Bucket
}

// state is what holds and stored items say of a change.
type state int

const (
	free    state = iota
	blocked       // an earlier change is to go first
	covered       // it is in a stored batch, which will deliver it
)

// put holds every OTP of a batch. It must return before the batch is stored.
func (h *holds) put(ctx context.Context, b *batch) error {
	return each(b.Held, func(o held) error {
		if _, err := h.bucket.Put(ctx, o.OtpID, []byte(b.ID+" "+strconv.Itoa(o.N)), 0); err != nil {
			return fmt.Errorf("callback: hold: %w", err)
		}
		return nil
	})
}

// release takes a batch's holds off, after it is no longer stored. A hold that stays counts for nothing, see of.
func (h *holds) release(ctx context.Context, b *batch) error {
	return each(b.Held, func(o held) error {
		e, err := h.bucket.Get(ctx, o.OtpID)
		if errors.Is(err, queue.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if id, _ := parseHold(e.Value); id != b.ID {
			return nil
		}
		if err := h.bucket.DeleteRevision(ctx, o.OtpID, e.Revision); !errors.Is(err, queue.ErrConflict) {
			return err
		}
		return nil
	})
}

// of says what a hold means for the nth change of an OTP.
func (h *holds) of(ctx context.Context, otpID string, n int) (state, error) {
	e, err := h.bucket.Get(ctx, otpID)
	if errors.Is(err, queue.ErrNotFound) {
		return free, nil
	}
	if err != nil {
		return free, fmt.Errorf("callback: read hold: %w", err)
	}
	id, upTo := parseHold(e.Value)
	_, err = h.queue.FirstEvent(ctx, subjectOf(id))
	if errors.Is(err, queue.ErrNotFound) {
		return free, nil // the batch is done, or not stored yet; then the item is still there, and counts itself
	}
	if err != nil {
		return free, fmt.Errorf("callback: look for the batch of a hold: %w", err)
	}
	if n <= upTo {
		return covered, nil
	}
	return blocked, nil
}

func parseHold(value []byte) (id string, n int) {
	id, upTo, _ := strings.Cut(string(value), " ")
	n, _ = strconv.Atoi(upTo)
	return id, n
}

// each runs f for every element, a few at a time, and returns the first error.
func each[T any](list []T, f func(T) error) error {
	if len(list) == 1 {
		return f(list[0])
	}
	var g errgroup.Group
	g.SetLimit(storeParallel)
	for _, v := range list {
		g.Go(func() error { return f(v) })
	}
	return g.Wait()
}
