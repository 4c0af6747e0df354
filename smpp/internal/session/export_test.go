package session

// SetSequence makes the next request's sequence number the one after seq.
func (s *Session) SetSequence(seq uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq = seq
}
