package otp

import (
	"context"
	"errors"
	"fmt"

	"github.com/otpgw/otpgw/queue"
)

// CreateNewest is Create where only the newest code sent to a number is good: the one before it that was made
// by CreateNewest is cancelled, for the same application and number, over all daemons.
func (s *Service) CreateNewest(ctx context.Context, app *App, n NewOtp) (Otp, error) {
	o, err := s.Create(ctx, app, n)
	if err != nil {
		return Otp{}, err
	}
	before, err := s.replaceNewest(ctx, app, n, o.OtpID)
	if err == nil && before != "" {
		err = s.Cancel(ctx, app, before)
	}
	var ended *Error
	if err != nil && !(errors.As(err, &ended) && ended.Code != CodeUnavailable && ended.Code != CodeInternal) { // it has ended already
		// The message is on its way, so the request has not failed.
		s.Log.Warn().Err(err).Str("otp", o.OtpID).Msg("the code before it stays good until its end")
	}
	return o, nil
}

// replaceNewest remembers the newest OTP of a number, and says which was. Each is replaced once, by
// compare-and-set, so of many at once each but the last is cancelled by another.
func (s *Service) replaceNewest(ctx context.Context, app *App, n NewOtp, id string) (before string, err error) {
	name := s.Box.Name("newest:"+app.Name, n.Phone.E164)
	sealed := s.Box.Seal([]byte(id), "newest:"+name)
	pause := retries()
	for {
		e, err := s.Queue.Answers().Latest(ctx, name)
		switch {
		case errors.Is(err, queue.ErrNotFound):
			_, err = s.Queue.Answers().Create(ctx, name, sealed, n.TTL)
		case err == nil:
			_, err = s.Queue.Answers().Update(ctx, name, sealed, n.TTL, e.Revision)
		}
		if errors.Is(err, queue.ErrConflict) {
			if err := pause.Wait(ctx); err != nil {
				return "", storeError(err)
			}
			continue
		}
		if err != nil || e.Revision == 0 {
			return "", storeErrorOrNil(err)
		}
		old, err := s.Box.Open(e.Value, "newest:"+name)
		if err != nil {
			return "", internal(fmt.Errorf("newest code of a number: %w", err))
		}
		return string(old), nil
	}
}
