package commitlog

import (
	"fmt"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// writerAge is for how many batches the last one of a writer is remembered: for hours under full load, and longer than any
// writer repeats one.
const writerAge = 10_000_000

// entryOverhead is what an entry costs beside its key and value: its place in a map and in the index of times.
const entryOverhead = 120

// State is the memory that results from a log. Its zero value is not usable; see newState.
type State struct {
	mu       sync.RWMutex // guards the rest
	buckets  map[string]*bucket
	writers  map[uint64]lastBatch
	clock    int64  // milliseconds since 1970; never goes back
	stamp    int64  // the last time stamp of the stream, which may
	revision uint64 // of the last transaction that was done
	position uint64 // of the last batch that was applied
	expiry   expiry
	saving   *saving            // while a snapshot is written
	watchers map[string]Watcher // read under telling too

	telling sync.Mutex // taken before mu; held while watchers are told
	changes []watched  // of the batch that is applied; owned by the applying goroutine
	ops     []op       // the same
}

// lastBatch is what is known of a writer.
type lastBatch struct {
	counter  uint64
	position uint64
}

// bucket is a namespace of keys.
type bucket struct {
	name    string
	entries map[string]entry
	size    int64 // keys and values
	watched bool
}

// entry is a value in memory.
type entry struct {
	value    string
	revision uint64
	expires  int64  // milliseconds; 0 for never
	slot     uint32 // where the index of times has it; 0 for nowhere
}

// watched is a change on its way to a watcher.
type watched struct {
	bucket string
	Change
}

func newState() *State {
	return &State{buckets: make(map[string]*bucket), writers: make(map[uint64]lastBatch), watchers: make(map[string]Watcher),
		expiry: newExpiry()}
}

// bucket finds or makes one; for callers that hold mu for writing.
func (s *State) bucket(name string) *bucket {
	b := s.buckets[name]
	if b == nil {
		b = &bucket{name: name, entries: make(map[string]entry), watched: s.watchers[name] != nil}
		s.buckets[name] = b
	}
	return b
}

// skipTo sets the position where there is nothing to apply.
func (s *State) skipTo(position uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position = position
}

// get is a copy of a value; false when there is none at a time.
func (s *State) get(bucket, key string, now int64) (Entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b := s.buckets[bucket]
	if b == nil {
		return Entry{}, false
	}
	e, ok := b.entries[key]
	if !ok || e.over(max(s.clock, now)) {
		return Entry{}, false
	}
	return Entry{Value: []byte(e.value), Revision: e.revision, Expires: timeOf(e.expires)}, true
}

// over: its time to live has ended.
func (e entry) over(clock int64) bool { return e.expires != 0 && e.expires <= clock }

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// result is what became of a transaction: its revision, or 0 for a conflict.
type result uint64

// apply does the transactions of a batch. stamp is the time of its message, in milliseconds. It returns a result each, nil for
// a batch that was applied before; then it tells the watchers. Only one goroutine applies.
func (s *State) apply(b *batch, stamp int64, position uint64, mine bool) ([]result, error) {
	results, err := s.applyLocked(b, stamp, position, mine)
	s.tell()
	return results, err
}

func (s *State) applyLocked(b *batch, stamp int64, position uint64, mine bool) ([]result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position = position
	s.advance(b.clock, stamp)
	if last, known := s.writers[b.writer]; known && b.counter <= last.counter {
		return nil, nil
	}
	s.writers[b.writer] = lastBatch{b.counter, position}
	r := reader{rest: b.data}
	results := make([]result, 0, b.txs)
	for range b.txs {
		s.ops = r.tx(s.ops)
		if r.bad {
			return results, fmt.Errorf("%w: at position %d", errTruncated, position)
		}
		results = append(results, s.do(s.ops, mine))
	}
	return results, nil
}

// advance moves the clock: to the time that the batch carries, or by the step between the stamps of two messages. A step back
// counts as none, so that a server whose clock is set back does not stop the log's.
func (s *State) advance(carried, stamp int64) {
	before := s.clock
	if carried != 0 {
		s.clock = max(s.clock, carried)
	} else if s.stamp == 0 {
		s.clock = max(s.clock, stamp)
	} else {
		s.clock += max(stamp-s.stamp, 0)
	}
	s.stamp = stamp
	if s.clock/1000 == before/1000 {
		return
	}
	s.expire()
	for id, w := range s.writers {
		if w.position+writerAge < s.position {
			delete(s.writers, id)
		}
	}
}

// do carries out a transaction, if all its conditions hold.
func (s *State) do(ops []op, mine bool) result {
	for i := range ops {
		if !s.holds(&ops[i]) {
			return 0
		}
	}
	s.revision++
	for i := range ops {
		switch o := &ops[i]; o.action {
		case Set:
			s.set(s.bucket(string(o.bucket)), o, mine)
		case Delete:
			if b := s.buckets[string(o.bucket)]; b != nil {
				s.remove(b, string(o.key), mine)
			}
		}
	}
	return result(s.revision)
}

func (s *State) holds(o *op) bool {
	if o.cond == Always {
		return true
	}
	var e entry
	there := false
	if b := s.buckets[string(o.bucket)]; b != nil {
		e, there = b.entries[string(o.key)]
		there = there && !e.over(s.clock)
	}
	if o.cond == IfAbsent {
		return !there
	}
	return there && e.revision == o.revision
}

func (s *State) set(b *bucket, o *op, mine bool) {
	key := string(o.key)
	old, there := b.entries[key]
	s.keepForSnapshot(b, key, old, there)
	e := entry{value: string(o.value), revision: s.revision}
	if o.ttl > 0 {
		e.expires = s.clock + o.ttl.Milliseconds()
		e.slot = s.expiry.add(b, key, e.expires, old.slot)
	}
	b.entries[key] = e
	b.size += int64(len(e.value) - len(old.value))
	if !there {
		b.size += int64(len(key))
	}
	if b.watched {
		s.changes = append(s.changes, watched{b.name, Change{Key: key, Value: e.value, Revision: e.revision, Expires: timeOf(e.expires), Mine: mine}})
	}
}

func (s *State) remove(b *bucket, key string, mine bool) {
	old, there := b.entries[key]
	if !there {
		return
	}
	s.keepForSnapshot(b, key, old, there)
	delete(b.entries, key)
	b.size -= int64(len(key) + len(old.value))
	if b.watched {
		s.changes = append(s.changes, watched{b.name, Change{Key: key, Value: old.value, Revision: old.revision, Gone: true, Mine: mine}})
	}
}

// tell gives the changes of a batch to the watchers, after the lock is open again, so that they may read.
func (s *State) tell() {
	if len(s.changes) == 0 {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	for i := range s.changes {
		s.watchers[s.changes[i].bucket](s.changes[i].Change)
	}
	clear(s.changes)
	s.changes = s.changes[:0]
}

// BucketStats is the fill of a bucket.
type BucketStats struct {
	Keys  int
	Bytes int64 // of memory, about
}

func (s *State) stats(name string) BucketStats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b := s.buckets[name]
	if b == nil {
		return BucketStats{}
	}
	return BucketStats{len(b.entries), b.bytes()}
}

func (b *bucket) bytes() int64 { return b.size + int64(len(b.entries))*entryOverhead }

// bytes is the memory of all.
func (s *State) bytes() (sum int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, b := range s.buckets {
		sum += b.bytes()
	}
	return sum
}

// hash is the same in every process that has applied the same log to the same position. It is a sum over the entries, so
// that no order is needed.
func (s *State) hash() (position, sum uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var line []byte
	for _, b := range s.buckets {
		for key, e := range b.entries {
			line = fmt.Appendf(line[:0], "%q %q %q %d %d", b.name, key, e.value, e.revision, e.expires)
			sum += xxhash.Sum64(line)
		}
	}
	line = fmt.Appendf(line[:0], "%d %d %d", s.clock, s.stamp, s.revision)
	return s.position, sum + xxhash.Sum64(line)
}
