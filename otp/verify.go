package otp

import (
	"context"
	"errors"
	"time"

	"github.com/otpgw/otpgw/otp/pin"
	proofs "github.com/otpgw/otpgw/otp/proof"
	"github.com/otpgw/otpgw/queue"
)

// outcomeWait is how long all attempts may be under way with nothing moving before those who made them are
// taken for dead. By the real clock, not Service.Now: it is about work, not validity.
const outcomeWait = 3 * time.Second

// Verify checks a guess; nil means it was right and the OTP is VERIFIED. Of many right guesses one wins.
func (s *Service) Verify(ctx context.Context, app *App, id string, g pin.Guess) error {
	_, err := s.VerifyAs(ctx, app, id, Verification{Guess: g})
	return err
}

// VerifyAs is Verify with the context that the OTP was asked for, and a proof where one is wanted. A right
// PIN with another context is a wrong guess.
func (s *Service) VerifyAs(ctx context.Context, app *App, id string, v Verification) (proof string, err error) {
	leave, err := s.guessing.enter(ctx, id)
	if err != nil {
		return "", storeError(err)
	}
	defer leave()
	r, key, err := s.reserve(ctx, app, id, v)
	if err != nil {
		return "", err
	}
	if !s.now().Before(r.Expires) {
		return "", expiredMeanwhile()
	}
	s.Evaluated.Add(1)
	right := v.Guess.Matches(key.pin, r.PINType)
	if err := s.settle(ctx, r.ID, right && key.sameContext); err != nil {
		return "", err
	}
	s.count(app, r, 0, 1)
	if v.Proof {
		proof, err = proofs.Keys{Box: s.Box}.Sign(proofs.Verified{App: r.App, Phone: r.Phone, OtpID: r.ID}, s.now())
		if err != nil {
			return "", internal(err)
		}
	}
	return proof, nil
}

// ProofKeys are the keys that proofs of now are checked with.
func (s *Service) ProofKeys() []proofs.JWK { return proofs.Keys{Box: s.Box}.Public(s.now()) }

// answerKey is what a guess is compared with.
type answerKey struct {
	pin         string
	sameContext bool
}

// open reads what a guess is compared with. It comes before the guess counts: without the key, or with a
// context too many or too few, none is used up.
func (s *Service) open(r *Record, v Verification) (answerKey, error) {
	pin, err := s.Box.Open(r.PIN, pinContext(r.ID))
	if err != nil {
		return answerKey{}, sealError(r.ID, err)
	}
	same, err := s.sameContext(r, v.Context)
	return answerKey{string(pin), same}, err
}

// pinContext is what an OTP's PIN is sealed for.
func pinContext(otpID string) string { return "pin:" + otpID }

// reserve counts an attempt before it is made. When all are taken but not all have an outcome yet, it waits
// for that: one of them may be right.
func (s *Service) reserve(ctx context.Context, app *App, id string, v Verification) (*Record, answerKey, error) {
	pause := retries()
	var seen uint64
	var since time.Time
	for {
		r, revision, err := s.load(ctx, id, app.Name)
		if err != nil {
			return nil, answerKey{}, err
		}
		now := s.now()
		if err := r.statusAt(now).closed(); err != nil {
			return nil, answerKey{}, err
		}
		if revision != seen {
			seen, since = revision, time.Now()
		}
		switch {
		case r.Reserved < r.MaxAttempts:
			with, err := s.open(r, v)
			if err != nil {
				return nil, answerKey{}, err
			}
			r.Reserved++
			err = s.storeGuess(ctx, app, r, revision, now)
			if err == nil {
				return r, with, nil
			}
			if !errors.Is(err, queue.ErrConflict) {
				return nil, answerKey{}, storeError(err)
			}
		case time.Since(since) > outcomeWait:
			if err := s.fail(ctx, r.ID, r.Failed); err != nil {
				return nil, answerKey{}, err
			}
		}
		if err := pause.Wait(ctx); err != nil {
			return nil, answerKey{}, storeError(err)
		}
	}
}

// storeGuess stores a reservation together with the try that it is of the number: over the limit neither
// counts.
func (s *Service) storeGuess(ctx context.Context, app *App, r *Record, revision uint64, now time.Time) error {
	data, err := r.encode()
	if err != nil {
		return err
	}
	uses := []use{{tries, r.Phone, app.TryLimits}}
	if r.Test {
		uses = nil
	}
	return s.commitUses(ctx, app, uses, func(tx *queue.Tx) error {
		return tx.Update(s.Queue.Records(), r.ID, data, s.ttl(r, now), revision).Err()
	})
}

// settle gives a comparison's outcome to the record. An OTP that has failed by then was ended by one who took
// this attempt's maker for dead: then it was the last one.
func (s *Service) settle(ctx context.Context, id string, right bool) error {
	var outcome error
	err := s.change(ctx, id, "", func(r *Record, now time.Time) (EventKind, error) {
		switch status := r.statusAt(now); status {
		case StatusPending:
		case StatusExpired:
			return "", expiredMeanwhile()
		case StatusFailed:
			return "", lastAttempt()
		default:
			return "", status.closed()
		}
		if right {
			r.Reserved--
			r.Status, outcome = StatusVerified, nil
			return OtpChange, nil
		}
		r.Failed++
		r.note(step{Kind: stepWrong}, now)
		if r.Failed < r.MaxAttempts {
			outcome = &Error{Code: CodeWrongPIN, Message: "The PIN provided does not verify"}
			return "", nil
		}
		r.Status, outcome = StatusFailed, lastAttempt()
		return OtpChange, nil
	})
	if err != nil {
		return err
	}
	return outcome
}

// fail ends an OTP of which all attempts are taken and the daemons that took the open ones died, unless one
// of them is heard of after all.
func (s *Service) fail(ctx context.Context, id string, failed int) error {
	return s.change(ctx, id, "", func(r *Record, now time.Time) (EventKind, error) {
		if r.statusAt(now) != StatusPending || r.Failed != failed {
			return "", errNoChange
		}
		r.Status, r.Failed = StatusFailed, r.MaxAttempts
		return OtpChange, nil
	})
}

func lastAttempt() error { return &Error{Code: CodeLastAttempt, Message: "Max attempts reached"} }

func expiredMeanwhile() error {
	return &Error{Code: CodeExpiredMeanwhile, Message: "The PIN has expired"}
}
