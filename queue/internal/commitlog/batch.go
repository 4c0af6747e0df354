package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"
)

// The first octet of a batch is its format. A program meets one that it does not know only when a newer
// program wrote it, and stops.
const (
	formatPlain  = 1
	formatPacked = 2 // the transactions are compressed (S2)

	// Format is the newest that this program reads.
	Format = formatPacked
)

// packFrom is the length of transactions that is worth compressing.
const packFrom = 512

// batch is one message of the stream.
type batch struct {
	writer  uint64 // random for each start of a process
	counter uint64 // of the writer, from 1
	clock   int64  // milliseconds since 1970; 0: the time stamp of the message counts
	txs     int
	data    []byte // the transactions, see appendTx
}

// id is the message id that the stream drops repetitions by.
func (b *batch) id() string { return fmt.Sprintf("%016x.%d", b.writer, b.counter) }

// batchHead is the length of what stands before the transactions, at most.
const batchHead = 1 + 8 + 3*binary.MaxVarintLen64

// encode writes the batch, into room where that is large enough; pack: whoever reads it reads formatPacked.
func (b *batch) encode(room []byte, pack bool) []byte {
	out := slices.Grow(room[:0], batchHead+s2.MaxEncodedLen(len(b.data)))
	out = append(out, formatPlain)
	out = binary.BigEndian.AppendUint64(out, b.writer)
	out = binary.AppendUvarint(out, b.counter)
	out = binary.AppendUvarint(out, uint64(b.clock))
	out = binary.AppendUvarint(out, uint64(b.txs))
	if pack && len(b.data) >= packFrom {
		if packed := s2.Encode(out[len(out):cap(out)], b.data); len(packed) < len(b.data) {
			out[0] = formatPacked
			return out[:len(out)+len(packed)]
		}
	}
	return append(out, b.data...)
}

// again is room that is kept for the next batch, unless it was an unusually long one that took it.
func again(room []byte) []byte {
	if cap(room) > 2*maxBatch {
		return nil
	}
	return room[:0]
}

// longestBatch keeps a damaged length from taking all memory.
const longestBatch = 64 << 20

// decodeBatch reads a batch. Its transactions are a part of data, or of room, which is used again.
func decodeBatch(data, room []byte) (*batch, error) {
	if len(data) == 0 || data[0] == 0 {
		return nil, errTruncated
	}
	format := data[0]
	if format > Format {
		return nil, fmt.Errorf("%w (format %d, this program reads %d)", ErrFormat, format, Format)
	}
	r := reader{rest: data[1:]}
	b := &batch{writer: r.fixed(), counter: r.uvarint(), clock: int64(r.uvarint()), txs: int(r.uvarint())}
	b.data = r.rest
	if format == formatPacked && !r.bad {
		n, err := s2.DecodedLen(b.data)
		if err != nil || n > longestBatch {
			return nil, errTruncated
		}
		if b.data, err = s2.Decode(room[:cap(room)], b.data); err != nil {
			return nil, errTruncated
		}
	}
	if r.bad || b.txs < 0 || b.txs > len(b.data) {
		return nil, errTruncated
	}
	return b, nil
}

// An operation begins with an octet: its action, its condition, and whether a time to live follows.
const (
	actionMask     = 0x03
	conditionShift = 2
	conditionMask  = 0x03
	hasTTL         = 0x10
)

// opRest is what an operation takes beside its names and its value, about.
const opRest = 24

// sizeOf is about the length of an encoded transaction, and seldom less.
func sizeOf(tx Tx) int {
	size := opRest
	for i := range tx {
		size += len(tx[i].Bucket) + len(tx[i].Key) + len(tx[i].Value) + opRest
	}
	return size
}

// appendTx encodes a transaction: the number of its operations, and each of them.
func appendTx(out []byte, tx Tx) []byte {
	out = binary.AppendUvarint(out, uint64(len(tx)))
	for i := range tx {
		o := &tx[i]
		head := byte(o.Action) | byte(o.If)<<conditionShift
		ttl := o.TTL.Milliseconds()
		if o.TTL > 0 {
			ttl = max(ttl, 1)
			head |= hasTTL
		}
		out = append(out, head)
		out = appendString(out, o.Bucket)
		out = appendString(out, o.Key)
		if o.If == IfRevision {
			out = binary.AppendUvarint(out, o.Revision)
		}
		if o.Action == Set {
			out = binary.AppendUvarint(out, uint64(len(o.Value)))
			out = append(out, o.Value...)
			if o.TTL > 0 {
				out = binary.AppendUvarint(out, uint64(ttl))
			}
		}
	}
	return out
}

func appendString(out []byte, s string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(s))), s...)
}

var errTruncated = errors.New("commitlog: a batch that cannot be read")

// reader reads what appendTx wrote. After a fault everything is zero and bad is set.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) fixed() uint64 {
	if len(r.rest) < 8 {
		r.bad, r.rest = true, nil
		return 0
	}
	v := binary.BigEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) octet() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	return c
}

// bytes is a part of the batch itself: whoever keeps it copies it.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// op is an operation as it stands in a batch.
type op struct {
	bucket, key, value []byte
	action             Action
	cond               Condition
	revision           uint64
	ttl                time.Duration

	in   *bucket // the one of that name, or nil; this and the next are set by State.lookUp
	hash uint32  // of key
}

func (r *reader) op() op {
	head := r.octet()
	o := op{action: Action(head & actionMask), cond: Condition(head >> conditionShift & conditionMask), bucket: r.bytes(), key: r.bytes()}
	if o.cond == IfRevision {
		o.revision = r.uvarint()
	}
	if o.action == Set {
		o.value = r.bytes()
		if head&hasTTL != 0 {
			o.ttl = time.Duration(r.uvarint()) * time.Millisecond
		}
	}
	return o
}

// tx reads the operations of one transaction into ops, which is reused.
func (r *reader) tx(ops []op) []op {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
	}
	ops = ops[:0]
	for i := uint64(0); i < n && !r.bad; i++ {
		ops = append(ops, r.op())
	}
	return ops
}
