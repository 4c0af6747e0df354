package commitlog

import (
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

// saving is a snapshot being written while the log goes on: what an entry was when the snapshot began, for
// each that has changed since. So the snapshot is of one position, and nothing large is copied in the way of
// the log.
type saving struct {
	before map[savedKey]savedEntry
	void   bool // the state was replaced by another
}

type savedKey struct {
	bucket uint16
	key    string
}

// savedEntry is what an entry was; revision 0: it was not there.
type savedEntry struct {
	value    string
	revision uint64
	expires  int64
}

// keepForSnapshot notes what an entry was before its first change. For callers that hold mu for writing.
func (s *State) keepForSnapshot(b *bucket, key []byte, old *found) {
	if s.saving == nil {
		return
	}
	if _, known := s.saving.before[savedKey{b.number, string(key)}]; known {
		return
	}
	var e savedEntry
	if old.there {
		e = savedEntry{string(old.entry.value), old.entry.revision, old.entry.expires}
	}
	s.saving.before[savedKey{b.number, string(key)}] = e
}

// errVoid: this process was far behind, and took the snapshot of another.
var errVoid = errors.New("commitlog: the state was replaced while its snapshot was written")

// errSaving: one snapshot at a time.
var errSaving = errors.New("commitlog: a snapshot is being written already")

// save begins a snapshot of the present position; write, which is called once, writes it.
func (s *State) save() (position uint64, write func(io.Writer) error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saving != nil {
		return 0, nil, errSaving
	}
	v := &saving{before: make(map[savedKey]savedEntry)}
	s.saving = v
	head, pages := s.snapshotHead(), len(s.pages.list)
	return s.position, func(out io.Writer) error {
		w := newSnapshotWriter(out)
		w.pending = append(w.pending, head...)
		for number := range pages { // one that is made later has only what changed since
			s.savePage(w, number, v)
			w.flush(false)
		}
		s.saveChanged(w, v)
		return w.end()
	}, nil
}

// saved ends a snapshot, whether or not it was written.
func (s *State) saved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saving = nil
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

// savePage writes the entries of a page that have not changed since the snapshot began.
func (s *State) savePage(w *snapshotWriter, number int, v *saving) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v.void {
		w.err = errVoid
		return
	}
	s.pages.slots(number, func(slot []byte) {
		e, ok := readEntry(slot)
		if !ok {
			return
		}
		if _, changed := v.before[savedKey{e.bucket, string(e.key)}]; !changed {
			w.entry(e)
		}
	})
}

// saveChanged writes those that have, as they were; perhaps some for the second time, which makes no
// difference. What changes from here on was written by savePage.
func (s *State) saveChanged(w *snapshotWriter, v *saving) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k, old := range v.before {
		if old.revision == 0 {
			continue
		}
		w.entry(entry{key: []byte(k.key), value: []byte(old.value), revision: old.revision, expires: old.expires, bucket: k.bucket})
		if len(w.pending) >= snapshotChunk {
			s.mu.RUnlock()
			w.flush(false)
			s.mu.RLock()
		}
	}
}

// load makes a new state that of a snapshot. Watchers hear of it part by part. After an error the state is of
// no use.
func (s *State) load(in io.Reader) error {
	r, err := newSnapshotReader(in)
	if err != nil {
		return err
	}
	h, err := r.head()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.begin(h)
	err = s.loadEntries(r, func() {
		s.mu.Unlock()
		s.tell()
		s.mu.Lock()
	})
	s.mu.Unlock()
	s.tell()
	return err
}

// replace makes the state that of another one, at once: nobody sees a part of it. It keeps its watchers, who
// hear that what was there is gone, and then of all that is there now.
func (s *State) replace(other *State) {
	s.mu.Lock()
	s.eachEntry(func(b *bucket, e entry) { s.remove(b, e.key, false) })
	if s.saving != nil {
		s.saving.void = true
	}
	s.buckets, s.numbered, s.pages, s.writers, s.expiry = other.buckets, other.numbered, other.pages, other.writers, other.expiry
	s.position, s.clock, s.stamp, s.revision = other.position, other.clock, other.stamp, other.revision
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
	s.position, s.clock, s.stamp, s.revision = h.position, h.clock, h.stamp, h.revision
	s.expiry.done = uint32(s.clock / 1000)
}

// loadPart is how many entries are loaded between two pauses.
const loadPart = 512

// loadEntries reads all that stands behind the head, and calls pause after each part. For callers that hold
// mu for writing.
func (s *State) loadEntries(r *snapshotReader, pause func()) error {
	var entries uint64
	for kind := r.octet(); kind != recordEnd; kind = r.octet() {
		switch {
		case kind == recordBucket:
			s.bucket(r.text())
			continue
		case kind != recordEntry || len(s.numbered) == 0:
			return r.fault(entries)
		}
		s.loadEntry(r)
		if entries++; entries%loadPart == 0 {
			pause()
		}
	}
	return r.end(entries)
}

func (s *State) loadEntry(r *snapshotReader) {
	number := uint64(len(s.numbered) - 1)
	if !r.old {
		number = r.uvarint()
	}
	e := entry{key: r.bytes(), value: r.bytes(), revision: r.uvarint(), expires: int64(r.uvarint())}
	if number >= uint64(len(s.numbered)) || !s.pages.room() || e.revision == 0 || e.expires > maxTime {
		r.fail()
	}
	if r.err != nil {
		return
	}
	b := s.numbered[number]
	old := s.find(b, e.key)
	s.store(b, e, &old)
	s.noteLoaded(b, e)
}

func (s *State) noteLoaded(b *bucket, e entry) {
	if b.watched {
		s.changes = append(s.changes, watched{b.name, Change{Key: string(e.key), Value: string(e.value), Revision: e.revision, Expires: timeOf(e.expires)}})
	}
}
