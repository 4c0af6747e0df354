package queue

import (
	"bytes"
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// Each visits what is on a work queue, in whoever's hands, until visit says false. Like Bucket.Each it looks
// at all there is, and is for people's questions.
func (c *Consumer) Each(ctx context.Context, visit func(Message) bool) error {
	if c.err != nil {
		return c.err
	}
	q := c.work.q
	if err := q.current(); err != nil {
		return err
	}
	if err := q.Commit(ctx, q.Begin()); err != nil {
		return err
	}
	q.ledger.Each(c.work.bucket, func(key string, value []byte) bool {
		e, err := decodeEnvelope(value)
		return err != nil || visit(Message{Subject: string(e.subject), Key: expand(key), Group: string(e.group), Format: e.format, Data: bytes.Clone(e.data)}) && ctx.Err() == nil
	})
	return ctx.Err()
}

// Read is one message of a work queue, in whoever's hands, and the revision that it has.
func (c *Consumer) Read(key string) (m Message, revision uint64, ok bool) {
	if c.err != nil {
		return m, 0, false
	}
	value, ok := c.work.q.look(c.work.bucket, key)
	if !ok {
		return m, 0, false
	}
	e, err := decodeEnvelope(value.Value)
	return Message{Subject: string(e.subject), Key: key, Group: string(e.group), Format: e.format, Data: e.data}, value.Revision, err == nil
}

// Unchanged makes a transaction a conflict when a message of a work queue is no longer what it was.
func (t *Tx) Unchanged(c *Consumer, key string, revision uint64) *Tx {
	if c.err != nil {
		return t.fail(c.err)
	}
	t.ops = append(t.ops, commitlog.Op{Bucket: c.work.bucket, Key: compact(key), Action: commitlog.Check, If: commitlog.IfRevision, Revision: revision})
	return t
}

// Drop takes a message off a work queue, whoever has it.
func (t *Tx) Drop(c *Consumer, key string) *Tx {
	if c.err != nil {
		return t.fail(c.err)
	}
	t.ops = append(t.ops, commitlog.Op{Bucket: c.work.bucket, Key: compact(key), Action: commitlog.Delete})
	if t.q.daemons != nil {
		t.ops = append(t.ops, commitlog.Op{Bucket: claimBucket, Key: c.work.claimKey(compact(key)), Action: commitlog.Delete})
	}
	return t
}

// NoTimer takes back a timer that has not fired. It is no error when there is none.
func (t *Tx) NoTimer(id string) *Tx {
	t.ops = append(t.ops, commitlog.Op{Bucket: timerBucket, Key: compact(id), Action: commitlog.Delete})
	return t
}

// EraseDeadLetter removes a dead letter, and overwrites it on disk; no error when there is none.
func (q *Queue) EraseDeadLetter(ctx context.Context, sequence uint64) error {
	return q.retry(ctx, func(ctx context.Context) error {
		return ignoreNoMessage(q.handleIn(ctx, streamDead).SecureDeleteMsg(ctx, sequence))
	})
}

// Compact has the store's state written anew, and what was changed before removed: from the log, and,
// overwritten, from the snapshot that is replaced. What is deleted of other files is overwritten by and by.
func (q *Queue) Compact(ctx context.Context) error {
	q.erasing.Add(1)
	defer q.erasing.Add(-1)
	return q.snapshot(ctx)
}

// snapshot returns when there is one of all that was stored before the call.
func (q *Queue) snapshot(ctx context.Context) error {
	for at := q.ledger.Position(); ; {
		if err := q.ledger.Snapshot(ctx); err != nil {
			return logError(err)
		}
		newest, err := snapshots{q}.position(ctx)
		if err != nil || newest >= at {
			return err
		}
		select { // another daemon is about one that was begun before
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(longestPause):
		}
	}
}

// eraseObject overwrites the chunks of an object that is to be deleted.
func (q *Queue) eraseObject(ctx context.Context, stream jetstream.Stream, o *jetstream.ObjectInfo) error {
	for {
		m, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(snapshotPieces+o.NUID))
		if errorsIsNotFound(err) {
			return nil
		}
		if err == nil {
			err = stream.SecureDeleteMsg(ctx, m.Sequence)
		}
		if err != nil {
			return err
		}
	}
}
