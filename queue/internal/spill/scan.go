package spill

import (
	"encoding/binary"
	"fmt"
)

// Scan is a look at all that was in the file when it was begun, which stays there until it ends.
type Scan struct {
	f     *File
	parts []part // by number of the segment; nil: there was none
}

type part struct {
	*segment
	end int64
}

// Scan begins one.
func (f *File) Scan() *Scan {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pins++
	c := &Scan{f: f, parts: make([]part, len(f.segments))}
	for i, s := range f.segments {
		if s != nil {
			c.parts[i] = part{s, s.end}
		}
	}
	return c
}

// End ends it.
func (c *Scan) End() { c.f.Unpin() }

// Covers says whether a place is one of those that Each visits.
func (c *Scan) Covers(p Place) bool {
	return p.segment() < len(c.parts) && p.offset() < c.parts[p.segment()].end
}

// Each visits all records, needed or not, block by block, until visit says false. The records are for reading
// only; the first has the place that is given, and the others follow it, one by one.
func (c *Scan) Each(visit func(first Place, records []Record) (more bool)) error {
	for _, p := range c.parts {
		if p.segment == nil {
			continue
		}
		if more, err := c.f.eachBlock(p, visit); err != nil || !more {
			return err
		}
	}
	return nil
}

func (f *File) eachBlock(p part, visit func(first Place, records []Record) (more bool)) (more bool, err error) {
	var records []Record
	for at := int64(0); at < p.end; {
		data, next, err := f.readBlock(p.segment, at)
		if err != nil {
			return false, err
		}
		records = records[:0]
		for len(data) > 0 {
			var r Record
			if r, data, err = nextRecord(data); err != nil {
				return false, err
			}
			records = append(records, r)
		}
		if !visit(placeOf(p.segment, at), records) {
			return false, nil
		}
		at = next
	}
	return true, nil
}

// readBlock reads the records of a block from the disk, and says where the next one begins.
func (f *File) readBlock(s *segment, at int64) (data []byte, next int64, err error) {
	var length [head]byte
	if _, err := s.file.ReadAt(length[:], at); err != nil {
		return nil, 0, fmt.Errorf("spill: %w", err)
	}
	n := int64(binary.LittleEndian.Uint32(length[:]))
	if n > f.size {
		return nil, 0, errBlock
	}
	sealed := make([]byte, n)
	if _, err := s.file.ReadAt(sealed, at+head); err != nil {
		return nil, 0, fmt.Errorf("spill: %w", err)
	}
	packed, err := f.seal.Open(sealed[:0], s.nonce(at), sealed, nil)
	if err != nil {
		return nil, 0, errBlock
	}
	data, err = unpack(packed)
	return data, up(at + head + n), err
}

// up is the beginning of the unit at or behind an offset.
func up(at int64) int64 { return (at + unit - 1) / unit * unit }
