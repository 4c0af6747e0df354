package commitlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/otpgw/otpgw/queue/internal/spill"
)

// When the state takes more memory than Options.Hot, the values that nobody has changed for a while leave it
// for a file, those first that run out first: most are of what has ended and waits for its retention. What
// stays in memory of one is its slot, with the key, the revision, the time to live and the place of the
// value. The apply rule needs no more, so it never reads the file, and the state is the same in every
// process whatever is in whose file. A file that cannot be read ends the log: to go on would be to say that
// something is not there.

const (
	coolRest     = time.Minute            // since the last change, at least
	coolInterval = 100 * time.Millisecond // between two looks at the memory that is taken
	coolPause    = 50                     // of them, after a look at all there is, which found too little
	coolRetry    = time.Minute            // after the file could not be written
	coolLeast    = 32                     // octets of a value that is worth a place in the file
	coolWork     = 4096                   // of entries and seconds that are looked at in one go
)

// cooling is what moves values to the file. All but what is said to be otherwise belongs to the one goroutine
// that cools, or loads.
type cooling struct {
	file    *spill.File     // nil: none. guarded by State.mu
	buckets map[string]bool // whose values may go
	hot     int64           // octets of memory from which they go. guarded by State.mu
	rest    time.Duration   // since their last change, at least
	every   time.Duration   // between two looks

	slot  uint32 // of the index of times, where the next look begins
	at    int    // in it
	again time.Time
	block spill.Block
	picks []pick

	young [64]mark // what the revision was in the last seconds. guarded by State.mu
}

// mark is the last revision of a second of the log's clock.
type mark struct {
	second   int64
	revision uint64
}

// pick is an entry whose value is on its way to the file.
type pick struct {
	bucket   *bucket
	key      []byte
	revision uint64
	ref      ref
	slot     uint32 // where the index of times has it
	at       int
}

// note keeps what the revision was at the end of a second. For callers that hold mu for writing.
func (c *cooling) note(second int64, revision uint64) {
	c.young[second%int64(len(c.young))] = mark{second, revision}
}

// old is the last revision that nobody has changed for long enough. For callers that hold mu.
func (c *cooling) old(clock int64) (revision uint64) {
	if c.rest == 0 {
		return math.MaxUint64
	}
	before := clock/1000 - int64(c.rest/time.Second)
	for _, m := range c.young {
		if m.second <= before {
			revision = max(revision, m.revision)
		}
	}
	return revision
}

// keepCool moves values to the file while the state takes too much memory, until ctx ends.
func (l *Log) keepCool(ctx context.Context) {
	if l.state.cool.every == 0 {
		return
	}
	tick := time.NewTicker(l.state.cool.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := l.state.coolDown(ctx); err != nil && ctx.Err() == nil {
			l.o.Log.Warn().Err(err).Msg("values cannot leave the memory for a file: they stay there")
		}
	}
}

// coolDown moves values until the state takes no more than it may, or nothing is left to move.
func (s *State) coolDown(ctx context.Context) error {
	for s.tooHot() && ctx.Err() == nil {
		moved, err := s.coolSome()
		if err != nil {
			s.cool.again = time.Now().Add(coolRetry)
		}
		if err != nil || moved == 0 {
			return err
		}
	}
	return nil
}

func (s *State) tooHot() bool {
	s.mu.RLock()
	hot := s.cool.hot
	s.mu.RUnlock()
	return hot > 0 && s.bytes() > hot && time.Now().After(s.cool.again)
}

// SetHot is another Options.Hot from now on. Where that was 0 there is no file, and all stays in memory.
func (l *Log) SetHot(octets int64) {
	l.state.mu.Lock()
	defer l.state.mu.Unlock()
	l.state.cool.hot = octets
}

// coolSome moves one block of values and says how many; 0 while there are none, or while there is a view,
// whose entries have to stay where they are.
func (s *State) coolSome() (moved int, err error) {
	c, file := &s.cool, s.file()
	if file == nil {
		return 0, nil
	}
	if file.Full() { // the state's own bound counts then
		c.again = time.Now().Add(coolPause * c.every)
		return 0, nil
	}
	c.block.Reset()
	c.picks = c.picks[:0]
	for !c.block.Full() {
		if end := s.pickSome(); end {
			c.slot, c.at, c.again = 0, 0, time.Now().Add(coolPause*c.every)
			break
		}
	}
	if c.block.Len() == 0 {
		return 0, nil
	}
	first, err := file.Write(&c.block)
	if err != nil {
		return 0, err
	}
	return s.putInPlace(file, first), nil
}

func (s *State) file() *spill.File {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.views) > 0 {
		return nil
	}
	return s.cool.file
}

// pickSome fills the block from the index of times, as far as one look goes; end: that was the last second.
func (s *State) pickSome() (end bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, x := &s.cool, &s.expiry
	if c.slot <= x.done {
		c.slot, c.at = x.done+1, 0
	}
	old := c.old(s.clock)
	for work := 0; work < coolWork && !c.block.Full(); work++ {
		list := x.slots[c.slot]
		if c.at >= len(list) {
			if c.slot >= x.last {
				return true
			}
			c.slot, c.at = c.slot+1, 0
			continue
		}
		s.pick(list[c.at], old)
		c.at++
	}
	return false
}

func (s *State) pick(r ref, old uint64) {
	c := &s.cool
	if !s.pages.holds(r) {
		return
	}
	e, there := readEntry(s.pages.at(r))
	if !there || e.cold || e.revision > old || e.slot() != c.slot || len(e.value) < coolLeast || e.length() > spill.Longest {
		return
	}
	b := s.numbered[e.bucket]
	if b.watched || !c.buckets[b.name] {
		return
	}
	c.block.Add(spill.Record{Bucket: e.bucket, Key: e.key, Value: e.value})
	c.picks = append(c.picks, pick{b, bytes.Clone(e.key), e.revision, r, c.slot, c.at})
}

// putInPlace lets the values of a block go, but those that were changed meanwhile.
func (s *State) putInPlace(file *spill.File, first spill.Place) (moved int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.cool
	if c.file != file { // the state was replaced, and what was picked is of the one before
		return 0
	}
	for i, p := range c.picks {
		place := first.Next(i)
		old := s.find(p.bucket, p.key)
		if len(s.views) > 0 || p.bucket.watched || !old.there || old.entry.cold || old.entry.revision != p.revision {
			file.Drop(place)
			continue
		}
		e := old.entry
		e.key, e.value, e.cold = p.key, place.Append(nil), true
		r := s.put(p.bucket, e, &old)
		if list := s.expiry.slots[p.slot]; p.at < len(list) && list[p.at] == p.ref {
			list[p.at] = r
		} else if r != p.ref {
			s.expiry.add(r, e.slot())
		}
		moved++
	}
	return moved
}

// release says that the value of an entry which goes, or is replaced, is not needed any more.
func (s *State) release(e *entry) {
	if e.cold {
		s.cool.file.Drop(spill.PlaceIn(e.value))
	}
}

// valueOf is the value of an entry, wherever it is. For callers that hold mu; the value is a part of the
// page, or the caller's own.
func (s *State) valueOf(e *entry) []byte {
	if !e.cold {
		return e.value
	}
	value, err := s.cool.file.Locate(spill.PlaceIn(e.value)).Read()
	if err != nil {
		s.unreadable(err)
	}
	return value
}

// ErrUnreadable ends a log whose values cannot be read back.
var ErrUnreadable = errors.New("commitlog: a value cannot be read back from the file of what left the memory")

// unreadable notes that a value could not be read.
func (s *State) unreadable(err error) {
	err = fmt.Errorf("%w: %w", ErrUnreadable, err)
	s.torn.CompareAndSwap(nil, &err)
}

// newState is an empty state that works as the options say. Where no file can be made all stays in memory.
func (l *Log) newState() *State {
	s := newState()
	if l.o.Hot == 0 && !l.o.AtOnce || l.o.Dir == "" {
		return s
	}
	file, err := spill.Create(l.o.Dir, l.o.Cold)
	if err != nil {
		l.o.Log.Warn().Err(err).Msg("no file can be made for values that are seldom asked for: all stays in memory")
		return s
	}
	s.cool = cooling{file: file, hot: l.o.Hot, rest: coolRest, every: coolInterval, buckets: make(map[string]bool)}
	if l.o.AtOnce {
		s.cool.hot, s.cool.rest, s.cool.every = 1, 0, 2*time.Millisecond
	}
	for _, name := range l.o.Seldom {
		s.cool.buckets[name] = true
	}
	return s
}

// closeFile is for a state that nobody reads any more.
func (s *State) closeFile() {
	if s.cool.file != nil {
		s.cool.file.Close()
	}
}

// whole ends the log when a value could not be read.
func (l *Log) whole() {
	if err := l.state.torn.Load(); err != nil {
		l.fail(*err)
	}
}

// Unreadable is why a value could not be read back; nil while all can. What is not found then may be there.
func (l *Log) Unreadable() error {
	if err := l.state.torn.Load(); err != nil {
		return *err
	}
	return nil
}

// ColdBytes is what the values that left the memory take of the disk.
func (l *Log) ColdBytes() int64 { return l.state.coldBytes() }

func (s *State) coldBytes() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.cool.file == nil {
		return 0
	}
	return s.cool.file.Bytes()
}

// readCold reads a value that was located under the lock; again: its segment has gone, and with it the entry
// as it was.
func (s *State) readCold(at spill.Located) (value []byte, again bool) {
	value, err := at.Read()
	if err == nil {
		return value, false
	}
	if !errors.Is(err, os.ErrClosed) {
		s.unreadable(err)
		return nil, false
	}
	return nil, true
}
