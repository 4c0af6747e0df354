package otp

// TraceOf is what an OTP carries of its request's trace, as far as its record is known here; nil for one that
// is not traced.
func (s *Service) TraceOf(otpID string) []byte {
	id, ok := canonicalID(otpID)
	if !ok {
		return nil
	}
	e, err := s.Queue.Records().Near(id)
	if err != nil {
		return nil
	}
	r, err := decodeRecord(id, e.Value)
	if err != nil {
		return nil
	}
	return r.Trace
}
