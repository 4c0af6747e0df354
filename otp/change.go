package otp

import (
	"context"
	"errors"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// changeFunc changes a record it was given, read just now. kind names what is to be announced, "" nothing. errNoChange ends
// the change with no error; it is called again for each try.
type changeFunc func(r *Record, now time.Time) (kind EventKind, err error)

// change is the one way a stored record changes: read, compute, announce as an intent, compare-and-set, and from the start
// when another was faster. app "" is any. The first try may be on a record remembered from before: only its success counts.
func (s *Service) change(ctx context.Context, id, app string, f changeFunc) error {
	if r, revision, ok := s.recent.get(id); ok && (app == "" || r.App == app) {
		if s.try(ctx, r, revision, f) == nil {
			return nil
		}
		s.recent.forget(id)
	}
	var pause backoff
	for {
		r, revision, err := s.load(ctx, id, app)
		if err != nil {
			return err
		}
		err = s.try(ctx, r, revision, f)
		if errors.Is(err, errNoChange) {
			return nil
		}
		if !errors.Is(err, queue.ErrConflict) {
			return err
		}
		if err := pause.wait(ctx); err != nil {
			return storeError(err)
		}
	}
}

func (s *Service) try(ctx context.Context, r *Record, revision uint64, f changeFunc) error {
	now := s.now()
	kind, err := f(r, now)
	if err != nil {
		return err
	}
	if kind != "" && r.CallbackURL != "" {
		if err := s.intend(ctx, r, kind, revision, now); err != nil {
			return storeError(err)
		}
	}
	if s.beforeStore != nil {
		if err := s.beforeStore(r); err != nil {
			return err
		}
	}
	err = s.store(ctx, r, revision, now)
	if err == nil || errors.Is(err, queue.ErrConflict) {
		return err
	}
	return storeError(err)
}
