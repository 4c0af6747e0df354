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

// snapshotReader reads records. After an error everything is zero.
type snapshotReader struct {
	chunks chan chunk
	spare  chan []byte   // chunks that were read, for the room they have
	stop   chan struct{} // closed when no more chunks are wanted
	chunk  []byte
	rest   []byte // of the chunk
	old    bool   // of the first form, which is not compressed, and names the bucket before its entries
	err    error
}

// chunk is the contents of one; err is errEnd behind the last one of a file that is whole.
type chunk struct {
	data []byte
	err  error
}

var errEnd = errors.New("the end of the snapshot")

// chunksAhead is how many chunks are read and decompressed before they are wanted.
const chunksAhead = 4

// newSnapshotReader begins to read; close ends it.
func newSnapshotReader(in io.Reader) (*snapshotReader, error) {
	f := &snapshotFile{in: bufio.NewReaderSize(in, 256<<10), sum: xxhash.New()}
	magic := make([]byte, len(snapshotMagic))
	if f.full(magic); f.err != nil {
		return nil, f.err
	}
	r := &snapshotReader{chunks: make(chan chunk, chunksAhead), spare: make(chan []byte, chunksAhead), stop: make(chan struct{})}
	switch string(magic) {
	case snapshotMagic:
		go f.readAhead(r.chunks, r.spare, r.stop)
		return r, nil
	case oldMagic:
		return r, r.readOld(f)
	}
	return nil, errForeign
}

func (r *snapshotReader) close() { close(r.stop) }

// snapshotFile reads chunks and sums up.
type snapshotFile struct {
	in    *bufio.Reader
	sum   *xxhash.Digest
	store []byte // buffer
	err   error
}

// readAhead gives chunks until there is none, or stop is closed; a read that is under way then ends with its
// file.
func (f *snapshotFile) readAhead(to chan<- chunk, spare <-chan []byte, stop <-chan struct{}) {
	for {
		var room []byte
		select {
		case room = <-spare:
		default:
		}
		data, err := f.next(room)
		select {
		case to <- chunk{data, err}:
		case <-stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// oldMagic begins a snapshot of the first form.
const oldMagic = "otpgw log 1\n"

// readOld reads the whole of such a snapshot: its records, and the xxHash of all before it.
func (r *snapshotReader) readOld(f *snapshotFile) error {
	all, err := io.ReadAll(f.in)
	if err != nil {
		return err
	}
	const tail = 8
	if len(all) <= tail {
		return fmt.Errorf("%w: it is cut off", errSnapshot)
	}
	r.old, r.rest = true, all[:len(all)-tail]
	_, _ = f.sum.Write(r.rest)
	if binary.BigEndian.Uint64(all[len(r.rest):]) != f.sum.Sum64() {
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
func (f *snapshotFile) full(p []byte) {
	if f.err == nil {
		_, f.err = io.ReadFull(f.in, p)
	}
	if f.err != nil {
		clear(p)
		return
	}
	_, _ = f.sum.Write(p)
}

// length reads a length of the file.
func (f *snapshotFile) length() int {
	var head []byte
	for {
		var one [1]byte
		f.full(one[:])
		head = append(head, one[0])
		if one[0] < 0x80 {
			break
		}
		if len(head) > binary.MaxVarintLen32 {
			f.fail()
			return 0
		}
	}
	n, _ := binary.Uvarint(head)
	if n > longestChunk {
		f.fail()
		return 0
	}
	return int(n)
}

func (f *snapshotFile) fail() {
	if f.err == nil {
		f.err = errSnapshot
	}
}

// next is the next chunk, in the room that is given, where that is enough.
func (f *snapshotFile) next(room []byte) ([]byte, error) {
	size := f.length()
	if f.err == nil && size == 0 {
		return nil, f.end()
	}
	if n := f.length(); cap(f.store) < n {
		f.store = make([]byte, n)
	} else {
		f.store = f.store[:n]
	}
	if f.full(f.store); f.err != nil {
		return nil, f.err
	}
	if n, err := s2.DecodedLen(f.store); err != nil || n != size {
		return nil, errSnapshot
	}
	return s2.Decode(room[:cap(room)], f.store)
}

// end is errEnd when what was read has the sum that stands behind it.
func (f *snapshotFile) end() error {
	own := f.sum.Sum64()
	var stored [8]byte
	if f.full(stored[:]); f.err == nil && binary.BigEndian.Uint64(stored[:]) != own {
		return errSnapshot
	}
	if f.err != nil {
		return f.err
	}
	return errEnd
}

// next goes on to the next chunk.
func (r *snapshotReader) next() {
	if r.old {
		r.fail()
		return
	}
	select {
	case r.spare <- r.chunk:
	default:
	}
	c := <-r.chunks
	r.chunk = c.data
	if r.rest, r.err = c.data, c.err; errors.Is(r.err, errEnd) {
		r.err = errSnapshot // the end of the records was not among them
	}
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
	} else if whole {
		c := <-r.chunks
		if errors.Is(c.err, errEnd) {
			return nil
		}
		r.err = c.err
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
