package otp

import (
	"context"
	"errors"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// Expire ends an OTP whose time is up, with its delivery, and announces both. Nothing happens to one that is
// not pending, or gone. ErrNotDue when it is too early by the clock.
func (s *Service) Expire(ctx context.Context, id string) error {
	open := false
	err := s.change(ctx, id, "", func(r *Record, now time.Time) (EventKind, error) {
		open = r.openAt(now) || r.Held && !now.Before(r.Expires)
		switch {
		case r.Status != StatusPending:
			return "", errNoChange
		case now.Before(r.Expires):
			return "", ErrNotDue
		}
		r.Status = StatusExpired
		return OtpChange, nil
	})
	if err == nil && open {
		err = s.EndDelivery(ctx, id)
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// RunTimers does what is due, until ctx ends; then it finishes what it has in hand and returns nil.
func (s *Service) RunTimers(ctx context.Context) error { return s.Queue.RunTimers(ctx, s.fire) }

// fire does the work of one timer, by its id. An OTP that is gone has none.
func (s *Service) fire(ctx context.Context, t queue.Timer) (again time.Time, err error) {
	id, suffix := t.ID[:min(len(t.ID), uuidLength)], t.ID[min(len(t.ID), uuidLength):]
	if suffix == resendSuffix {
		again, err = s.resendDue(ctx, id)
	} else {
		again, err = s.expireDue(ctx, id)
	}
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return again, err
}

// uuidLength is that of the text of a UUID. Package uuid reads other forms too, but none of that length.
const uuidLength = 36

// expireDue is Expire for a timer; where it is too early, again is when it is not.
func (s *Service) expireDue(ctx context.Context, id string) (again time.Time, err error) {
	err = s.Expire(ctx, id)
	if !errors.Is(err, ErrNotDue) {
		return again, err
	}
	r, _, err := s.load(ctx, id, "")
	if err != nil {
		return again, err
	}
	return s.Queue.Now().Add(max(r.Expires.Sub(s.now()), time.Millisecond)), nil
}
