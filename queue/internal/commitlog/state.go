package commitlog

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/queue/internal/spill"
)

// writerAge is for how many batches the last one of a writer is remembered: for hours under full load, and
// longer than any writer repeats one.
const writerAge = 10_000_000

// State is the memory that results from a log. Its zero value is not usable; see newState.
type State struct {
	mu       sync.RWMutex // guards the rest
	buckets  map[string]*bucket
	numbered []*bucket // by number
	pages    pages
	hashes   uint32 // the bits of a hash that count: all
	writers  map[uint64]lastBatch
	clock    int64     // milliseconds since 1970; never goes back
	stamp    int64     // the last time stamp of the stream, which may
	revision uint64    // of the last transaction that was done
	position uint64    // of the last batch that was applied
	last     batchName // of that one; zero where it is not known
	expiry   expiry
	views    []*View     // that have not ended
	saving   atomic.Bool // a snapshot is being written
	cool     cooling
	watchers map[string]Watcher // read under telling too

	torn atomic.Pointer[error] // why a value cannot be read, see unreadable

	telling sync.Mutex // taken before mu; held while watchers are told
	changes []watched  // of the batch that is applied; owned by the applying goroutine
	ops     []op       // the same
	warm    uint32     // of no meaning; see lookUp
}

// lastBatch is what is known of a writer.
type lastBatch struct {
	counter  uint64
	position uint64
}

// watched is a change on its way to a watcher.
type watched struct {
	bucket string
	Change
}

func newState() *State {
	return &State{buckets: make(map[string]*bucket), writers: make(map[uint64]lastBatch), watchers: make(map[string]Watcher),
		pages: newPages(), hashes: math.MaxUint32, expiry: newExpiry()}
}

// bucket finds or makes one; for callers that hold mu for writing.
func (s *State) bucket(name string) *bucket {
	b := s.buckets[name]
	if b == nil {
		b = &bucket{name: name, number: uint16(len(s.numbered)), index: newIndex(), watched: s.watchers[name] != nil}
		s.buckets[name] = b
		s.numbered = append(s.numbered, b)
	}
	return b
}

// skipTo sets the position where there is nothing to apply.
func (s *State) skipTo(position uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position, s.last = position, batchName{}
}

// get is a copy of a value; false when there is none at a time, or it cannot be read, see unreadable.
func (s *State) get(bucket, key string, now int64) (Entry, bool) {
	for {
		e, at, ok := s.look(bucket, key, now)
		if !ok || at == nil {
			return e, ok
		}
		value, again := s.readCold(*at)
		if !again {
			e.Value = value
			return e, value != nil
		}
	}
}

// look is get but for a value that is not in memory: of that it says where it is.
func (s *State) look(bucket, key string, now int64) (e Entry, at *spill.Located, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b := s.buckets[bucket]
	if b == nil {
		return e, nil, false
	}
	var room [64]byte
	f := s.find(b, append(room[:0], key...))
	if !f.there || f.entry.over(max(s.clock, now)) {
		return e, nil, false
	}
	e = Entry{Revision: f.entry.revision, Expires: timeOf(f.entry.expires)}
	if f.entry.cold {
		located := s.cool.file.Locate(spill.PlaceIn(f.entry.value))
		return e, &located, true
	}
	e.Value = append([]byte{}, f.entry.value...)
	return e, nil, true
}

// over: its time to live has ended.
func (e *entry) over(clock int64) bool { return e.expires != 0 && e.expires <= clock }

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// result is what became of a transaction: its revision, or 0 for a conflict.
type result uint64

// apply does the transactions of a batch. stamp is the time of its message, in milliseconds. It returns a
// result each, nil for a batch that was applied before; then it tells the watchers. Only one goroutine
// applies.
func (s *State) apply(b *batch, stamp int64, position uint64, mine bool) ([]result, error) {
	results, err := s.applyLocked(b, stamp, position, mine)
	s.tell()
	return results, err
}

func (s *State) applyLocked(b *batch, stamp int64, position uint64, mine bool) ([]result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position, s.last = position, batchName{b.writer, b.counter}
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
		if !s.pages.room() || len(s.numbered) >= maxBuckets {
			return results, fmt.Errorf("%w: at position %d", errTooLarge, position)
		}
		results = append(results, s.do(s.ops, mine))
	}
	return results, nil
}

// errTooLarge: the same log would stop every process; the bounds of those who write are far below.
var errTooLarge = errors.New("commitlog: more is in the log than a process can hold")

// advance moves the clock: to the time that the batch carries, or by the step between the stamps of two
// messages. A step back counts as none, so that a server whose clock is set back does not stop the log's.
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
	s.cool.note(before/1000, s.revision)
	s.expire()
	for id, w := range s.writers {
		if w.position+writerAge < s.position {
			delete(s.writers, id)
		}
	}
}

// do carries out a transaction, if all its conditions hold.
func (s *State) do(ops []op, mine bool) result {
	s.lookUp(ops)
	for i := range ops {
		if !s.holds(&ops[i]) {
			return 0
		}
	}
	s.revision++
	for i := range ops {
		o := &ops[i]
		if o.in == nil { // but an operation before this one may have made it
			o.in = s.buckets[string(o.bucket)]
		}
		switch {
		case o.action == Set:
			if o.in == nil {
				o.in = s.bucket(string(o.bucket))
			}
			s.set(o.in, o, mine)
		case o.action == Delete && o.in != nil:
			s.remove(o.in, o.key, mine)
		}
	}
	return result(s.revision)
}

// lookUp finds the buckets of operations, and reads the places of the index that their keys have, all at once:
// each is somewhere else in memory, and one after the other they were most of the time of a transaction.
func (s *State) lookUp(ops []op) {
	for i := range ops {
		ops[i].in, ops[i].hash = s.buckets[string(ops[i].bucket)], s.hashOf(ops[i].key)
	}
	for i := range ops {
		if in := ops[i].in; in != nil {
			s.warm ^= in.index.first(ops[i].hash)
		}
	}
}

func (s *State) holds(o *op) bool {
	if o.cond == Always {
		return true
	}
	var f found
	if o.in != nil {
		f = s.find(o.in, o.key)
		f.there = f.there && !f.entry.over(s.clock)
	}
	if o.cond == IfAbsent {
		return !f.there
	}
	return f.there && f.entry.revision == o.revision
}

func (s *State) set(b *bucket, o *op, mine bool) {
	old := s.find(b, o.key)
	s.keepForViews(b, o.key, &old)
	e := entry{key: o.key, value: o.value, revision: s.revision}
	if o.ttl > 0 {
		e.expires = min(s.clock+o.ttl.Milliseconds(), maxTime)
	}
	s.store(b, e, &old)
	if b.watched {
		s.changes = append(s.changes, watched{b.name, Change{Key: string(e.key), Value: e.value, Revision: e.revision,
			Expires: timeOf(e.expires), Mine: mine}})
	}
}

// store puts an entry where it belongs, and into the index of times.
func (s *State) store(b *bucket, e entry, old *found) {
	before := uint32(0)
	if old.there && old.entry.expires != 0 {
		before = old.entry.slot()
	}
	listed := s.expiry.choose(&e, before)
	r := s.put(b, e, old)
	if e.expires != 0 && (!listed || r != old.ref) {
		s.expiry.add(r, e.slot())
	}
}

func (s *State) remove(b *bucket, key []byte, mine bool) {
	old := s.find(b, key)
	if !old.there {
		return
	}
	s.keepForViews(b, key, &old)
	if e := &old.entry; b.watched {
		s.changes = append(s.changes, watched{b.name, Change{Key: string(key), Revision: e.revision, Gone: true, Over: e.expires != 0 && e.expires <= s.clock, Mine: mine}})
	}
	s.drop(b, &old)
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
	return BucketStats{b.index.keys, b.bytes()}
}

// bytes is the memory of all.
func (s *State) bytes() (sum int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, b := range s.buckets {
		sum += int64(b.index.keys) * indexSize
	}
	return sum + s.pages.bytes
}
