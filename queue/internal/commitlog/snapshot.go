package commitlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
)

// A snapshot is the state at one position of the log:
//
//	magic; chunks, each compressed (S2) and with its lengths (snapshotfile.go); the xxHash of all before it
//
// and in the chunks: position, clock, stamp, revision, writers; then the names of the buckets and the
// entries, each with the number of its bucket's name; the number of entries.
const snapshotMagic = "otpgw log 2\n"

// The kinds of record in a snapshot.
const (
	recordEnd    = 0
	recordBucket = 1
	recordEntry  = 2
)

// errSnapshot is what a damaged snapshot ends with.
var errSnapshot = errors.New("commitlog: the snapshot is damaged")

// errForeign is one that this program cannot read: of a newer program, or damaged in its first octets. It is
// not passed over.
var errForeign = errors.New("commitlog: the snapshot is of a newer program, or damaged: it does not begin as one that this program reads")

// errSaving: one snapshot at a time.
var errSaving = errors.New("commitlog: a snapshot is being written already")

// save begins a snapshot of the present position, which saved ends.
func (s *State) save() (*View, error) {
	if !s.saving.CompareAndSwap(false, true) {
		return nil, errSaving
	}
	return s.view(), nil
}

// saved ends a snapshot that was written, or could not be.
func (s *State) saved(v *View) {
	v.End()
	s.saving.Store(false)
}

// write writes a view as a snapshot, once.
func (v *View) write(out io.Writer) error {
	w := newSnapshotWriter(out)
	w.pending = append(w.pending, v.head...)
	if err := v.visit(w); err != nil {
		return err
	}
	return w.end()
}

func (s *State) snapshotHead() []byte {
	var h []byte
	for _, v := range []uint64{s.position, uint64(s.clock), uint64(s.stamp), s.revision, uint64(len(s.writers))} {
		h = binary.AppendUvarint(h, v)
	}
	for id, last := range s.writers {
		h = binary.BigEndian.AppendUint64(h, id)
		h = binary.AppendUvarint(h, last.counter)
		h = binary.AppendUvarint(h, last.position)
	}
	for _, b := range s.numbered {
		h = append(h, recordBucket)
		h = appendString(h, b.name)
	}
	return h
}

// load makes a new state that of a snapshot. Watchers hear of it part by part. After an error the state is of
// no use.
func (s *State) load(in io.Reader) error {
	r, err := newSnapshotReader(in)
	if err != nil {
		return err
	}
	defer r.close()
	h, err := r.head()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.begin(h)
	rest := s.cool.rest
	s.cool.rest = 0 // all that is in a snapshot is old
	err = s.loadEntries(r, func() {
		s.mu.Unlock()
		s.tell()
		_ = s.coolDown(context.Background()) // or it stays in memory, and is told when it is tried again
		s.mu.Lock()
	})
	s.cool.rest = rest
	s.mu.Unlock()
	s.tell()
	return err
}

// replace makes the state that of another one, at once: nobody sees a part of it. It keeps its watchers, who
// hear that what was there is gone, and then of all that is there now.
func (s *State) replace(other *State) {
	s.mu.Lock()
	s.eachEntry(func(b *bucket, e entry) { s.remove(b, e.key, false) })
	for _, v := range s.views {
		v.void = true
	}
	if s.cool.file != nil {
		s.cool.file.Close() // at the end of the last view of it
	}
	s.cool.file = other.cool.file
	s.buckets, s.numbered, s.pages, s.writers, s.expiry = other.buckets, other.numbered, other.pages, other.writers, other.expiry
	s.position, s.clock, s.stamp, s.revision, s.last = other.position, other.clock, other.stamp, other.revision, other.last
	for name, b := range s.buckets {
		b.watched = s.watchers[name] != nil
	}
	s.eachEntry(s.noteLoaded)
	s.mu.Unlock()
	s.tell()
}

// eachEntry calls f, which may remove it, for each entry. For callers that hold mu.
func (s *State) eachEntry(f func(b *bucket, e entry)) {
	for number := range s.pages.list {
		s.pages.slots(number, func(slot []byte) {
			if e, ok := readEntry(slot); ok {
				f(s.numbered[e.bucket], e)
			}
		})
	}
}

// head is what a snapshot begins with.
type head struct {
	position     uint64
	clock, stamp int64
	revision     uint64
	writers      map[uint64]lastBatch
}

func (r *snapshotReader) head() (head, error) {
	h := head{r.uvarint(), int64(r.uvarint()), int64(r.uvarint()), r.uvarint(), make(map[uint64]lastBatch)}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		id := binary.BigEndian.Uint64(r.take(8))
		h.writers[id] = lastBatch{r.uvarint(), r.uvarint()}
	}
	return h, r.err
}

// begin empties a state for the entries of a snapshot. For callers that hold mu for writing.
func (s *State) begin(h head) {
	s.buckets, s.numbered, s.pages, s.writers, s.expiry = make(map[string]*bucket), nil, newPages(), h.writers, newExpiry()
	s.position, s.clock, s.stamp, s.revision, s.last = h.position, h.clock, h.stamp, h.revision, h.last()
	s.expiry.done = uint32(s.clock / 1000)
}

// loadPart is how many entries are loaded between two pauses.
const loadPart = 512

// loading are the entries that were read, as parts of their chunk, and are not in the state yet.
type loading struct {
	entries []entry
	warm    uint32 // what warmUp has read, so that it is not left out
}

// loadEntries reads all that stands behind the head, and calls pause after each part. For callers that hold
// mu for writing.
func (s *State) loadEntries(r *snapshotReader, pause func()) error {
	var entries uint64
	var part loading
	for {
		if len(r.rest) == 0 || len(part.entries) == loadPart { // their chunk ends
			s.loadPart(&part)
			pause()
		}
		kind := r.octet()
		switch {
		case kind == recordEnd:
			s.loadPart(&part)
			return r.end(entries)
		case kind == recordBucket:
			s.bucket(r.text())
			continue
		case kind != recordEntry || len(s.numbered) == 0:
			return r.fault(entries)
		}
		if e, ok := s.readLoaded(r); ok {
			part.entries = append(part.entries, e)
			entries++
		}
	}
}

func (s *State) readLoaded(r *snapshotReader) (e entry, ok bool) {
	number := uint64(len(s.numbered) - 1)
	if !r.old {
		number = r.uvarint()
	}
	e = entry{key: r.bytes(), value: r.bytes(), revision: r.uvarint(), expires: int64(r.uvarint())}
	if number >= uint64(len(s.numbered)) || !s.pages.room() || e.revision == 0 || e.expires > maxTime {
		r.fail()
	}
	e.bucket = uint16(number)
	return e, r.err == nil
}

// loadPart stores what was read.
func (s *State) loadPart(part *loading) {
	s.warmUp(part)
	for _, e := range part.entries {
		b := s.numbered[e.bucket]
		old := s.find(b, e.key)
		s.store(b, e, &old)
		s.noteLoaded(b, e)
	}
	part.entries = part.entries[:0]
}

// warmUp reads the places of the index that a part's entries have, all at once: each is somewhere else in
// memory, and one after the other they were most of the time of a start.
func (s *State) warmUp(part *loading) {
	for i := range part.entries {
		e := &part.entries[i]
		part.warm ^= s.numbered[e.bucket].index.first(s.hashOf(e.key))
	}
}

func (s *State) noteLoaded(b *bucket, e entry) {
	if b.watched {
		s.changes = append(s.changes, watched{b.name, Change{Key: string(e.key), Value: bytes.Clone(s.valueOf(&e)), Revision: e.revision, Expires: timeOf(e.expires)}})
	}
}
