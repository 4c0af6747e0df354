package commitlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

// A snapshot is the state at one position of the log:
//
//	magic, position, clock, stamp, revision, writers;
//	then for each bucket its name and its entries; the number of entries; the xxHash of all before it
const snapshotMagic = "otpgw log 1\n"

// The kinds of record in a snapshot.
const (
	recordEnd    = 0
	recordBucket = 1
	recordEntry  = 2
)

// snapshotChunk is how many entries are copied under the lock at a time.
const snapshotChunk = 512

// errSnapshot is what a damaged snapshot ends with.
var errSnapshot = errors.New("commitlog: the snapshot is damaged")

// saving is a snapshot being written while the log goes on: what an entry was when the snapshot began, for each that has
// changed since. So the snapshot is of one position, and nothing large is copied in the way of the log.
type saving struct {
	before map[savedKey]savedEntry
}

type savedKey struct {
	bucket *bucket
	key    string
}

type savedEntry struct {
	entry
	there bool
}

// keepForSnapshot notes what an entry was before its first change. For callers that hold mu for writing.
func (s *State) keepForSnapshot(b *bucket, key string, old entry, there bool) {
	if s.saving == nil {
		return
	}
	k := savedKey{b, key}
	if _, known := s.saving.before[k]; !known {
		s.saving.before[k] = savedEntry{old, there}
	}
}

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
	head := s.snapshotHead()
	var buckets []*bucket
	for _, b := range s.buckets {
		buckets = append(buckets, b)
	}
	return s.position, func(out io.Writer) error {
		w := &snapshotWriter{sum: xxhash.New()}
		w.out = bufio.NewWriterSize(io.MultiWriter(out, w.sum), 256<<10)
		w.write(head)
		for _, b := range buckets {
			w.write(appendString([]byte{recordBucket}, b.name))
			s.saveBucket(w, b, v)
		}
		return w.end(out)
	}, nil
}

// saved ends a snapshot, whether or not it was written.
func (s *State) saved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saving = nil
}

func (s *State) snapshotHead() []byte {
	h := []byte(snapshotMagic)
	for _, v := range []uint64{s.position, uint64(s.clock), uint64(s.stamp), s.revision, uint64(len(s.writers))} {
		h = binary.AppendUvarint(h, v)
	}
	for id, last := range s.writers {
		h = binary.BigEndian.AppendUint64(h, id)
		h = binary.AppendUvarint(h, last.counter)
		h = binary.AppendUvarint(h, last.position)
	}
	return h
}

// saveBucket writes the entries as they were when the snapshot began: those that are there now, and then those that are
// not any more. The lock is opened between chunks; a map may be changed while it is ranged over, as long as not at once.
func (s *State) saveBucket(w *snapshotWriter, b *bucket, v *saving) {
	n := 0
	s.mu.RLock()
	for key, e := range b.entries {
		if before, changed := v.before[savedKey{b, key}]; changed {
			e = before.entry
			if !before.there {
				continue
			}
		}
		w.entry(key, e)
		if n++; n%snapshotChunk == 0 {
			s.mu.RUnlock()
			w.flush()
			s.mu.RLock()
		}
	}
	for k, before := range v.before {
		if _, still := b.entries[k.key]; k.bucket == b && before.there && !still {
			w.entry(k.key, before.entry) // perhaps for the second time, which makes no difference
		}
	}
	s.mu.RUnlock()
	w.flush()
}

// snapshotWriter keeps what it is given until flush, so that nothing is written under the state's lock.
type snapshotWriter struct {
	out     *bufio.Writer
	sum     *xxhash.Digest
	pending []byte
	entries uint64
	err     error
}

func (w *snapshotWriter) entry(key string, e entry) {
	w.pending = append(w.pending, recordEntry)
	w.pending = appendString(w.pending, key)
	w.pending = appendString(w.pending, e.value)
	w.pending = binary.AppendUvarint(w.pending, e.revision)
	w.pending = binary.AppendUvarint(w.pending, uint64(e.expires))
	w.entries++
}

func (w *snapshotWriter) flush() {
	w.write(w.pending)
	w.pending = w.pending[:0]
}

func (w *snapshotWriter) write(p []byte) {
	if w.err == nil {
		_, w.err = w.out.Write(p)
	}
}

func (w *snapshotWriter) end(out io.Writer) error {
	w.write(binary.AppendUvarint([]byte{recordEnd}, w.entries))
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if w.err == nil {
		_, w.err = out.Write(binary.BigEndian.AppendUint64(nil, w.sum.Sum64()))
	}
	return w.err
}

// load makes a new state that of a snapshot. Watchers hear of it part by part. After an error the state is of no use.
func (s *State) load(in io.Reader) error {
	r := newSnapshotReader(in)
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

// replace makes the state that of another one, at once: nobody sees a part of it. It keeps its watchers, who hear that what was
// there is gone, and then of all that is there now.
func (s *State) replace(other *State) {
	s.mu.Lock()
	for _, b := range s.buckets {
		for key := range b.entries {
			s.remove(b, key, false)
		}
	}
	s.buckets, s.writers, s.expiry = other.buckets, other.writers, other.expiry
	s.position, s.clock, s.stamp, s.revision = other.position, other.clock, other.stamp, other.revision
	for name, b := range s.buckets {
		b.watched = s.watchers[name] != nil
		for key, e := range b.entries {
			s.noteLoaded(b, key, e)
		}
	}
	s.mu.Unlock()
	s.tell()
}

// head is what a snapshot begins with.
type head struct {
	position     uint64
	clock, stamp int64
	revision     uint64
	writers      map[uint64]lastBatch
}

func (r *snapshotReader) head() (head, error) {
	magic := make([]byte, len(snapshotMagic))
	r.full(magic)
	if string(magic) != snapshotMagic {
		return head{}, fmt.Errorf("%w: it does not begin as one", errSnapshot)
	}
	h := head{r.uvarint(), int64(r.uvarint()), int64(r.uvarint()), r.uvarint(), make(map[uint64]lastBatch)}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		var id [8]byte
		r.full(id[:])
		h.writers[binary.BigEndian.Uint64(id[:])] = lastBatch{r.uvarint(), r.uvarint()}
	}
	return h, r.err
}

// begin empties a state for the entries of a snapshot. For callers that hold mu for writing.
func (s *State) begin(h head) {
	s.buckets, s.writers, s.expiry = make(map[string]*bucket), h.writers, newExpiry()
	s.position, s.clock, s.stamp, s.revision = h.position, h.clock, h.stamp, h.revision
	s.expiry.done = uint32(s.clock / 1000)
}

// loadEntries reads all that stands behind the head, and calls pause after each part. For callers that hold mu for writing.
func (s *State) loadEntries(r *snapshotReader, pause func()) error {
	var b *bucket
	var entries uint64
	for kind := r.octet(); kind != recordEnd; kind = r.octet() {
		switch {
		case kind == recordBucket:
			b = s.bucket(r.text())
			continue
		case kind != recordEntry || b == nil:
			return fmt.Errorf("%w, after %d entries", errSnapshot, entries)
		}
		s.loadEntry(b, r)
		if entries++; entries%snapshotChunk == 0 {
			pause()
		}
	}
	if r.err == nil && r.uvarint() == entries {
		own := r.sum.Sum64()
		var stored [8]byte
		if _, err := io.ReadFull(r.in, stored[:]); err == nil && binary.BigEndian.Uint64(stored[:]) == own {
			return nil
		}
	}
	return fmt.Errorf("%w, after %d entries", errSnapshot, entries)
}

func (s *State) loadEntry(b *bucket, r *snapshotReader) {
	key := r.text()
	e := entry{value: r.text(), revision: r.uvarint(), expires: int64(r.uvarint())}
	if r.err != nil {
		return
	}
	old, there := b.entries[key]
	if e.expires != 0 {
		e.slot = s.expiry.add(b, key, e.expires, old.slot)
	}
	b.entries[key] = e
	b.size += int64(len(e.value) - len(old.value))
	if !there {
		b.size += int64(len(key))
	}
	s.noteLoaded(b, key, e)
}

func (s *State) noteLoaded(b *bucket, key string, e entry) {
	if b.watched {
		s.changes = append(s.changes, watched{b.name, Change{Key: key, Value: e.value, Revision: e.revision, Expires: timeOf(e.expires)}})
	}
}

// snapshotReader reads and sums up. After an error everything is zero.
type snapshotReader struct {
	in  *bufio.Reader
	sum *xxhash.Digest
	one [1]byte
	err error
}

func newSnapshotReader(in io.Reader) *snapshotReader {
	return &snapshotReader{sum: xxhash.New(), in: bufio.NewReaderSize(in, 256<<10)}
}

// longestText keeps a damaged length from taking all memory: longer than any batch.
const longestText = 64 << 20

func (r *snapshotReader) full(p []byte) {
	if r.err != nil {
		clear(p)
		return
	}
	if _, r.err = io.ReadFull(r.in, p); r.err != nil {
		clear(p)
		return
	}
	_, _ = r.sum.Write(p)
}

func (r *snapshotReader) octet() byte {
	r.full(r.one[:])
	return r.one[0]
}

func (r *snapshotReader) ReadByte() (byte, error) { return r.octet(), r.err }

func (r *snapshotReader) uvarint() uint64 {
	v, err := binary.ReadUvarint(r)
	if err != nil {
		r.err = errors.Join(r.err, errSnapshot)
		return 0
	}
	return v
}

func (r *snapshotReader) text() string {
	n := r.uvarint()
	if n > longestText {
		r.err = errSnapshot
		return ""
	}
	p := make([]byte, n)
	r.full(p)
	return string(p)
}
