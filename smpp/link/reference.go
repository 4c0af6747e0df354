package link

import (
	"context"
	"errors"
	"hash/maphash"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

const (
	referenceKind    = "reference" // what a number's count is called by, see seal.Box.Name
	referenceNumbers = 1 << 14     // numbers whose references a process remembers
	referenceLocks   = 256         // numbers whose references a process stores at a time
	referenceTimeout = 2 * time.Second
)

// References gives messages of several parts their concatenation references. A handset puts parts together by
// sender and reference, so the references to one number count up, over all daemons and restarts: the 8 bits
// of most networks come again only after 256 messages. A message that is sent again, by whichever daemon,
// keeps its own, so that the parts of both tries still fit.
//
// The count of a number is in the store, under its hash, and costs a message one transaction. While the store
// does not answer, or has no room for more numbers, a process goes on from what it knows, or begins anywhere:
// better a message that another may get in the way of than none.
type References struct {
	queue *queue.Queue                   // nil: the process counts by itself
	name  func(kind, what string) string // of what is private, in the store
	known *lru.Cache[string, count]      // by the number's name
	seed  maphash.Seed
	locks [referenceLocks]chan struct{} // one holder each: of two transactions at once only one would pass
}

// NewReferences counts in the store; name is seal.Box.Name. All links of a daemon have the same: a handset
// does not know which link a message came over.
func NewReferences(q *queue.Queue, name func(kind, what string) string) *References {
	known, _ := lru.New[string, count](referenceNumbers) // fails for a size of 0
	r := &References{queue: q, name: name, known: known, seed: maphash.MakeSeed()}
	for i := range r.locks {
		r.locks[i] = make(chan struct{}, 1)
	}
	return r
}

// ofProcess are the references of links that are given no others.
var ofProcess = NewReferences(nil, func(_, number string) string { return number })

// of is the reference of a message to a number.
func (r *References) of(ctx context.Context, to, id string) uint16 {
	ctx, cancel := context.WithTimeout(ctx, referenceTimeout)
	defer cancel()
	key, message := r.name(referenceKind, to), hashOf(id)
	lock := r.locks[maphash.String(r.seed, key)%referenceLocks]
	select {
	case lock <- struct{}{}:
		defer func() { <-lock }()
	case <-ctx.Done():
	}
	mine, _ := r.known.Get(key)
	if reference, ok := mine.of(message); ok {
		return reference
	}
	pause := backoff.Backoff{First: time.Millisecond, Longest: 20 * time.Millisecond}
	for {
		there, revision, err := r.stored(key)
		c := there.unlessBehind(mine)
		reference, ok := c.of(message)
		if !ok {
			if reference = c.add(message); err == nil {
				err = r.store(ctx, key, c, revision)
			}
			if errors.Is(err, queue.ErrConflict) && pause.Wait(ctx) == nil {
				continue // another daemon has counted
			}
		}
		r.known.Add(key, c)
		return reference
	}
}

// stored is the count of a number in the store. What another daemon stored a moment ago may not be seen yet:
// then storing is a conflict.
func (r *References) stored(key string) (c count, revision uint64, err error) {
	if r.queue == nil {
		return c, 0, nil
	}
	e, err := r.queue.References().Near(key)
	if errors.Is(err, queue.ErrNotFound) {
		return c, 0, nil
	}
	return decodeCount(e.Value), e.Revision, err
}

func (r *References) store(ctx context.Context, key string, c count, revision uint64) (err error) {
	switch {
	case r.queue == nil:
	case revision == 0:
		_, err = r.queue.References().Create(ctx, key, c.encode(), 0)
	default:
		_, err = r.queue.References().Update(ctx, key, c.encode(), 0, revision)
	}
	return err
}

// Forget erases the count of a number.
func (r *References) Forget(ctx context.Context, e164 string) error {
	key := r.name(referenceKind, e164)
	r.known.Remove(key)
	return r.queue.References().Delete(ctx, key)
}
