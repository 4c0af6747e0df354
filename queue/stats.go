package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// StreamStats is the fill of one stream, or of a bucket or a work queue in the log: of these in memory; or of the
// file of the values that left it.
type StreamStats struct {
	Name     string
	Msgs     uint64
	Bytes    uint64
	MaxMsgs  int64
	MaxBytes int64
	Trimmed  int64 // octets at which its beginning goes, so that below it does not come to its bound; 0: it never does
}

// coldFile is the name of the file of what left the memory.
const coldFile = "state_file"

// ConsumerStats is the state of one work queue.
type ConsumerStats struct {
	Stream, Name string
	Waiting      uint64    // stored, not yet delivered
	InFlight     int       // delivered, not yet acknowledged; those naked with a delay are among them
	Oldest       time.Time // when the oldest of both was stored; zero when there is none
}

// Stats is what the store holds.
type Stats struct {
	Streams   []StreamStats
	Consumers []ConsumerStats
}

// Stats asks the server; for metrics and the console.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	for _, a := range append(slices.Clip(q.assets), asset{name: snapshotStream}) {
		err := q.retry(ctx, func(ctx context.Context) error { return q.streamStats(ctx, a, &s) })
		if err != nil {
			return Stats{}, fmt.Errorf("stream %s: %w", a.name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.buckets)) {
		if b := q.buckets[name]; b.kv == nil {
			fill := q.ledger.Stats(name)
			s.Streams = append(s.Streams, StreamStats{Name: name, Msgs: uint64(fill.Keys), Bytes: uint64(fill.Bytes), MaxMsgs: b.bound.Msgs, MaxBytes: b.octets()})
		}
	}
	timers := q.ledger.Stats(timerBucket)
	s.Streams = append(s.Streams, StreamStats{Name: timerBucket, Msgs: uint64(timers.Keys), Bytes: uint64(timers.Bytes)})
	s.Streams = append(s.Streams, StreamStats{Name: coldFile, Bytes: uint64(q.ColdBytes()), MaxBytes: q.coldBound})
	for _, w := range q.works() {
		one, out := w.stats()
		s.Streams = append(s.Streams, one)
		s.Consumers = append(s.Consumers, ConsumerStats{Stream: w.bucket, Name: w.bucket, Waiting: one.Msgs - uint64(out), InFlight: out, Oldest: q.storedAt(w)})
	}
	return s, nil
}

// storedAt is when the oldest message of a work queue was stored; zero when there is none.
func (q *Queue) storedAt(w *work) time.Time {
	w.mu.Lock()
	i := w.oldest()
	w.mu.Unlock()
	if i == nil {
		return time.Time{}
	}
	value, ok := q.ledger.Get(w.bucket, i.key)
	if !ok {
		return time.Time{}
	}
	e, err := decodeEnvelope(value.Value)
	if err != nil {
		return time.Time{}
	}
	return e.stored
}

// fewItems are looked through one by one; of more, the first of each group that waits are enough, for those
// stand in their order.
const fewItems = 4096

// oldest is for callers that hold mu.
func (w *work) oldest() (first *item) {
	see := func(i *item) {
		if first == nil || i.sequence < first.sequence {
			first = i
		}
	}
	if len(w.items) <= fewItems {
		for _, i := range w.items {
			see(i)
		}
		return first
	}
	for _, f := range []*fair{w.idle, w.claimed} {
		for _, g := range f.groups {
			see(g.oldest())
		}
	}
	return first
}

func (q *Queue) streamStats(ctx context.Context, a asset, s *Stats) error {
	grown := q.ledger.Grown()
	js := q.streamIn(ctx)
	stream, err := js.Stream(ctx, a.name)
	if err != nil {
		return err
	}
	info := stream.CachedInfo()
	one := StreamStats{Name: a.name, Msgs: info.State.Msgs, Bytes: info.State.Bytes, MaxMsgs: a.bound.Msgs, MaxBytes: info.Config.MaxBytes}
	if a.name == streamLog {
		q.fill.heard(info, grown, q.ledger)
		one.Trimmed = int64(pressedShare * float64(max(info.Config.MaxBytes, 0)))
	}
	s.Streams = append(s.Streams, one)
	return nil
}
