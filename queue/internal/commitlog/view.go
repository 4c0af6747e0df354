package commitlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/otpgw/otpgw/queue/internal/spill"
)

// View is the state at one position of the log, while the log goes on: what an entry was when the view began
// is kept for each that has changed since. So nothing large is copied in the way of the log, and a view that
// is not ended takes more and more memory.
type View struct {
	s        *State
	position uint64
	tip      tip
	head     []byte    // what a snapshot begins with
	own      uint64    // sum over what is no entry
	buckets  []*bucket // by number; for their names
	pages    int       // that there were; one that is made later has only what changed since
	visited  int       // of them
	before   map[savedKey]savedEntry
	void     bool // the state was replaced by another

	file *spill.File // where values are that left the memory, which it keeps so long; nil: none have
	cold []entry     // of a page, whose values are to be read
}

type savedKey struct {
	bucket uint16
	key    string
}

// savedEntry is what an entry was; revision 0: it was not there.
type savedEntry struct {
	value    string // of a cold one its place
	revision uint64
	expires  int64
	cold     bool
	visited  bool // before it changed
}

// errVoid: this process was far behind, and took the snapshot of another.
var errVoid = errors.New("commitlog: the state was replaced while it was looked at")

// View begins a view of the present position, which ends with Hash or End. A Watcher may begin one: in every
// process it is then of the position of the change that it is told of.
func (l *Log) View() *View { return l.state.view() }

func (s *State) view() *View {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &View{s: s, position: s.position, tip: s.tipNow(), head: s.snapshotHead(), own: s.ownSum(), buckets: s.numbered, pages: len(s.pages.list),
		before: make(map[savedKey]savedEntry), file: s.cool.file}
	if v.file != nil {
		v.file.Pin()
	}
	s.views = append(s.views, v)
	return v
}

// Position is that of the last batch that the view has.
func (v *View) Position() uint64 { return v.position }

// End lets the view go.
func (v *View) End() {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	at := slices.Index(v.s.views, v)
	if at < 0 {
		return
	}
	v.s.views = slices.Delete(v.s.views, at, at+1)
	if v.file != nil {
		v.file.Unpin()
	}
}

// keepForViews notes what an entry was before its first change. For callers that hold mu for writing.
func (s *State) keepForViews(b *bucket, key []byte, old *found) {
	for _, v := range s.views {
		if _, known := v.before[savedKey{b.number, string(key)}]; known {
			continue
		}
		var e savedEntry
		if old.there {
			e = savedEntry{string(old.entry.value), old.entry.revision, old.entry.expires, old.entry.cold, int(old.ref>>unitBits) < v.visited}
		}
		v.before[savedKey{b.number, string(key)}] = e
	}
}

// visitor is given each entry of a view once, mostly under the state's lock, and pause now and then without
// it.
type visitor interface {
	entry(e entry)
	pause() error
}

func (v *View) visit(to visitor) error {
	for number := range v.pages {
		if err := v.visitPage(number, to); err != nil {
			return err
		}
		if err := to.pause(); err != nil {
			return err
		}
	}
	return v.visitChanged(to)
}

// visitPage visits the entries of a page that have not changed since the view began. Values that left the
// memory are read without the lock: while there is a view none moves, and none goes.
func (v *View) visitPage(number int, to visitor) error {
	if err := v.visitMemory(number, to); err != nil {
		return err
	}
	for i := range v.cold {
		if err := v.visitCold(v.cold[i], to); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) visitMemory(number int, to visitor) error {
	v.s.mu.RLock()
	defer v.s.mu.RUnlock()
	if v.void {
		return errVoid
	}
	v.visited, v.cold = number+1, v.cold[:0]
	v.s.pages.slots(number, func(slot []byte) {
		e, ok := readEntry(slot)
		if !ok {
			return
		}
		if _, changed := v.before[savedKey{e.bucket, string(e.key)}]; changed {
			return
		}
		if e.cold {
			e.key, e.value = bytes.Clone(e.key), bytes.Clone(e.value)
			v.cold = append(v.cold, e)
			return
		}
		to.entry(e)
	})
	return nil
}

// visitCold visits an entry whose value is in the file.
func (v *View) visitCold(e entry, to visitor) error {
	value, err := v.file.Locate(spill.PlaceIn(e.value)).Read()
	if err != nil {
		v.s.unreadable(err)
		return err
	}
	e.value, e.cold = value, false
	to.entry(e)
	return nil
}

// visitPart is how many changed entries are visited between two pauses.
const visitPart = 256

// visitChanged visits those that have changed before they were visited, as they were.
func (v *View) visitChanged(to visitor) error {
	v.s.mu.RLock()
	defer v.s.mu.RUnlock()
	n := 0
	for k, old := range v.before {
		if v.void {
			return errVoid
		}
		if old.revision == 0 || old.visited {
			continue
		}
		e := entry{key: []byte(k.key), value: []byte(old.value), revision: old.revision, expires: old.expires, bucket: k.bucket}
		if !old.cold {
			to.entry(e)
		} else if err := v.visitCold(e, to); err != nil {
			return err
		}
		if n++; n%visitPart > 0 {
			continue
		}
		v.s.mu.RUnlock()
		err := to.pause()
		v.s.mu.RLock()
		if err != nil {
			return err
		}
	}
	return nil
}

// Hash ends the view and sums it up: entries, clock and writers. It is equal in all processes that have
// applied the same log up to the same position.
func (v *View) Hash() (uint64, error) {
	defer v.End()
	h := hasher{buckets: v.buckets, sum: v.own}
	err := v.visit(&h)
	return h.sum, err
}

// Hash sums up the present state, see View.
func (l *Log) Hash() (position, sum uint64, err error) {
	v := l.View()
	sum, err = v.Hash()
	return v.position, sum, err
}

// hasher sums up entries, so that no order is needed.
type hasher struct {
	buckets []*bucket
	line    []byte
	sum     uint64
}

func (h *hasher) entry(e entry) {
	h.line = appendString(h.line[:0], h.buckets[e.bucket].name)
	h.line = append(binary.AppendUvarint(h.line, uint64(len(e.key))), e.key...)
	h.line = append(binary.AppendUvarint(h.line, uint64(len(e.value))), e.value...)
	h.line = binary.AppendUvarint(h.line, e.revision)
	h.line = binary.AppendUvarint(h.line, uint64(e.expires))
	h.sum += xxhash.Sum64(h.line)
}

func (*hasher) pause() error { return nil }

// ownSum is over what is no entry and decides too: the clock, and the last batch of each writer. For callers
// that hold mu.
func (s *State) ownSum() uint64 {
	var line []byte
	for _, v := range []uint64{uint64(s.clock), uint64(s.stamp), s.revision} {
		line = binary.AppendUvarint(line, v)
	}
	sum := xxhash.Sum64(line)
	for id, last := range s.writers {
		line = binary.BigEndian.AppendUint64(line[:0], id)
		line = binary.AppendUvarint(binary.AppendUvarint(line, last.counter), last.position)
		sum += xxhash.Sum64(line)
	}
	return sum
}
