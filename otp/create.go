package otp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"otpgw/queue"
)

// undoTimeout bounds the removal of a record whose message could not be stored.
const undoTimeout = 2 * time.Second

// Create makes an OTP and stores its record, its timer where a callback is wanted, and its message, in that order; it returns
// when all are stored. On an error nothing is left but, at worst, a record that nobody knows the id of.
func (s *Service) Create(ctx context.Context, app *App, n NewOtp) (Otp, error) {
	route, ok := s.Route(n.Phone.E164)
	if !ok {
		return Otp{}, &Error{Code: CodeNoCoverage, Message: "No coverage for this destination"}
	}
	now := s.now()
	pin := newPIN(n.PINType, n.PINLength)
	message := render(n.Template, pin)
	r := s.newRecord(app, n, route, pin, now)
	// Measured as it goes out: the PIN may push it over the end of a part.
	r.Parts, r.Encoding = s.Measure(route, message)
	if r.Parts < 1 || r.Parts > MaxParts {
		return Otp{}, &Error{Code: CodeTemplate, Message: fmt.Sprintf("The text of 'template' is too long: at most %d parts", MaxParts)}
	}
	r.Delivery = newDelivery(r.Parts, r.Created)
	if err := s.storeNew(ctx, r, message, app.TLVs, now); err != nil {
		return Otp{}, storeError(err)
	}
	s.Log.Info().Str("app", r.App).Str("otp", r.ID).Str("to", maskPhone(r.Phone)).Str("country", r.Country).Str("route", r.Route).
		Int("parts", r.Parts).Str("encoding", r.Encoding).Msg("otp created")
	return r.view(now), nil
}

// newRecord: the API shows whole seconds, so the record has them, and dateExpires is exactly ttl after dateCreated.
func (s *Service) newRecord(app *App, n NewOtp, route, pin string, now time.Time) *Record {
	id := uuid.NewString()
	created := now.UTC().Truncate(time.Second)
	return &Record{
		ID: id, App: app.Name, TrackID: n.TrackID,
		Message: uuid.NewString(), Route: route, Phone: n.Phone.E164, Country: n.Phone.Country, From: n.From, Language: n.Language,
		Status: StatusPending, PIN: s.Box.Seal([]byte(pin), pinContext(id)), PINType: n.PINType, MaxAttempts: n.MaxAttempts,
		TTL: int(n.TTL / time.Second), Created: created, Expires: created.Add(n.TTL),
		CallbackURL: n.CallbackURL,
	}
}

func (s *Service) storeNew(ctx context.Context, r *Record, message string, tlvs map[uint16][]byte, now time.Time) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	revision, err := s.Queue.Records().Create(ctx, r.ID, data, r.ttl(now))
	if err != nil {
		return err
	}
	s.recent.put(r, revision)
	err = s.storeTimer(ctx, r)
	if err == nil {
		err = s.Queue.PublishSMS(ctx, queue.Outbound{
			ID: r.Message, Ref: r.ID, Route: r.Route, From: r.From, To: r.Phone,
			Text:    s.Box.Seal([]byte(message), queue.TextContext(r.Message)),
			TLVs:    tlvs,
			Created: r.Created, Expires: r.Expires,
		})
	}
	if err != nil {
		s.undo(ctx, r)
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
