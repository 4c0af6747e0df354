package otp

// TraceOf is what an OTP carries of its request's trace, as far as its record is known here; nil for one that
// is not traced.
func (s *Service) TraceOf(otpID string) []byte {
	r, ok := s.Near(otpID)
	if !ok {
		return nil
	}
	return r.Trace
}
