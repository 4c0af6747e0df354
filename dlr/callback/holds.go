package callback

import (
	"context"
	"errors"
	"fmt"

	"github.com/otpgw/otpgw/queue"
)

// holds keeps later changes of an OTP back while a batch with earlier ones is retried (bucket hold: OTP to batch).
type holds struct {
	queue  *queue.Queue
	bucket *queue.Bucket
}

// state is what holds and stored items say of a change.
type state int

const (
	free    state = iota
	blocked       // an earlier change is to go first
)

// put holds every OTP of a batch, in the transaction that stores it.
func (h *holds) put(tx *queue.Tx, b *batch) {
	for _, o := range b.Held {
		tx.Put(h.bucket, o.OtpID, []byte(b.ID), 0)
	}
}

// release takes a batch's holds off, in the transaction that takes it off. Nobody else holds its OTPs meanwhile: their later
// changes wait for it.
func (h *holds) release(ctx context.Context, tx *queue.Tx, b *batch) error {
	for _, o := range b.Held {
		e, err := h.bucket.Get(ctx, o.OtpID)
		if errors.Is(err, queue.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if string(e.Value) == b.ID {
			tx.Delete(h.bucket, o.OtpID)
		}
	}
	return nil
}

// of says whether an OTP is held.
func (h *holds) of(ctx context.Context, otpID string) (state, error) {
	e, err := h.bucket.Get(ctx, otpID)
	if errors.Is(err, queue.ErrNotFound) {
		return free, nil
	}
	if err != nil {
		return free, fmt.Errorf("callback: read hold: %w", err)
	}
	if !h.queue.Events().Stored(string(e.Value)) {
		return free, nil // the batch is a dead letter
	}
	return blocked, nil
}
