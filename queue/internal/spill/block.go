package spill

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

// Record is a value with what it belongs to.
type Record struct {
	Bucket uint16
	Key    []byte
	Value  []byte
}

// Block collects records that are written together. Its zero value is an empty one.
type Block struct {
	data    []byte
	records int
	packed  []byte // buffers
	sealed  []byte
}

// Bounds of a block, so that a read of one of its values does not take long.
const (
	blockSize    = 32 << 10
	blockRecords = 1 << indexBits
	// Longest is the length of a record that is worth its place in a block.
	Longest = blockSize / 2
)

// Add adds a record; it copies what it is given.
func (b *Block) Add(r Record) {
	b.data = binary.AppendUvarint(b.data, uint64(r.Bucket))
	b.data = append(binary.AppendUvarint(b.data, uint64(len(r.Key))), r.Key...)
	b.data = append(binary.AppendUvarint(b.data, uint64(len(r.Value))), r.Value...)
	b.records++
}

// Full says whether a block is to be written now.
func (b *Block) Full() bool { return len(b.data) >= blockSize || b.records >= blockRecords }

// Len is the number of its records.
func (b *Block) Len() int { return b.records }

// Reset empties it.
func (b *Block) Reset() { b.data, b.records = b.data[:0], 0 }

func (b *Block) pack() []byte {
	b.packed = s2.Encode(b.packed[:cap(b.packed)], b.data)
	return b.packed
}

func unpack(packed []byte) ([]byte, error) {
	data, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, errBlock
	}
	return data, nil
}

var errBlock = errors.New("spill: the file has something else than what was written")

// nextRecord reads the first record of a block's data; its parts are parts of it.
func nextRecord(data []byte) (r Record, rest []byte, err error) {
	bucket, n := binary.Uvarint(data)
	if n <= 0 {
		return r, nil, errBlock
	}
	key, rest, ok := nextPart(data[n:])
	if !ok {
		return r, nil, errBlock
	}
	value, rest, ok := nextPart(rest)
	if !ok {
		return r, nil, errBlock
	}
	return Record{uint16(bucket), key, value}, rest, nil
}

func nextPart(data []byte) (part, rest []byte, ok bool) {
	length, n := binary.Uvarint(data)
	if n <= 0 || length > uint64(len(data)-n) {
		return nil, nil, false
	}
	data = data[n:]
	return data[:length:length], data[length:], true
}
