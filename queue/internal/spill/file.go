package spill

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Place is where a value is: its segment, the unit of the segment in which its block begins, and its number
// in the block. It takes PlaceSize octets.
type Place uint64

const (
	indexBits   = 10
	unitBits    = 18
	segmentBits = 12
	unit        = 256
	segmentSize = unit << unitBits

	// PlaceSize is the length of a Place in octets.
	PlaceSize = (indexBits + unitBits + segmentBits) / 8
)

// Append writes a place.
func (p Place) Append(out []byte) []byte {
	return append(out, byte(p), byte(p>>8), byte(p>>16), byte(p>>24), byte(p>>32))
}

// PlaceIn reads what Append wrote.
func PlaceIn(b []byte) Place {
	return Place(b[0]) | Place(b[1])<<8 | Place(b[2])<<16 | Place(b[3])<<24 | Place(b[4])<<32
}

func (p Place) segment() int  { return int(p >> (indexBits + unitBits)) }
func (p Place) offset() int64 { return int64(p>>indexBits&(1<<unitBits-1)) * unit }
func (p Place) index() int    { return int(p & (1<<indexBits - 1)) }

// Next is the place of the record that is so many behind the one at p in their block.
func (p Place) Next(n int) Place { return p + Place(n) }

// File is the file, in segments. It is safe for use by many goroutines, of which one at a time writes.
type File struct {
	dir  string
	size int64 // of a segment
	most int64 // of all of them; 0: no bound
	seal cipher.AEAD

	mu       sync.Mutex // guards the rest
	segments []*segment // by number; nil: none at present
	current  *segment   // that is written to
	serial   uint64     // of the last one
	pins     int        // while there are any, no segment goes
	closed   bool

	cache cache
}

// segment is a part of the file that goes as a whole.
type segment struct {
	file   *os.File
	number int
	serial uint64 // of all segments that ever were; the number is used again
	end    int64  // of what is written
	values int    // that are needed
}

const pattern = "memory-*.tmp"

// segmentsAtLeast are in a file that is as large as it may be: what is not needed goes by the segment.
const segmentsAtLeast = 8

// Create makes an empty file in a directory, which may take so much of the disk, or for 0 as much as there is;
// and removes what a process that was killed left there.
func Create(dir string, most int64) (*File, error) {
	size := int64(segmentSize)
	if most > 0 {
		size = min(size, max(most/segmentsAtLeast, 2*blockSize)) // in which any block fits
	}
	f, err := create(dir, size)
	if err == nil {
		f.most = most
	}
	return f, err
}

func create(dir string, size int64) (*File, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if left, err := filepath.Glob(filepath.Join(dir, pattern)); err == nil {
		for _, name := range left {
			_ = os.Remove(name) // that of a living process has no name, or cannot be removed
		}
	}
	f := &File{dir: dir, size: size, seal: seal}
	probe, err := f.open()
	if err != nil {
		return nil, err
	}
	return f, closeAndRemove(probe)
}

// open makes a file that ends with the process: it has no name any more, where the system allows that.
func (f *File) open() (*os.File, error) {
	file, err := os.CreateTemp(f.dir, pattern)
	if err == nil {
		_ = os.Remove(file.Name())
	}
	return file, err
}

func closeAndRemove(file *os.File) error {
	err := file.Close()
	_ = os.Remove(file.Name())
	return err
}

// head is what stands before a sealed block: its length.
const head = 4

// Write writes a block and returns the place of its first record; the others follow it, one by one.
func (f *File) Write(b *Block) (Place, error) {
	packed := b.pack()
	s, err := f.room(int64(head + len(packed) + f.seal.Overhead()))
	if err != nil {
		return 0, err
	}
	at := s.end
	b.sealed = binary.LittleEndian.AppendUint32(b.sealed[:0], uint32(len(packed)+f.seal.Overhead()))
	b.sealed = f.seal.Seal(b.sealed, s.nonce(at), packed, nil)
	if _, err := s.file.WriteAt(b.sealed, at); err != nil {
		return 0, fmt.Errorf("spill: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.values += b.records
	s.end = up(at + int64(len(b.sealed)))
	return placeOf(s, at), nil
}

// placeOf is that of the first record of a block.
func placeOf(s *segment, at int64) Place {
	return Place(s.number)<<(indexBits+unitBits) | Place(at/unit)<<indexBits
}

// nonce names a block: no two have the same.
func (s *segment) nonce(at int64) []byte {
	n := binary.LittleEndian.AppendUint64(make([]byte, 0, 12), s.serial)
	return binary.LittleEndian.AppendUint32(n, uint32(at))
}

// errFull: more than any machine's memory could have named.
var errFull = errors.New("spill: the file is full")

// room is the segment for the next block.
func (f *File) room(size int64) (*segment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, os.ErrClosed
	}
	if s := f.current; s != nil && s.end+size <= f.size {
		return s, nil
	}
	number := 0
	for number < len(f.segments) && f.segments[number] != nil {
		number++
	}
	if number == 1<<segmentBits {
		return nil, errFull
	}
	file, err := f.open()
	if err != nil {
		return nil, fmt.Errorf("spill: %w", err)
	}
	if number == len(f.segments) {
		f.segments = append(f.segments, nil)
	}
	before := f.current
	f.serial++
	f.current = &segment{file: file, number: number, serial: f.serial}
	f.segments[number] = f.current
	if before != nil {
		f.retire(before)
	}
	return f.current, nil
}

// Drop says that a value is not needed any more.
func (f *File) Drop(p Place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.segments[p.segment()]; s != nil { // the file may be closed
		s.values--
		f.retire(s)
	}
}

// retire takes a segment away of which nothing is needed. For callers that hold mu.
func (f *File) retire(s *segment) {
	if s.values > 0 || s == f.current || f.pins > 0 || f.segments[s.number] != s {
		return
	}
	f.segments[s.number] = nil
	_ = closeAndRemove(s.file)
}

// Pin keeps all that is in the file now until Unpin, needed or not.
func (f *File) Pin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pins++
}

// Unpin ends a Pin.
func (f *File) Unpin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pins--; f.pins == 0 {
		f.tidy()
	}
}

// tidy takes away what is not needed any more. For callers that hold mu.
func (f *File) tidy() {
	for i, s := range f.segments {
		switch {
		case s == nil:
		case f.closed:
			_ = closeAndRemove(s.file)
			f.segments[i] = nil
		default:
			f.retire(s)
		}
	}
}

// Bytes is what the file takes of the disk.
func (f *File) Bytes() (sum int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.segments {
		if s != nil {
			sum += s.end
		}
	}
	return sum
}

// Full tells whether the file takes as much as it may.
func (f *File) Full() bool { return f.most > 0 && f.Bytes() >= f.most }

// Close takes the file away, at the end of the last Pin. Whoever reads from it then hears os.ErrClosed.
func (f *File) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed, f.current = true, nil
	if f.pins == 0 {
		f.tidy()
	}
}

// Located is a value that was there when Locate was called.
type Located struct {
	f     *File
	s     *segment
	place Place
}

// Locate finds the segment of a value that is needed. Its Read may follow after a Drop, and then is
// os.ErrClosed where the segment is gone, or the value.
func (f *File) Locate(p Place) Located {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Located{f, f.segments[p.segment()], p}
}

// errShut: the file was closed before Locate.
var errShut = errors.New("spill: the file is closed")

// Read reads a value, which is the caller's own.
func (l Located) Read() ([]byte, error) {
	if l.s == nil {
		return nil, errShut
	}
	data, err := l.f.block(l.s, l.place.offset())
	for range l.place.index() {
		if err == nil {
			_, data, err = nextRecord(data)
		}
	}
	if err != nil {
		return nil, err
	}
	r, _, err := nextRecord(data)
	return append([]byte{}, r.Value...), err
}

// block reads the records of a block, which are for reading only.
func (f *File) block(s *segment, at int64) ([]byte, error) {
	if data, ok := f.cache.get(s.serial, at); ok {
		return data, nil
	}
	data, _, err := f.readBlock(s, at)
	if err != nil {
		return nil, err
	}
	f.cache.put(s.serial, at, data)
	return data, nil
}
