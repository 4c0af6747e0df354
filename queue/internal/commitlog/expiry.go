package commitlog

import "math"

// expiry is the index of what runs out: for each second the places of what may run out in it. An entry whose
// time was made longer stays where it is and is moved when its old second has come, so that a change of it
// costs nothing here; one that has left its place leaves the place here, where nothing, or another entry, is
// found when the second has come.
type expiry struct {
	slots map[uint32][]ref
	done  uint32 // every slot up to this one is empty
	last  uint32 // every slot behind this one, too
}

// maxTime is the last that the index can name, in 2106.
const maxTime = (math.MaxUint32 - 1) * 1000

func newExpiry() expiry { return expiry{slots: make(map[uint32][]ref)} }

// slotOf is the second at whose end a time is past.
func slotOf(ms int64) uint32 { return uint32((ms + 999) / 1000) }

// choose decides which second has an entry: that which had it before (0 for none), where it is not too late,
// else its own. listed: it is the one before.
func (x *expiry) choose(e *entry, before uint32) (listed bool) {
	if e.expires == 0 {
		return false
	}
	own := slotOf(e.expires)
	if before > x.done && before <= own && own-before <= math.MaxUint16 {
		e.late = uint16(own - before)
		return true
	}
	e.late = 0
	return false
}

func (x *expiry) add(r ref, slot uint32) {
	slot = max(slot, x.done+1)
	x.slots[slot] = append(x.slots[slot], r)
	x.last = max(x.last, slot)
}

// expire deletes what has run out by the clock. For callers that hold mu for writing.
func (s *State) expire() {
	now := uint32(s.clock / 1000)
	x := &s.expiry
	if now <= x.done {
		return
	}
	from := x.done
	x.done = now
	if int64(now)-int64(from) > int64(len(x.slots)) { // a long pause: fewer slots than seconds
		for slot := range x.slots {
			if slot <= now {
				s.expireSlot(slot)
			}
		}
		return
	}
	for slot := from + 1; slot <= now; slot++ {
		s.expireSlot(slot)
	}
}

func (s *State) expireSlot(slot uint32) {
	list := s.expiry.slots[slot]
	delete(s.expiry.slots, slot)
	for _, r := range list {
		if !s.pages.holds(r) {
			continue
		}
		e, there := readEntry(s.pages.at(r))
		switch {
		case !there || e.expires == 0 || e.slot() > slot: // another entry, that is somewhere else in the index
		case e.over(s.clock):
			s.remove(s.numbered[e.bucket], e.key, false)
		case e.late > 0:
			e.late = 0
			e.write(s.pages.at(r))
			s.expiry.add(r, e.slot())
		}
	}
}

// overdue: there is a slot whose second is over at a time.
func (s *State) overdue(now int64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for slot := s.expiry.done + 1; slot <= uint32(now/1000); slot++ {
		if len(s.expiry.slots[slot]) > 0 {
			return true
		}
	}
	return false
}
