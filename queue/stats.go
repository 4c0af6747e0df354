package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamStats is the fill of one stream or bucket.
type StreamStats struct {
	Name     string
	Msgs     uint64
	Bytes    uint64
	MaxMsgs  int64
	MaxBytes int64
	Oldest   time.Time // zero when empty
}

// ConsumerStats is the state of one work queue.
type ConsumerStats struct {
	Stream, Name string
	Waiting      uint64 // stored, not yet delivered
	InFlight     int    // delivered, not yet acknowledged; those naked with a delay are among them
	Redelivered  int
}

// Stats is what the store holds.
type Stats struct {
	Streams   []StreamStats
	Consumers []ConsumerStats
}

// Stats asks the server; for metrics and the status page.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	for _, a := range q.assets {
		err := q.retry(ctx, func(ctx context.Context) error { return q.streamStats(ctx, a, &s) })
		if err != nil {
			return Stats{}, fmt.Errorf("stream %s: %w", a.name, err)
		}
	}
	return s, nil
}

func (q *Queue) streamStats(ctx context.Context, a asset, s *Stats) error {
	js := q.stream()
	stream, err := js.Stream(ctx, a.name)
	if err != nil {
		return err
	}
	info := stream.CachedInfo()
	one := StreamStats{Name: a.name, Msgs: info.State.Msgs, Bytes: info.State.Bytes, MaxMsgs: a.limit.Msgs, MaxBytes: info.Config.MaxBytes}
	if a.ballast && one.Msgs > 0 {
		one.Msgs--
	}
	if one.Msgs > 0 {
		one.Oldest = info.State.FirstTime
	}
	var consumers []ConsumerStats
	for _, c := range a.consumers {
		cons, err := js.Consumer(ctx, a.name, c.Durable)
		if err == jetstream.ErrConsumerNotFound { // removed by hand; the next Pull makes it
			continue
		}
		if err != nil {
			return err
		}
		ci := cons.CachedInfo()
		consumers = append(consumers, ConsumerStats{Stream: a.name, Name: c.Durable, Waiting: ci.NumPending, InFlight: ci.NumAckPending, Redelivered: ci.NumRedelivered})
	}
	s.Streams = append(s.Streams, one)
	s.Consumers = append(s.Consumers, consumers...)
	return nil
}
