package otp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/queue"
)

// Resend sends a pending OTP's message again, with the same PIN: users type the first code that arrives, and
// a new one would void it. At most MaxResends times, and no sooner than ResendInterval after the last
// message: else CodeRateLimit. It counts as a send to the number.
func (s *Service) Resend(ctx context.Context, app *App, id string) (Otp, error) {
	r, err := s.resend(ctx, app, id, asked)
	if err != nil {
		return Otp{}, err
	}
	s.Log.Info().Str("app", r.App).Str("otp", r.ID).Int("resends", r.Resends).Str("avoid", r.avoid()).Msg("otp sent again")
	return s.show(r, s.now()), nil
}

// Who wants a message sent again.
type origin bool

const (
	asked   origin = false
	byTimer origin = true
)

// errEnough: nothing is to be sent again by itself.
var errEnough = errors.New("otp: not to be sent again")

// resend changes the record and stores the message, the use of the number and the next timer in one
// transaction.
func (s *Service) resend(ctx context.Context, app *App, id string, by origin) (*Record, error) {
	r, _, err := s.load(ctx, id, app.Name)
	if err != nil {
		return nil, err
	}
	if !r.Test {
		if err := s.willing(app, r.Phone); err != nil {
			return nil, err
		}
	}
	if err := r.mayResend(app, s.now(), by); err != nil {
		return nil, err
	}
	route, err := s.routeOf(r) // which may be another one by now: routes are changed while OTPs live
	if err != nil && !r.Test {
		return nil, err
	}
	if _, err := s.Box.Open(r.Text, queue.TextContext(r.ID)); err != nil {
		return nil, sealError(r.ID, err) // no link could open it either
	}
	back, err := s.takeQuotas(ctx, app, r)
	if err != nil {
		return nil, err
	}
	r, err = s.storeAgain(ctx, app, r.ID, route, by)
	if err != nil && !errors.Is(err, queue.ErrUnknown) {
		back()
	}
	if err == nil {
		err = s.arrive(ctx, r)
	}
	return r, storeErrorOrNil(err)
}

// storeAgain makes the record that of one more message, and stores it with the message, the use of the number
// and the next timer.
func (s *Service) storeAgain(ctx context.Context, app *App, id, route string, by origin) (again *Record, err error) {
	err = s.changeAlong(ctx, id, app.Name, func(current *Record, now time.Time) (EventKind, error) {
		if err := current.mayResend(app, now, by); err != nil {
			return "", err
		}
		current.again(now)
		current.Route = route
		current.note(step{Kind: stepAgain, N: current.Resends, Self: by == byTimer}, now)
		again = current
		if by == byTimer {
			return DlrChange, nil // nobody asked, so nobody has the answer
		}
		return "", nil
	}, func(tx *queue.Tx, r *Record, _ time.Time) error {
		if !r.Test {
			if err := s.addUse(tx, app, use{sends, r.Phone, app.SendLimits}); err != nil {
				return err
			}
		}
		if by == byTimer && r.Resends < app.MaxResends {
			s.resendTimer(tx, r, r.LastSent.Add(max(app.ResendAfter, app.ResendInterval)))
		}
		s.send(tx, r)
		return tx.Err()
	})
	return again, err
}

// mayResend is nil, an error for the caller, or errEnough for the timer.
func (r *Record) mayResend(app *App, now time.Time, by origin) error {
	if err := r.statusAt(now).closed(); err != nil {
		return err
	}
	if by == byTimer && r.Delivery.Status == DeliveryDelivered {
		return errEnough
	}
	if len(r.Text) == 0 || r.Resends >= app.MaxResends {
		return &Error{Code: CodeRateLimit, Message: fmt.Sprintf("The OTP may be sent again at most %d times", app.MaxResends), Limit: app.MaxResends, Reset: r.Expires}
	}
	if next := r.LastSent.Add(app.ResendInterval); now.Before(next) {
		return &Error{Code: CodeRateLimit, Message: fmt.Sprintf("The OTP may be sent again %s after the last message at the earliest", limit.Words(app.ResendInterval)), Limit: 1, Reset: next}
	}
	return nil
}

// again makes the record that of one more message.
func (r *Record) again(now time.Time) {
	r.Others = append(r.Others, sentMessage{r.Message, r.Link, r.Delivery})
	r.Resends++
	r.Message, r.Link, r.LastSent = messageID(r.ID, r.Resends), "", now
	r.Delivery, r.Held = newDelivery(r.Parts, now.UTC().Truncate(time.Second)), false
}

// resendSuffix ends the id of a timer that sends a message again; without it a timer is of the end of a PIN.
const resendSuffix = "-resend"

// resendTimer: a later one replaces an earlier one.
func (s *Service) resendTimer(tx *queue.Tx, r *Record, at time.Time) {
	if at.Before(r.Expires) {
		tx.Timer(r.ID+resendSuffix, at, nil)
	}
}

// resendSoon is stored with the failure of a message.
func (s *Service) resendSoon(tx *queue.Tx, r *Record, now time.Time) error {
	app := s.app(r.App)
	if !r.Delivery.Status.failed() || app == nil || app.ResendAfter == 0 || r.Resends >= app.MaxResends || r.Status != StatusPending || r.Test {
		return nil
	}
	at := r.LastSent.Add(app.ResendInterval)
	if at.Before(now) {
		at = now
	}
	s.resendTimer(tx, r, at)
	return nil
}

// resendDue is what the timer does: another message, unless the last one arrived, nothing more is allowed, or
// it is too soon: then again says when. The next timer is stored with the message.
func (s *Service) resendDue(ctx context.Context, id string) (again time.Time, err error) {
	r, _, err := s.load(ctx, id, "")
	if err != nil {
		return again, err
	}
	app := s.app(r.App)
	if app == nil || app.ResendAfter == 0 {
		return again, s.tellHeld(ctx, id)
	}
	due := r.LastSent.Add(app.ResendAfter)
	if r.Delivery.Status.failed() {
		due = r.LastSent.Add(app.ResendInterval)
	}
	if s.now().Before(due) {
		return due, nil
	}
	r, err = s.resend(ctx, app, id, byTimer)
	var e *Error
	switch {
	case err == nil:
		s.Log.Info().Str("app", r.App).Str("otp", r.ID).Int("resends", r.Resends).Str("avoid", r.avoid()).Msg("otp sent again by itself")
		return again, nil
	case errors.Is(err, errEnough), errors.As(err, &e) && e.Code != CodeUnavailable && e.Code != CodeInternal:
		return again, s.tellHeld(ctx, id) // nothing follows
	}
	return again, err
}
