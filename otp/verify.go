package otp

import (
	"context"
	"errors"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// outcomeWait is how long all attempts may be under way with nothing moving before those who made them are taken for dead.
// By the real clock, not Service.Now: it is about work, not validity.
const outcomeWait = 3 * time.Second

// Verify checks a guess; nil means it was right and the OTP is VERIFIED. Of many right guesses one wins.
func (s *Service) Verify(ctx context.Context, app *App, id string, g Guess) error {
	r, pin, err := s.reserve(ctx, app, id)
	if err != nil {
		return err
	}
	if !s.now().Before(r.Expires) {
		return expiredMeanwhile()
	}
	s.Evaluated.Add(1)
	err = s.settle(ctx, r.ID, g.matches(pin, r.PINType))
	if err == nil {
		s.watched(app, r, 0, 1)
	}
	return err
}

// reserve counts an attempt before it is made. When all are taken but not all have an outcome yet, it waits for that: one of
// them may be right.
func (s *Service) reserve(ctx context.Context, app *App, id string) (r *Record, pin string, err error) {
	var pause backoff
	var seen uint64
	var since time.Time
	for {
		r, revision, err := s.load(ctx, id, app.Name)
		if err != nil {
			return nil, "", err
		}
		now := s.now()
		if err := r.statusAt(now).closed(); err != nil {
			return nil, "", err
		}
		if revision != seen {
			seen, since = revision, time.Now()
		}
		switch {
		case r.Reserved < r.MaxAttempts:
			opened, err := s.Box.Open(r.PIN, pinContext(r.ID)) // before it counts: without the key no guess is used up
			if err != nil {
				return nil, "", sealError(r.ID, err)
			}
			r.Reserved++
			err = s.storeGuess(ctx, app, r, revision, now)
			if err == nil {
				return r, string(opened), nil
			}
			if !errors.Is(err, queue.ErrConflict) {
				return nil, "", storeError(err)
			}
		case time.Since(since) > outcomeWait:
			if err := s.fail(ctx, r.ID, r.Failed); err != nil {
				return nil, "", err
			}
		}
		if err := pause.wait(ctx); err != nil {
			return nil, "", storeError(err)
		}
	}
}

// storeGuess stores a reservation together with the try that it is of the number: over the limit neither counts.
func (s *Service) storeGuess(ctx context.Context, app *App, r *Record, revision uint64, now time.Time) error {
	data, err := r.encode()
	if err != nil {
		return err
	}
	limits := app.TryLimits
	if r.Test {
		limits = nil
	}
	return s.spending(ctx, tries, app, r.Phone, limits, func(tx *queue.Tx) error {
		return tx.Update(s.Queue.Records(), r.ID, data, r.ttl(now), revision).Err()
	})
}

// settle gives a comparison's outcome to the record.
func (s *Service) settle(ctx context.Context, id string, right bool) error {
	var outcome error
	err := s.change(ctx, id, "", func(r *Record, now time.Time) (EventKind, error) {
		if status := r.statusAt(now); status == StatusExpired {
			return "", expiredMeanwhile()
		} else if err := status.closed(); err != nil {
			return "", err
		}
		if right {
			r.Reserved--
			r.Status, outcome = StatusVerified, nil
			return OtpChange, nil
		}
		r.Failed++
		if r.Failed < r.MaxAttempts {
			outcome = &Error{Code: CodeWrongPIN, Message: "The PIN provided does not verify"}
			return "", nil
		}
		r.Status, outcome = StatusFailed, &Error{Code: CodeLastAttempt, Message: "Max attempts reached"}
		return OtpChange, nil
	})
	if err != nil {
		return err
	}
	return outcome
}

// fail ends an OTP of which all attempts are taken and the daemons that took the open ones died, unless one of them is heard
// of after all.
func (s *Service) fail(ctx context.Context, id string, failed int) error {
	return s.change(ctx, id, "", func(r *Record, now time.Time) (EventKind, error) {
		if r.statusAt(now) != StatusPending || r.Failed != failed {
			return "", errNoChange
		}
		r.Status, r.Failed = StatusFailed, r.MaxAttempts
		return OtpChange, nil
	})
}

func expiredMeanwhile() error {
	return &Error{Code: CodeExpiredMeanwhile, Message: "The PIN has expired"}
}
