package otp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/queue"
)

// Resend sends a pending OTP's message again, with the same PIN: users type the first code that arrives, and a new one would
// void it. At most MaxResends times, and no sooner than ResendInterval after the last message: else CodeRateLimit. It counts
// as a send to the number.
func (s *Service) Resend(ctx context.Context, app *App, id string) (Otp, error) {
	r, err := s.resend(ctx, app, id, asked)
	if err != nil {
		return Otp{}, err
	}
	s.Log.Info().Str("app", r.App).Str("otp", r.ID).Int("resends", r.Resends).Str("avoid", r.avoid()).Msg("otp sent again")
	return r.view(s.now()), nil
}

// Who wants a message sent again.
type origin bool

const (
	asked   origin = false
	byTimer origin = true
)

// errEnough: nothing is to be sent again by itself.
var errEnough = errors.New("otp: not to be sent again")

// resend changes the record first, and then stores the message under an id that follows from the OTP and its count, as Create
// does. When the message cannot be stored the change is taken back.
func (s *Service) resend(ctx context.Context, app *App, id string, by origin) (*Record, error) {
	r, _, err := s.load(ctx, id, app.Name)
	if err != nil {
		return nil, err
	}
	if err := r.mayResend(app, s.now(), by); err != nil {
		return nil, err
	}
	text, err := s.Box.Open(r.Text, textContext(r.ID))
	if err != nil {
		return nil, sealError(r.ID, err)
	}
	limits := app.SendLimits
	if r.Test {
		limits = nil
	}
	if err := s.spend(ctx, sends, app, r.Phone, limits); err != nil {
		return nil, err
	}
	err = s.change(ctx, r.ID, app.Name, func(now *Record, at time.Time) (EventKind, error) {
		if err := now.mayResend(app, at, by); err != nil {
			return "", err
		}
		now.again(at)
		r = now
		if by == byTimer {
			return DlrChange, nil // nobody asked, so nobody has the answer
		}
		return "", nil
	})
	if err == nil {
		if err = s.publish(ctx, r, string(text)); err != nil {
			s.takeBack(ctx, r)
		}
	}
	if err != nil {
		s.refund(ctx, sends, app, r.Phone, limits)
		return nil, storeError(err)
	}
	return r, nil
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
		return &Error{Code: CodeRateLimit, Message: fmt.Sprintf("The OTP may be sent again %s after the last message at the earliest", words(app.ResendInterval)), Limit: 1, Reset: next}
	}
	return nil
}

// again makes the record that of one more message.
func (r *Record) again(now time.Time) {
	r.Others = append(r.Others, sentMessage{r.Message, r.Link, r.Delivery})
	r.Resends++
	r.Message, r.Link, r.LastSent = messageID(r.ID, r.Resends), "", now
	r.Delivery = newDelivery(r.Parts, now.UTC().Truncate(time.Second))
}

// avoid is the link that carried the OTP's last message.
func (r *Record) avoid() string {
	if r.Link == "" && len(r.Others) > 0 {
		return r.Others[len(r.Others)-1].Link
	}
	return r.Link
}

// takeBack undoes again, unless the record has moved on.
func (s *Service) takeBack(ctx context.Context, sent *Record) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	err := s.change(ctx, sent.ID, "", func(r *Record, _ time.Time) (EventKind, error) {
		last := len(r.Others) - 1
		if r.Message != sent.Message || last < 0 {
			return "", errNoChange
		}
		r.Message, r.Link, r.Delivery = r.Others[last].ID, r.Others[last].Link, r.Others[last].Delivery
		r.Others = r.Others[:last]
		r.Resends--
		r.LastSent = r.Created
		return "", nil
	})
	if err != nil {
		s.Log.Warn().Err(err).Str("otp", sent.ID).Msg("message sent again was not stored, and its count stays")
	}
}

// publish stores the record's message for its link; for a test number there is none, and it counts as delivered.
func (s *Service) publish(ctx context.Context, r *Record, text string) error {
	if r.Test {
		return s.Report(ctx, DeliveryReport{OtpID: r.ID, MessageID: r.Message, Status: DeliveryDelivered})
	}
	avoid := ""
	if r.Resends > 0 {
		if avoid = r.avoid(); avoid == "" && s.FirstLink != nil {
			avoid = s.FirstLink(r.Route)
		}
	}
	var tlvs map[uint16][]byte
	if app := s.app(r.App); app != nil {
		tlvs = app.TLVs
	}
	return s.Queue.PublishSMS(ctx, queue.Outbound{
		ID: r.Message, Ref: r.ID, Route: r.Route, From: r.From, To: r.Phone, Avoid: avoid,
		Text:    s.Box.Seal([]byte(text), queue.TextContext(r.Message)),
		TLVs:    tlvs,
		Created: r.LastSent, Expires: r.Expires,
	})
}

// messageID is the id of the nth message of an OTP, from 0, so that one stored twice is stored once.
func messageID(otpID string, n int) string {
	return uuid.NewSHA1(uuid.MustParse(otpID), fmt.Appendf(nil, "message %d", n)).String()
}

func textContext(otpID string) string { return "text:" + otpID }

// storeResendTimer: only where messages are sent again by themselves. A later one replaces an earlier one.
func (s *Service) storeResendTimer(ctx context.Context, r *Record, at time.Time) error {
	if !at.Before(r.Expires) {
		return nil
	}
	data, err := json.Marshal(timer{OtpID: r.ID, Due: at, Resend: true})
	if err != nil {
		return err
	}
	return s.Queue.Schedule(ctx, r.ID+"-resend", at, data)
}

// resendSoon is for a message that failed. Should the daemon die before the timer is stored, the one for a receipt that
// does not come is there.
func (s *Service) resendSoon(ctx context.Context, r *Record) error {
	app := s.app(r.App)
	if app == nil || app.ResendAfter == 0 || r.Resends >= app.MaxResends || r.Status != StatusPending || r.Test {
		return nil
	}
	at := r.LastSent.Add(app.ResendInterval)
	if now := s.now(); at.Before(now) {
		at = now
	}
	return storeErrorOrNil(s.storeResendTimer(ctx, r, at))
}

// resendDue is what the timer does: another message, unless the last one arrived, nothing more is allowed, or it is too soon
// (ErrNotDue, and when). A crash between the change and the message costs that message; the next timer makes another.
func (s *Service) resendDue(ctx context.Context, id string) (again time.Time, err error) {
	r, _, err := s.load(ctx, id, "")
	if err != nil {
		return again, err
	}
	app := s.app(r.App)
	if app == nil || app.ResendAfter == 0 {
		return again, nil
	}
	due := r.LastSent.Add(app.ResendAfter)
	if r.Delivery.Status.failed() {
		due = r.LastSent.Add(app.ResendInterval)
	}
	if s.now().Before(due) {
		return due, ErrNotDue
	}
	r, err = s.resend(ctx, app, id, byTimer)
	var e *Error
	switch {
	case err == nil:
		s.Log.Info().Str("app", r.App).Str("otp", r.ID).Int("resends", r.Resends).Str("avoid", r.avoid()).Msg("otp sent again by itself")
		if r.Resends >= app.MaxResends {
			return again, nil
		}
		return again, storeErrorOrNil(s.storeResendTimer(ctx, r, r.LastSent.Add(max(app.ResendAfter, app.ResendInterval))))
	case errors.Is(err, errEnough), errors.As(err, &e) && e.Code != CodeUnavailable && e.Code != CodeInternal:
		return again, nil
	}
	return again, err
}
