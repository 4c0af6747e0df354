package commitlog

import "github.com/otpgw/otpgw/queue/internal/spill"

// eachChunk is how many entries are visited between two openings of the lock, or as many as a part of an
// index has.
const eachChunk = 512

// Each visits the entries of a bucket that are not over, until visit says false. It is for people's
// questions, not for the way of a message: it looks at all there is. The lock is opened between chunks, so
// what is changed meanwhile is seen as it was or as it is, or both; all else is seen once. visit must be
// quick, and may keep the value only until it returns; it is a copy, so that whatever visit does to it, the
// state of this process is that of the others.
func (l *Log) Each(bucket string, visit func(key string, value []byte) bool) {
	defer l.whole()
	l.state.each(bucket, l.clock.now().UnixMilli(), visit)
}

func (s *State) each(bucket string, now int64, visit func(key string, value []byte) bool) {
	v := visiting{s: s, bucket: bucket, now: now, visit: visit}
	if scan := v.beginScan(); scan != nil {
		defer scan.End()
	}
	if !v.memory() || v.scan == nil {
		return
	}
	if err := v.scan.Each(v.block); err != nil {
		s.unreadable(err)
	}
}

// visiting is a visit of all entries of a bucket: of those in memory, and then of those that were in the file
// at its beginning.
type visiting struct {
	s      *State
	bucket string
	now    int64
	visit  func(key string, value []byte) bool
	value  []byte // buffer
	begun  uint64 // the revision at the beginning
	file   *spill.File
	scan   *spill.Scan
}

func (v *visiting) beginScan() *spill.Scan {
	v.s.mu.RLock()
	defer v.s.mu.RUnlock()
	v.begun = v.s.revision
	if v.file = v.s.cool.file; v.file != nil {
		v.scan = v.file.Scan()
	}
	return v.scan
}

// memory visits what is not to be found in the file.
func (v *visiting) memory() (more bool) {
	s := v.s
	s.mu.RLock()
	defer s.mu.RUnlock()
	b := s.buckets[v.bucket]
	if b == nil {
		return false
	}
	n := 0
	for i := 0; i < len(b.index.parts); i++ {
		for _, at := range b.index.parts[i].slots {
			if n++; at.ref > deleted && !v.entry(at.ref) {
				return false
			}
		}
		if n >= eachChunk { // only here: an entry stays in its part, and its part is seen as a whole
			n = 0
			s.mu.RUnlock()
			s.mu.RLock()
		}
	}
	return true
}

// entry visits one, unless it is to be found in the file.
func (v *visiting) entry(r ref) (more bool) {
	e, _ := readEntry(v.s.pages.at(r))
	if e.over(max(v.s.clock, v.now)) || e.cold && v.scan != nil && v.scan.Covers(spill.PlaceIn(e.value)) {
		return true
	}
	return v.tell(&e, v.s.valueOf(&e))
}

func (v *visiting) tell(e *entry, value []byte) (more bool) {
	v.value = append(v.value[:0], value...)
	return v.visit(string(e.key), v.value)
}

// block visits the records of a block that are what is stored still, and in place of one that was changed
// since the beginning what has come of it, for it may have been in the file when memory was visited.
func (v *visiting) block(first spill.Place, records []spill.Record) (more bool) {
	s := v.s
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, same := s.buckets[v.bucket], s.cool.file == v.file // else the state was replaced, and all has changed
	for i, r := range records {
		if b == nil || r.Bucket != b.number && same {
			continue
		}
		f := s.find(b, r.Key)
		e := &f.entry
		if !f.there || e.over(max(s.clock, v.now)) {
			continue
		}
		value, here := r.Value, same && e.cold && spill.PlaceIn(e.value) == first.Next(i)
		if !here {
			if same && e.revision <= v.begun {
				continue
			}
			value = s.valueOf(e)
		}
		if !v.tell(e, value) {
			return false
		}
	}
	return true
}
