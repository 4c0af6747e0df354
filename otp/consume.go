package otp

import (
	"context"
	"time"
)

// Consume takes a VERIFIED that is to be used once, elsewhere than where the PIN was typed: of all who ask,
// one gets the OTP, and the others CodeConsumed.
func (s *Service) Consume(ctx context.Context, app *App, id string) (Otp, error) {
	var taken *Record
	err := s.change(ctx, id, app.Name, func(r *Record, now time.Time) (EventKind, error) {
		switch status := r.statusAt(now); {
		case status == StatusPending:
			return "", &Error{Code: CodeNotVerified, Message: "The OTP is not verified yet"}
		case status != StatusVerified:
			return "", status.closed()
		case r.Consumed:
			return "", &Error{Code: CodeConsumed, Message: "The verified OTP was consumed already"}
		}
		r.Consumed, taken = true, r
		return "", nil
	})
	if err != nil {
		return Otp{}, err
	}
	return s.show(taken, s.now()), nil
}
