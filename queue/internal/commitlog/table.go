package commitlog

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// bucket is a namespace of keys.
type bucket struct {
	name    string
	number  uint16
	index   index
	size    int64 // of the slots
	watched bool
}

const (
	indexSize  = 24 // octets of a key in the index and in that of times, about
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
	hash  uint32
	ref   ref
	entry entry // as it was: a part of the page
	there bool
}

func (s *State) hashOf(key []byte) uint32 { return uint32(xxhash.Sum64(key)) & s.hashes }

func (s *State) find(b *bucket, key []byte) found {
	hash := s.hashOf(key)
	p := b.index.part(hash)
	mask := len(p.slots) - 1
	if mask < 0 {
		return found{hash: hash}
	}
	for at := int(hash) & mask; ; at = (at + 1) & mask {
		r := p.slots[at].ref
		if r == 0 {
			return found{hash: hash}
		}
		if r == deleted || p.slots[at].hash != hash {
			continue
		}
		if e, _ := readEntry(s.pages.at(r)); string(e.key) == string(key) {
			return found{hash, r, e, true}
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
	if old.there {
		b.index.move(old.hash, old.ref, r)
	} else {
		b.index.add(old.hash, r)
	}
	return r
}

// forget gives a slot back.
func (s *State) forget(b *bucket, old *found) {
	b.size -= octetsOf(old.entry.length())
	s.pages.release(old.ref)
}

// drop takes a key that is there out of its bucket.
func (s *State) drop(b *bucket, old *found) {
	b.index.remove(old.hash, old.ref)
	s.release(&old.entry)
	s.forget(b, old)
}

// octetsOf is what an entry of a length takes of the pages.
func octetsOf(length int) int64 {
	if class := classOf(length); class != ownPage {
		return int64(slotSize(class))
	}
	return int64(length)
}

func (b *bucket) bytes() int64 { return b.size + int64(b.index.keys)*indexSize }
