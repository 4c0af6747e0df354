package commitlog

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// bucket is a namespace of keys. Its index has each key's entry under the hash of the key, or under the next
// number where that one is taken; what is deleted there leaves a mark, so that nothing ever moves while
// somebody ranges over it.
type bucket struct {
	name    string
	number  uint16
	index   map[uint32]ref
	keys    int
	most    int   // keys, since the index was made
	size    int64 // of the slots
	watched bool
}

const (
	deleted ref = 1 // in an index: there was an entry; no slot begins there, for page 0 is none

	indexSize  = 24      // octets of a key in the index and in that of times, about
	largeIndex = 1 << 16 // keys, from which an index that is empty again is given back
	maxBuckets = 1<<15 - 1
)

// entry is a value in memory. key and value are parts of a page: whoever keeps them, or lets the lock go,
// copies them.
type entry struct {
	key, value []byte
	revision   uint64
	expires    int64 // milliseconds; 0 for never
	late       uint16
	bucket     uint16
	cold       bool // value is a spill.Place
}

// An entry in its slot: revision (6 octets), expires (6), late (2), bucket and whether it is cold (2), the
// lengths of key and value, and these.
const (
	entryHead = 16
	coldBit   = 1 << 15 // beside the number of the bucket
)

// slot is the second at whose end the index of times has the entry: that of its expiry, or up to a day
// before.
func (e *entry) slot() uint32 { return slotOf(e.expires) - uint32(e.late) }

// length is that of its slot's contents.
func (e *entry) length() int {
	return entryHead + uvarintSize(len(e.key)) + uvarintSize(len(e.value)) + len(e.key) + len(e.value)
}

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// write puts an entry into a slot, which is long enough.
func (e *entry) write(slot []byte) {
	putUint48(slot, e.revision)
	putUint48(slot[6:], uint64(e.expires))
	binary.LittleEndian.PutUint16(slot[12:], e.late)
	bucket := e.bucket
	if e.cold {
		bucket |= coldBit
	}
	binary.LittleEndian.PutUint16(slot[14:], bucket)
	out := binary.AppendUvarint(slot[:entryHead], uint64(len(e.key)))
	out = binary.AppendUvarint(out, uint64(len(e.value)))
	out = append(out, e.key...)
	_ = append(out, e.value...)
}

// readEntry reads a slot; false for one that is empty.
func readEntry(slot []byte) (e entry, ok bool) {
	e.revision = uint48(slot)
	if e.revision == slotEmpty {
		return e, false
	}
	e.expires = int64(uint48(slot[6:]))
	e.late, e.bucket = binary.LittleEndian.Uint16(slot[12:]), binary.LittleEndian.Uint16(slot[14:])
	e.bucket, e.cold = e.bucket&^coldBit, e.bucket&coldBit != 0
	rest := slot[entryHead:]
	keys, n := binary.Uvarint(rest)
	values, m := binary.Uvarint(rest[n:])
	rest = rest[n+m:]
	e.key, e.value = rest[:keys:keys], rest[keys:keys+values:keys+values]
	return e, true
}

func putUint48(out []byte, v uint64) {
	binary.LittleEndian.PutUint32(out, uint32(v))
	binary.LittleEndian.PutUint16(out[4:], uint16(v>>32))
}

func uint48(in []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(in)) | uint64(binary.LittleEndian.Uint16(in[4:]))<<32
}

// found is what the look-up of a key came to.
type found struct {
	at    uint32 // in the index; of a new key its place there
	ref   ref
	entry entry // as it was: a part of the page
	there bool
}

func (s *State) find(b *bucket, key []byte) found {
	for at := uint32(xxhash.Sum64(key)) & s.hashes; ; at++ {
		r, known := b.index[at]
		if !known {
			return found{at: at}
		}
		if r == deleted {
			continue
		}
		if e, _ := readEntry(s.pages.at(r)); string(e.key) == string(key) {
			return found{at, r, e, true}
		}
	}
}

// put stores an entry, in its old slot where that is of the right size, and says where. What old has of a
// page is then something else.
func (s *State) put(b *bucket, e entry, old *found) ref {
	length := e.length()
	e.bucket = b.number
	if old.there {
		s.release(&old.entry)
		if class := classOf(length); class == classOf(old.entry.length()) && class != ownPage {
			e.write(s.pages.at(old.ref))
			return old.ref
		}
		s.forget(b, old)
	}
	r := s.pages.alloc(length)
	e.write(s.pages.at(r))
	b.size += octetsOf(length)
	b.index[old.at] = r
	b.keys++
	b.most = max(b.most, b.keys)
	return r
}

// forget gives a slot back.
func (s *State) forget(b *bucket, old *found) {
	b.size -= octetsOf(old.entry.length())
	b.keys--
	s.pages.release(old.ref)
}

// drop takes a key that is there out of its bucket.
func (s *State) drop(b *bucket, old *found) {
	at := old.at
	if _, next := b.index[at+1]; next {
		b.index[at] = deleted // a key whose place was taken may be behind it
	} else {
		delete(b.index, at)
		for at--; b.index[at] == deleted; at-- {
			delete(b.index, at)
		}
	}
	s.release(&old.entry)
	s.forget(b, old)
	if b.keys == 0 && b.most > largeIndex {
		b.index, b.most = make(map[uint32]ref), 0
	}
}

// octetsOf is what an entry of a length takes of the pages.
func octetsOf(length int) int64 {
	if class := classOf(length); class != ownPage {
		return int64(slotSize(class))
	}
	return int64(length)
}

func (b *bucket) bytes() int64 { return b.size + int64(b.keys)*indexSize }
