package queue

import (
	"context"
	"errors"
)

var errNotInLog = errors.New("queue: the bucket is not in the log")

// Each visits the entries of a bucket in the log, of what any daemon has stored by the time of the call,
// until visit says false. It looks at all there is, a fifth of a second for a million in memory, and is for
// people's questions. visit must be quick, and may keep the value only until it returns. What is changed
// meanwhile may be visited twice, as it was and as it is.
func (b *Bucket) Each(ctx context.Context, visit func(key string, value []byte) bool) error {
	if b.kv != nil {
		return errNotInLog
	}
	if err := b.q.current(); err != nil {
		return err
	}
	if b.q.daemons != nil {
		if err := b.q.Commit(ctx, b.q.Begin()); err != nil {
			return err
		}
	}
	b.q.ledger.Each(b.name, func(key string, value []byte) bool { return visit(expand(key), value) && ctx.Err() == nil })
	return errors.Join(ctx.Err(), b.q.readable())
}
