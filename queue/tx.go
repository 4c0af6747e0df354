package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nuid"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// Tx is what is stored as a whole or not at all: changes of buckets, messages of work queues, timers. It is
// not for use by several goroutines. A fault of a step is told by Commit.
type Tx struct {
	q     *Queue
	ops   commitlog.Tx
	few   [4]commitlog.Op // room for the first
	err   error
	fresh bool // it makes something new, which a store that does not answer may refuse
	along bool // nobody waits for it

	revision uint64
}

// Begin returns an empty transaction.
func (q *Queue) Begin() *Tx {
	t := &Tx{q: q}
	t.ops = t.few[:0]
	return t
}

// Create sets a key that has no value. Here and below ttl 0 is the bucket's own age.
func (t *Tx) Create(b *Bucket, key string, value []byte, ttl time.Duration) *Tx {
	return t.bucket(b, key, commitlog.Op{Value: value, TTL: ttl, If: commitlog.IfAbsent})
}

// Update sets a key whose value has a revision.
func (t *Tx) Update(b *Bucket, key string, value []byte, ttl time.Duration, revision uint64) *Tx {
	return t.bucket(b, key, commitlog.Op{Value: value, TTL: ttl, If: commitlog.IfRevision, Revision: revision})
}

// Put sets a key whatever is there.
func (t *Tx) Put(b *Bucket, key string, value []byte, ttl time.Duration) *Tx {
	return t.bucket(b, key, commitlog.Op{Value: value, TTL: ttl})
}

// Delete removes a key whatever is there.
func (t *Tx) Delete(b *Bucket, key string) *Tx {
	return t.bucket(b, key, commitlog.Op{Action: commitlog.Delete})
}

// DeleteRevision removes a key whose value has a revision.
func (t *Tx) DeleteRevision(b *Bucket, key string, revision uint64) *Tx {
	return t.bucket(b, key, commitlog.Op{Action: commitlog.Delete, If: commitlog.IfRevision, Revision: revision})
}

func (t *Tx) bucket(b *Bucket, key string, o commitlog.Op) *Tx {
	switch {
	case b.kv != nil:
		t.fail(fmt.Errorf("queue: bucket %s is not in the log", b.name))
	case key == "" || len(key) > maxKey:
		t.fail(fmt.Errorf("%w: %q", ErrName, key))
	case o.If == commitlog.IfAbsent:
		t.fail(b.admit(len(key) + len(o.Value)))
		t.fresh = t.fresh || b.name == bucketRecords
	}
	if o.Action == commitlog.Set && o.TTL == 0 {
		o.TTL = b.bound.Age
	}
	o.Bucket, o.Key = b.name, compact(key)
	t.ops = append(t.ops, o)
	return t
}

// Along makes it a transaction that nobody waits for: it is stored together with others, milliseconds later
// at most, and costs no write of its own.
func (t *Tx) Along() *Tx {
	t.along = true
	return t
}

// Done takes a delivered message off its work queue.
func (t *Tx) Done(d *Delivery) *Tx {
	t.ops = append(t.ops, commitlog.Op{Bucket: d.work.bucket, Key: d.item.key, Action: commitlog.Delete})
	if t.q.daemons != nil {
		t.ops = append(t.ops, commitlog.Op{Bucket: claimBucket, Key: d.work.claimKey(d.item.key), Action: commitlog.Delete})
	}
	return t
}

// Timer stores data to be given to RunTimers at a time. The same id again replaces the earlier timer.
func (t *Tx) Timer(id string, at time.Time, data []byte) *Tx {
	t.ops = append(t.ops, t.q.timerOp(id, at, data))
	return t
}

// Message puts a message on the work queue of its subject. With an ID, the same ID within minutes is a
// conflict of the whole transaction.
func (t *Tx) Message(m Message) *Tx { return t.message(m, true) }

// Instead is Message for one that is stored in the place of others of its group, which the transaction takes
// off: it finds room in a full queue too.
func (t *Tx) Instead(m Message) *Tx { return t.message(m, false) }

func (t *Tx) message(m Message, more bool) *Tx {
	w := t.q.workOf(m.Subject)
	if w == nil {
		return t.fail(fmt.Errorf("%w: %q is no subject of a work queue", ErrName, m.Subject))
	}
	e := envelope[string]{subject: m.Subject, id: m.ID, group: m.Group, stored: t.q.Now(), format: m.Format, data: m.Data}
	key := m.Key
	if key == "" {
		key = nuid.Next()
	}
	key = compact(key)
	value := e.encode()
	if more {
		if err := w.admit(m.Group, len(value)); err != nil {
			return t.fail(err)
		}
	}
	if m.ID != "" {
		t.ops = append(t.ops, commitlog.Op{Bucket: seenBucket, Key: m.ID, If: commitlog.IfAbsent, TTL: seenTime})
	}
	// The claim comes first: who hears of the message finds it claimed. One that is stored again stays whose it
	// is.
	if t.q.daemons != nil && w.mayClaim(key) {
		t.ops = append(t.ops, w.claimOp(key, 0, m.TTL))
	}
	t.ops = append(t.ops, commitlog.Op{Bucket: w.bucket, Key: key, Value: value, TTL: m.TTL})
	return t
}

// Names of what a work queue keeps beside its messages.
const (
	seenBucket = "seen" // ids of messages, for a while
	seenTime   = 2 * time.Minute
)

func (t *Tx) fail(err error) *Tx {
	if t.err == nil {
		t.err = err
	}
	return t
}

// Revision is that of all that was set, once the transaction is committed.
func (t *Tx) Revision() uint64 { return t.revision }

// Commit stores a transaction. ErrConflict: a condition does not hold. ErrFull: no room. ErrUnavailable: the
// store does not answer; nothing was stored unless the error is also ErrUnknown. It waits ten seconds when
// ctx has no deadline.
func (q *Queue) Commit(ctx context.Context, t *Tx) error {
	if t.err != nil {
		return t.err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, opTimeout)
		defer cancel()
	}
	var err error
	t.revision, err = q.commit(ctx, t)
	return logError(err)
}

// logError turns an error of the log into one of this package's.
func logError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, commitlog.ErrConflict):
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case errors.Is(err, commitlog.ErrFull):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, commitlog.ErrUnknown):
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrUnknown, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Empty tells whether there is nothing to store. To commit such a one costs an append all the same: it is a
// barrier.
func (t *Tx) Empty() bool { return len(t.ops) == 0 && t.err == nil }

// Err is the fault of the steps so far, which Commit would tell.
func (t *Tx) Err() error { return t.err }
