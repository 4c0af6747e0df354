package commitlog

// expiry is the index of what runs out: for each second the keys whose time to live may end in it. An entry whose time was
// made longer stays where it is and is moved when its old second has come, so that a change of it costs nothing here.
type expiry struct {
	slots map[uint32][]expiring
	done  uint32 // every slot up to this one is empty
}

type expiring struct {
	bucket *bucket
	key    string
}

func newExpiry() expiry { return expiry{slots: make(map[uint32][]expiring)} }

// slotOf is the second at whose end a time is past.
func slotOf(ms int64) uint32 { return uint32((ms + 999) / 1000) }

// add returns the slot that has the key: that of the entry before it, where it is not too late.
func (x *expiry) add(b *bucket, key string, expires int64, before uint32) uint32 {
	slot := max(slotOf(expires), x.done+1)
	if before != 0 && before <= slot {
		return before
	}
	x.slots[slot] = append(x.slots[slot], expiring{b, key})
	return slot
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
	for _, one := range list {
		e, there := one.bucket.entries[one.key]
		if !there || e.slot != slot {
			continue
		}
		if e.over(s.clock) {
			s.remove(one.bucket, one.key, false)
			continue
		}
		if e.expires != 0 {
			e.slot = s.expiry.add(one.bucket, one.key, e.expires, 0)
			one.bucket.entries[one.key] = e
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
