package commitlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/s2"
)

// The form of a snapshot as a file: chunks of records, compressed one by one. A chunk is the length of its
// contents, the length of what is stored, and that; a chunk of nothing ends the file.
const (
	snapshotChunk = 512 << 10 // a page more at most, or one long entry
	longestChunk  = 64 << 20  // keeps a damaged length from taking all memory: longer than any batch
)

// snapshotWriter collects records, which is done under the state's lock, and writes them, which is not.
type snapshotWriter struct {
	out     io.Writer
	sum     *xxhash.Digest
	pending []byte
	packed  []byte
	entries uint64
	err     error
}

func newSnapshotWriter(out io.Writer) *snapshotWriter {
	w := &snapshotWriter{out: out, sum: xxhash.New(), pending: make([]byte, 0, snapshotChunk+pageSize)}
	w.write([]byte(snapshotMagic))
	return w
}

func (w *snapshotWriter) entry(e entry) {
	w.pending = append(w.pending, recordEntry)
	w.pending = binary.AppendUvarint(w.pending, uint64(e.bucket))
	w.pending = append(binary.AppendUvarint(w.pending, uint64(len(e.key))), e.key...)
	w.pending = append(binary.AppendUvarint(w.pending, uint64(len(e.value))), e.value...)
	w.pending = binary.AppendUvarint(w.pending, e.revision)
	w.pending = binary.AppendUvarint(w.pending, uint64(e.expires))
	w.entries++
}

// pause writes a chunk when there is enough for one.
func (w *snapshotWriter) pause() error {
	w.flush(false)
	return w.err
}

// flush writes what is pending as a chunk, when it is enough for one or must be.
func (w *snapshotWriter) flush(must bool) {
	if w.err != nil {
		w.pending = w.pending[:0]
		return
	}
	if len(w.pending) < snapshotChunk && !must {
		return
	}
	w.packed = s2.Encode(w.packed[:cap(w.packed)], w.pending)
	head := binary.AppendUvarint(nil, uint64(len(w.pending)))
	w.write(binary.AppendUvarint(head, uint64(len(w.packed))))
	w.write(w.packed)
	w.pending = w.pending[:0]
}

func (w *snapshotWriter) write(p []byte) {
	if w.err == nil {
		_, _ = w.sum.Write(p)
		_, w.err = w.out.Write(p)
	}
}

func (w *snapshotWriter) end() error {
	w.pending = binary.AppendUvarint(append(w.pending, recordEnd), w.entries)
	w.flush(true)
	w.write([]byte{0})
	w.write(binary.BigEndian.AppendUint64(nil, w.sum.Sum64()))
	return w.err
}

// snapshotReader reads records and sums up. After an error everything is zero.
type snapshotReader struct {
	in    *bufio.Reader
	sum   *xxhash.Digest
	chunk []byte // its buffer
	rest  []byte // of the chunk
	store []byte // buffer
	old   bool   // of the first form, which is not compressed, and names the bucket before its entries
	err   error
}

func newSnapshotReader(in io.Reader) (*snapshotReader, error) {
	r := &snapshotReader{in: bufio.NewReaderSize(in, 256<<10), sum: xxhash.New()}
	magic := make([]byte, len(snapshotMagic))
	if r.full(magic); r.err != nil {
		return nil, r.err
	}
	switch string(magic) {
	case snapshotMagic:
		return r, nil
	case oldMagic:
		return r, r.readOld()
	}
	return nil, errForeign
}

// oldMagic begins a snapshot of the first form.
const oldMagic = "otpgw log 1\n"

// readOld reads the whole of such a snapshot: its records, and the xxHash of all before it.
func (r *snapshotReader) readOld() error {
	all, err := io.ReadAll(r.in)
	if err != nil {
		return err
	}
	const tail = 8
	if len(all) <= tail {
		return fmt.Errorf("%w: it is cut off", errSnapshot)
	}
	r.old, r.rest = true, all[:len(all)-tail]
	_, _ = r.sum.Write(r.rest)
	if binary.BigEndian.Uint64(all[len(r.rest):]) != r.sum.Sum64() {
		return fmt.Errorf("%w: its sum is another", errSnapshot)
	}
	return nil
}

func (r *snapshotReader) fail() {
	if r.err == nil {
		r.err = errSnapshot
	}
	r.rest = nil
}

// full reads octets of the file.
func (r *snapshotReader) full(p []byte) {
	if r.err == nil {
		_, r.err = io.ReadFull(r.in, p)
	}
	if r.err != nil {
		clear(p)
		return
	}
	_, _ = r.sum.Write(p)
}

// length reads a length of the file.
func (r *snapshotReader) length() int {
	var head []byte
	for {
		var one [1]byte
		r.full(one[:])
		head = append(head, one[0])
		if one[0] < 0x80 {
			break
		}
		if len(head) > binary.MaxVarintLen32 {
			r.fail()
			return 0
		}
	}
	n, _ := binary.Uvarint(head)
	if n > longestChunk {
		r.fail()
		return 0
	}
	return int(n)
}

// next goes on to the next chunk.
func (r *snapshotReader) next() {
	if r.old {
		r.fail()
		return
	}
	size := r.length()
	if r.err != nil || size == 0 {
		r.fail()
		return
	}
	if n := r.length(); cap(r.store) < n {
		r.store = make([]byte, n)
	} else {
		r.store = r.store[:n]
	}
	if r.full(r.store); r.err != nil {
		return
	}
	if n, err := s2.DecodedLen(r.store); err != nil || n != size {
		r.fail()
		return
	}
	if r.chunk, r.err = s2.Decode(r.chunk[:cap(r.chunk)], r.store); r.err != nil {
		return
	}
	r.rest = r.chunk
}

// need makes sure that there is an octet: no record goes over the end of a chunk.
func (r *snapshotReader) need() bool {
	if r.err == nil && len(r.rest) == 0 {
		r.next()
	}
	return r.err == nil && len(r.rest) > 0
}

var nothing [8]byte

// take is a part of the chunk, good until the next record.
func (r *snapshotReader) take(n int) []byte {
	if n == 0 {
		return nil
	}
	if !r.need() || n > len(r.rest) {
		r.fail()
		return nothing[:min(n, len(nothing))]
	}
	p := r.rest[:n]
	r.rest = r.rest[n:]
	return p
}

func (r *snapshotReader) octet() byte { return r.take(1)[0] }

func (r *snapshotReader) uvarint() uint64 {
	if !r.need() {
		r.fail()
		return 0
	}
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *snapshotReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	return r.take(int(n))
}

func (r *snapshotReader) text() string { return string(r.bytes()) }

// end checks that the snapshot is whole. The kind of record before it was none of an entry.
func (r *snapshotReader) end(entries uint64) error {
	n := r.uvarint()
	if whole := r.err == nil && n == entries && len(r.rest) == 0; whole && r.old {
		return nil
	} else if whole && r.length() == 0 && r.err == nil {
		own := r.sum.Sum64()
		var stored [8]byte
		if r.full(stored[:]); r.err == nil && binary.BigEndian.Uint64(stored[:]) == own {
			return nil
		}
	}
	return r.fault(entries)
}

// fault says what is wrong, and with it why the file could not be read, when that is so.
func (r *snapshotReader) fault(entries uint64) error {
	if r.err == nil || errors.Is(r.err, errSnapshot) {
		return fmt.Errorf("%w, after %d entries", errSnapshot, entries)
	}
	return fmt.Errorf("%w, after %d entries: %w", errSnapshot, entries, r.err)
}
