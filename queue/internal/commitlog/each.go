package commitlog

// eachChunk is how many entries are visited between two openings of the lock.
const eachChunk = 512

// Each visits the entries of a bucket that are not over, until visit says false. It is for people's
// questions, not for the way of a message: it looks at all there is. The lock is opened between chunks, so
// what is changed meanwhile is seen as it was or as it is, and an entry is seen once at most. visit must be
// quick, and may keep the value only until it returns.
func (l *Log) Each(bucket string, visit func(key string, value []byte) bool) {
	l.state.each(bucket, l.clock.now().UnixMilli(), visit)
}

func (s *State) each(bucket string, now int64, visit func(key string, value []byte) bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b := s.buckets[bucket]
	if b == nil {
		return
	}
	n := 0
	for _, r := range b.index {
		if r != deleted {
			if e, _ := readEntry(s.pages.at(r)); !e.over(max(s.clock, now)) && !visit(string(e.key), e.value) {
				return
			}
		}
		if n++; n%eachChunk == 0 {
			s.mu.RUnlock()
			s.mu.RLock()
		}
	}
}
