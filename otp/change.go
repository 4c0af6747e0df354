package otp

import (
	"context"
	"errors"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// changeFunc changes a record it was given, read just now. kind names what is to be announced, "" nothing.
// errNoChange ends the change with no error; it is called again for each try.
type changeFunc func(r *Record, now time.Time) (kind EventKind, err error)

// alongFunc adds what is to be stored with a change to its transaction; it is called after the changeFunc,
// for each try.
type alongFunc func(tx *queue.Tx, r *Record, now time.Time) error

// change is the one way a stored record changes: read, compute, and one transaction of the record on the
// revision that was read and of what announces the change; from the start when another was faster. app "" is
// any.
func (s *Service) change(ctx context.Context, id, app string, f changeFunc) error {
	return s.changeAlong(ctx, id, app, f, nil)
}

// changeAlong is change with more in the transaction.
func (s *Service) changeAlong(ctx context.Context, id, app string, f changeFunc, along alongFunc) error {
	pause := retries()
	for {
		r, revision, err := s.load(ctx, id, app)
		if err != nil {
			return err
		}
		err = s.try(ctx, r, revision, f, along)
		if errors.Is(err, errNoChange) {
			return nil
		}
		if !errors.Is(err, queue.ErrConflict) {
			return err
		}
		if err := pause.Wait(ctx); err != nil {
			return storeError(err)
		}
	}
}

func (s *Service) try(ctx context.Context, r *Record, revision uint64, f changeFunc, along alongFunc) error {
	now := s.now()
	before := r.Status
	s.noteTaken(r)
	kind, err := f(r, now)
	if err != nil {
		return err
	}
	r.noteEnd(before, now)
	if r.Status != StatusPending {
		r.Text = nil // no message of it goes out any more
	}
	announced := kind != "" && r.CallbackURL != ""
	tx, settled, err := s.changeTx(r, revision, now, kind, announced)
	if announced && errors.Is(err, queue.ErrFull) {
		// No room for the callback is no reason to refuse a user's login, or a carrier's receipt.
		s.untold(r, kind)
		tx, settled, err = s.changeTx(r, revision, now, kind, false)
	}
	if err == nil && along != nil {
		err = along(tx, r, now)
	}
	if err == nil {
		err = s.Queue.Commit(ctx, tx)
	}
	settled(err == nil || errors.Is(err, queue.ErrUnknown))
	if err == nil {
		s.publish(r, kind, now)
	}
	if err == nil && kind == OtpChange && r.Status != StatusPending {
		s.ended(r)
	}
	if err == nil || errors.Is(err, queue.ErrConflict) {
		return err
	}
	return storeError(err)
}

// ended tells whoever listens that an OTP has ended.
func (s *Service) ended(r *Record) {
	s.Log.Info().Str("app", r.App).Str("otp", r.ID).Str("status", string(r.Status)).Int("guesses", r.Failed).Msg("otp ended")
	if s.Ended != nil {
		s.Ended(r)
	}
}

// changeTx is the transaction of a change: the record, and its event where one is to be told. settled is to
// be told whether it may be stored.
func (s *Service) changeTx(r *Record, revision uint64, now time.Time, kind EventKind, announce bool) (tx *queue.Tx, settled func(bool), err error) {
	settled = func(bool) {}
	var event Event
	if announce {
		r.Announced++
		if event, err = s.event(r, kind, now); err != nil {
			return nil, settled, err
		}
	}
	data, err := r.encode()
	if err != nil {
		return nil, settled, internal(err)
	}
	tx = s.Queue.Begin().Update(s.Queue.Records(), r.ID, data, s.ttl(r, now), revision)
	if announce {
		if settled, err = s.announce(tx, &event); err != nil {
			return nil, settled, internal(err)
		}
	}
	if err := tx.Err(); err != nil {
		settled(false)
		r.Announced-- // for another try without it
		return nil, func(bool) {}, err
	}
	return tx, settled, nil
}

func (s *Service) announce(tx *queue.Tx, e *Event) (settled func(bool), err error) {
	if s.Announce != nil {
		return s.Announce(tx, e)
	}
	return func(bool) {}, e.Store(tx)
}

// untold counts a change whose callback found no room.
func (s *Service) untold(r *Record, kind EventKind) {
	s.Untold.Add(1)
	s.Log.Warn().Str("app", r.App).Str("otp", r.ID).Str("event", string(kind)).
		Msg("no room for a callback: the application has too many that wait; this one is dropped")
}
