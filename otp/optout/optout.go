// Package optout keeps which numbers want no messages of which applications, and reads the words by which
// people say so.
//
// A number is on an application's list by a keyed hash (seal.Box.Name), never in the clear, in a bucket that
// all daemons share. Incoming messages change the list (dlr/mo); Service.Create and Resend of package otp ask
// it.
package optout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
)

// Bucket is what the list needs of a queue.Bucket (queue.Queue.OptOuts).
type Bucket interface {
	Get(ctx context.Context, key string) (queue.Entry, error)
	Near(key string) (queue.Entry, error)
	DeleteRevision(ctx context.Context, key string, revision uint64) error
}

// List is the numbers that want no messages. It is safe for use by many goroutines and daemons.
type List struct {
	bucket Bucket
	box    *seal.Box
}

// New returns the list that is in the bucket.
func New(b Bucket, box *seal.Box) *List { return &List{b, box} }

func (l *List) key(app, e164 string) string { return l.box.Name("optout:"+app, e164) }

// Add puts a number on an application's list, as a part of a transaction on the bucket in the store: a conflict
// when it is there.
func (l *List) Add(tx *queue.Tx, b *queue.Bucket, app, e164 string) {
	tx.Create(b, l.key(app, e164), []byte(time.Now().UTC().Format(time.RFC3339)), 0)
}

// maxRaces bounds how often Remove meets another writer.
const maxRaces = 8

// Remove takes a number off an application's list; false when it was not there.
func (l *List) Remove(ctx context.Context, app, e164 string) (bool, error) {
	key := l.key(app, e164)
	for range maxRaces {
		e, err := l.bucket.Get(ctx, key)
		if errors.Is(err, queue.ErrNotFound) {
			return false, nil
		}
		if err == nil {
			err = l.bucket.DeleteRevision(ctx, key, e.Revision)
		}
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, queue.ErrConflict) {
			return false, fmt.Errorf("optout: remove: %w", err)
		}
	}
	return false, fmt.Errorf("optout: remove: %w", queue.ErrConflict)
}

// Has says whether a number is on an application's list. It is asked for each message, so it costs a look
// into memory; what another daemon added is seen milliseconds later.
func (l *List) Has(app, e164 string) (bool, error) {
	_, err := l.bucket.Near(l.key(app, e164))
	switch {
	case errors.Is(err, queue.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("optout: look up: %w", err)
	}
	return true, nil
}
