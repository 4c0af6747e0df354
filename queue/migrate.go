package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrOlder: the store was written by a version that kept each kind of thing in a stream of its own, and
// something is in it.
var ErrOlder = errors.New("queue: the store was written by an older version")

// The streams of such a store, and in what they held more than nothing when they were drained: the ballast.
const (
	olderRecords  = "KV_otp"
	olderReceipts = "KV_receipt"
)

var (
	olderBuckets = []string{olderRecords, olderReceipts, "KV_hold", "KV_limit"}
	olderQueues  = map[string]uint64{"SMS": 1, "EVENTS": 1, "PARKED": 1, "TIMERS": 1}
)

// olderWait bounds the reading of one entry of such a store.
const olderWait = 5 * time.Second

// lookForOlder refuses a store with messages or callbacks of an older version: they would never be sent. What
// a drained one has is taken over by TakeOver.
func (q *Queue) lookForOlder(ctx context.Context) error {
	var waiting []string
	for name, ballast := range olderQueues {
		n, err := q.olderMessages(ctx, name)
		if err != nil {
			return err
		}
		if n > ballast && name != "TIMERS" {
			waiting = append(waiting, fmt.Sprintf("%d in %s", n-ballast, name))
		}
	}
	if len(waiting) > 0 {
		return fmt.Errorf("%w, with messages that are not sent yet (%s): start that version again without its API "+
			"(OTPGW_HTTP_ADDR on an address that nobody asks), wait until otpgw_store_messages of SMS, EVENTS and PARKED is 1 at most, stop it, "+
			"and start this one, which takes its OTPs over; or begin with an empty OTPGW_DATA_DIR", ErrOlder, strings.Join(waiting, ", "))
	}
	return nil
}

// olderMessages counts the messages of a stream that may not be there.
func (q *Queue) olderMessages(ctx context.Context, name string) (n uint64, err error) {
	err = q.patiently(ctx, func(ctx context.Context) error {
		s, err := q.streams[0].Stream(ctx, name)
		if err == nil {
			n = s.CachedInfo().State.Msgs
		}
		return err
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		err = fmt.Errorf("queue: stream %s: %w", name, err)
	}
	return n, err
}

// TakeOver reads the OTPs of a store of an older version, if this is one, and removes what is left of it.
// record is given each, under its id, as that version stored it, and stores it in the form of this one;
// ErrConflict: it was taken over before. The ids of carriers are taken over as they are. After an error it
// may be called again.
func (q *Queue) TakeOver(ctx context.Context, record func(ctx context.Context, id string, value []byte) error) (taken int, err error) {
	taken, err = q.eachOlder(ctx, olderRecords, func(key string, m *jetstream.RawStreamMsg) error { return record(ctx, key, m.Data) })
	if err != nil {
		return taken, err
	}
	_, err = q.eachOlder(ctx, olderReceipts, func(key string, m *jetstream.RawStreamMsg) error {
		left := q.Receipts().bound.Age - q.Now().Sub(m.Time)
		if left <= 0 {
			return nil
		}
		_, err := q.Receipts().Create(ctx, key, m.Data, left)
		return err
	})
	if err != nil {
		return taken, err
	}
	return taken, q.removeOlder(ctx)
}

// eachOlder visits the entries of a bucket of an older store.
func (q *Queue) eachOlder(ctx context.Context, stream string, visit func(key string, m *jetstream.RawStreamMsg) error) (n int, err error) {
	if left, err := q.olderMessages(ctx, stream); left == 0 || err != nil {
		return 0, err
	}
	prefix := bucketPrefix(stream)
	for after := uint64(0); ; {
		attempt, cancel := context.WithTimeout(ctx, olderWait)
		m, err := q.leaderGet(attempt, stream, getRequest{Seq: after + 1, NextBySubject: prefix + ">"})
		cancel()
		if errorsIsNotFound(err) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("queue: stream %s of an older version: %w", stream, err)
		}
		after = m.Sequence
		if isMarker(m.Header) {
			continue
		}
		switch err := visit(strings.TrimPrefix(m.Subject, prefix), m); {
		case err == nil:
			n++
		case !errors.Is(err, ErrConflict):
			return n, err
		}
	}
}

func (q *Queue) removeOlder(ctx context.Context) error {
	names := append([]string{}, olderBuckets...)
	for name := range olderQueues {
		names = append(names, name)
	}
	for _, name := range names {
		err := q.patiently(ctx, func(ctx context.Context) error { return q.streams[0].DeleteStream(ctx, name) })
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("queue: stream %s of an older version: %w", name, err)
		}
	}
	return nil
}
