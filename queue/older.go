package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrOlder: the store was written by a version that kept each kind of thing in a stream of its own, and something is in it.
var ErrOlder = errors.New("queue: the store was written by an older version")

// The streams of such a store, and in what they held more than nothing when they were drained: the ballast.
var (
	olderBuckets = []string{"KV_otp", "KV_receipt", "KV_hold", "KV_limit"}
	olderQueues  = map[string]uint64{"SMS": 1, "EVENTS": 1, "PARKED": 1, "TIMERS": 1}
)

// leaveOlder refuses a store with messages or callbacks of an older version: they would never be sent. One that was drained
// loses the old streams.
func (q *Queue) leaveOlder(ctx context.Context) error {
	js := q.streams[0]
	var waiting, old []string
	for name, ballast := range olderQueues {
		var s jetstream.Stream
		err := q.patiently(ctx, func(ctx context.Context) (err error) {
			s, err = js.Stream(ctx, name)
			return err
		})
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("queue: stream %s: %w", name, err)
		}
		old = append(old, name)
		if n := s.CachedInfo().State.Msgs; n > ballast && name != "TIMERS" {
			waiting = append(waiting, fmt.Sprintf("%d in %s", n-ballast, name))
		}
	}
	if len(waiting) > 0 {
		return fmt.Errorf("%w, with messages that are not sent yet (%s): start that version again without its API "+
			"(OTPGW_HTTP_ADDR on an address that nobody asks), wait until otpgw_store_messages of SMS, EVENTS and PARKED is 0, stop it, "+
			"and start this one; or begin with an empty OTPGW_DATA_DIR", ErrOlder, strings.Join(waiting, ", "))
	}
	for _, name := range append(old, olderBuckets...) {
		err := q.patiently(ctx, func(ctx context.Context) error { return js.DeleteStream(ctx, name) })
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("queue: stream %s of an older version: %w", name, err)
		}
	}
	if len(old) > 0 {
		q.log.Warn().Strs("streams", old).Msg("the store of an older version was drained: its streams are removed, and OTPs made before are not known any more")
	}
	return nil
}
