package otp

import (
	"context"
	"time"
)

// Cancel ends a pending OTP. A message that is on its way is not called back: its PIN is worth nothing any
// more.
func (s *Service) Cancel(ctx context.Context, app *App, id string) error {
	return s.change(ctx, id, app.Name, func(r *Record, now time.Time) (EventKind, error) {
		switch r.statusAt(now) {
		case StatusPending:
			r.Status = StatusCancelled
			return OtpChange, nil
		case StatusCancelled:
			return "", &Error{Code: CodeCancelledAlready, Message: "Otp already cancelled"}
		}
		return "", &Error{Code: CodeCancelNotPending, Message: "You cannot cancel a non-pending Otp"}
	})
}
