package otp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// undoTimeout bounds the removal of a record whose message could not be stored.
const undoTimeout = 2 * time.Second

// Create makes an OTP and stores its record, its timers where any are wanted, and its message, in that order; it returns
// when all are stored. On an error nothing is left but, at worst, a record that nobody knows the id of.
func (s *Service) Create(ctx context.Context, app *App, n NewOtp) (Otp, error) {
	return s.create(ctx, app, n, uuid.NewString())
}

// create makes the OTP under a given id.
func (s *Service) create(ctx context.Context, app *App, n NewOtp, id string) (Otp, error) {
	testPIN, test := app.TestNumbers[n.Phone.E164]
	route, ok := s.Route(n.Phone.E164)
	if !ok && !test {
		return Otp{}, &Error{Code: CodeNoCoverage, Message: "No coverage for this destination"}
	}
	now := s.now()
	pin := newPIN(n.PINType, n.PINLength)
	limits := app.SendLimits
	if n.PIN != "" {
		pin, testPIN, n.PINType = n.PIN, n.PIN, typeOf(n.PIN)
	}
	if test {
		pin, n.PINType, limits = testPIN, typeOf(testPIN), nil
	}
	r := s.newRecord(app, n, id, route, pin, now)
	message, err := s.compose(r, n, pin)
	if err != nil {
		return Otp{}, err
	}
	r.Delivery = newDelivery(r.Parts, r.Created)
	if r.Test = test; !test {
		if s.Price != nil {
			r.Price = s.Price(r.Phone)
		}
		if r.Risk, err = s.judge(ctx, app, n.Phone, now); err != nil {
			return Otp{}, err
		}
	}
	if err := s.spend(ctx, sends, app, r.Phone, limits); err != nil {
		return Otp{}, err
	}
	if err := s.storeNew(ctx, app, r, message, now); err != nil {
		s.refund(ctx, sends, app, r.Phone, limits)
		return Otp{}, storeError(err)
	}
	s.watched(app, r, 1, 0)
	s.Log.Info().Str("app", r.App).Str("otp", r.ID).Str("to", maskPhone(r.Phone)).Str("country", r.Country).Str("route", r.Route).
		Int("parts", r.Parts).Str("encoding", r.Encoding).Msg("otp created")
	return r.view(now), nil
}

// newRecord: the API shows whole seconds, so the record has them, and dateExpires is exactly ttl after dateCreated.
func (s *Service) newRecord(app *App, n NewOtp, id, route, pin string, now time.Time) *Record {
	created := now.UTC().Truncate(time.Second)
	return &Record{
		ID: id, App: app.Name, TrackID: n.TrackID,
		Message: messageID(id, 0), Route: route, Phone: n.Phone.E164, Country: n.Phone.Country, From: n.From, Language: n.Language,
		Status: StatusPending, PIN: s.Box.Seal([]byte(upper(pin)), pinContext(id)), PINType: n.PINType, OwnPIN: n.PIN != "", MaxAttempts: n.MaxAttempts,
		TTL: int(n.TTL / time.Second), Created: created, Expires: created.Add(n.TTL), LastSent: now.UTC(),
		CallbackURL: n.CallbackURL,
	}
}

// compose writes the message, measures it as it goes out (the PIN may push it over the end of a part), and keeps it in the
// record.
func (s *Service) compose(r *Record, n NewOtp, pin string) (string, error) {
	measure := func(text string) int {
		parts, _ := s.Measure(r.Route, text)
		return parts
	}
	message, err := n.append(render(n.Template, pin), pin, measure)
	if err != nil {
		return "", err
	}
	r.Parts, r.Encoding = s.Measure(r.Route, message)
	if r.Parts < 1 || r.Parts > MaxParts {
		return "", &Error{Code: CodeTemplate, Message: fmt.Sprintf("The text of 'template' is too long: at most %d parts", MaxParts)}
	}
	r.Text = s.Box.Seal([]byte(message), textContext(r.ID))
	return message, nil
}

func (s *Service) storeNew(ctx context.Context, app *App, r *Record, message string, now time.Time) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	revision, err := s.Queue.Records().Create(ctx, r.ID, data, r.ttl(now))
	if err != nil {
		return err
	}
	s.recent.put(r, revision)
	if err = s.storeRest(ctx, app, r, message); err != nil {
		s.undo(ctx, r)
	}
	return err
}

// storeRest stores what goes with a record. All of it has ids, so a second time changes nothing.
func (s *Service) storeRest(ctx context.Context, app *App, r *Record, message string) error {
	err := s.storeTimer(ctx, r)
	if err == nil && app.ResendAfter > 0 && app.MaxResends > 0 && !r.Test {
		err = s.storeResendTimer(ctx, r, r.LastSent.Add(app.ResendAfter))
	}
	if err == nil {
		err = s.publish(ctx, r, message)
	}
	return err
}

// storeTimer: where nobody is to be told, the clock is enough.
func (s *Service) storeTimer(ctx context.Context, r *Record) error {
	if r.CallbackURL == "" {
		return nil
	}
	data, err := json.Marshal(timer{OtpID: r.ID, Due: r.Expires})
	if err != nil {
		return err
	}
	return s.Queue.Schedule(ctx, r.ID, r.Expires, data)
}

// undo removes the record also when the request's time is up. The timer finds no record and ends there.
func (s *Service) undo(ctx context.Context, r *Record) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	s.recent.forget(r.ID)
	if err := s.Queue.Records().Delete(ctx, r.ID); err != nil {
		s.Log.Warn().Err(err).Str("otp", r.ID).Msg("record of a refused otp not removed; it goes at its end")
	}
}
