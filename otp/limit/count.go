package limit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

// Use is one use of what is limited.
type Use struct {
	Key    string // of what is counted, in the store; it tells no number
	Limits Limits
}

// Reached is the error of a use that would be over a limit.
type Reached struct {
	Key   string // of the Use
	Limit Limit
	Until time.Time // when it will not be any more
}

func (r *Reached) Error() string {
	return fmt.Sprintf("limit: %s: %d in %s, until %s", r.Key, r.Limit.Max, brief(r.Limit.Per), r.Until.Format(time.RFC3339))
}

// ErrUnreadable: the times in the store are none.
var ErrUnreadable = errors.New("limit: times are not readable")

// Counter counts uses in the store. Now is the clock that all daemons share.
type Counter struct {
	Queue *queue.Queue
	Now   func() time.Time
}

// Pauses after a lost compare-and-set: about the time of a write at first.
const (
	firstPause   = time.Millisecond
	longestPause = 50 * time.Millisecond
)

// Commit counts uses in one transaction with what they are uses of, unless one of them would be over a limit:
// then the error is a *Reached, and nothing is stored. rest adds the other operations; it is called again for
// each try. A conflict of those is queue.ErrConflict.
func (c Counter) Commit(ctx context.Context, uses []Use, rest func(*queue.Tx) error) error {
	uses = slices.DeleteFunc(uses, func(u Use) bool { return len(u.Limits) == 0 })
	pause := backoff.Backoff{First: firstPause, Longest: longestPause}
	for {
		tx := c.Queue.Begin()
		seen := make([]uint64, len(uses))
		for i, u := range uses {
			var err error
			if seen[i], err = c.add(tx, u); err != nil {
				return err
			}
		}
		if err := rest(tx); err != nil {
			return err
		}
		err := c.Queue.Commit(ctx, tx)
		if !errors.Is(err, queue.ErrConflict) {
			return err
		}
		moved, lookErr := c.moved(uses, seen)
		if lookErr != nil {
			return lookErr
		}
		if !moved {
			return err // of the rest
		}
		if err := pause.Wait(ctx); err != nil {
			return err
		}
	}
}

// moved says whether any of the uses was counted by another meanwhile.
func (c Counter) moved(uses []Use, seen []uint64) (bool, error) {
	for i, u := range uses {
		e, err := c.stored(u.Key)
		if err != nil || e.Revision != seen[i] {
			return true, err
		}
	}
	return false, nil
}

// Add adds a use to a transaction. A conflict of the transaction may be of the use.
func (c Counter) Add(tx *queue.Tx, u Use) error {
	if len(u.Limits) == 0 {
		return nil
	}
	_, err := c.add(tx, u)
	return err
}

// add returns the revision of the uses before, 0 for none.
func (c Counter) add(tx *queue.Tx, u Use) (revision uint64, err error) {
	now, longest := c.Now(), u.Limits.longest()
	bucket := c.Queue.Numbers()
	e, err := c.stored(u.Key)
	if err != nil {
		return 0, err
	}
	times, err := decode(e.Value)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", u.Key, err)
	}
	oldest := now.Add(-longest).UnixMilli()
	times = slices.DeleteFunc(times, func(t int64) bool { return t <= oldest })
	if limit, until, yes := u.Limits.reached(times, now); yes {
		return 0, &Reached{u.Key, limit, until}
	}
	times = append(times, now.UnixMilli())
	value, keep := encode(times), u.Limits.keep(len(times), bucket.Fill())
	if e.Revision == 0 {
		tx.Create(bucket, u.Key, value, keep)
	} else {
		tx.Update(bucket, u.Key, value, keep, e.Revision)
	}
	return e.Revision, nil
}

// stored are the times of a key; none have revision 0. They may be milliseconds old, also where there are
// none: the transaction, which goes by their revision, is a conflict then, and whoever hears of that has
// applied what it was in conflict with.
func (c Counter) stored(key string) (queue.Entry, error) {
	e, err := c.Queue.Numbers().Near(key)
	if errors.Is(err, queue.ErrNotFound) {
		return queue.Entry{}, nil
	}
	return e, err
}

// encode writes the first time, in milliseconds since 1970, and then the distances.
func encode(times []int64) []byte {
	out := make([]byte, 0, 6+2*len(times))
	var last int64
	for _, t := range times {
		out = binary.AppendVarint(out, t-last)
		last = t
	}
	return out
}

func decode(value []byte) (times []int64, err error) {
	var last int64
	for len(value) > 0 {
		step, n := binary.Varint(value)
		if n <= 0 {
			return nil, ErrUnreadable
		}
		last += step
		times, value = append(times, last), value[n:]
	}
	return times, nil
}
