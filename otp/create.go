package otp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/otp/internal/typed"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue"
)

// Create makes an OTP and stores its record, its timers where any are wanted, and its message in one
// transaction: after an error nothing is left.
func (s *Service) Create(ctx context.Context, app *App, n NewOtp) (Otp, error) {
	return s.create(ctx, app, n, uuid.NewString())
}

// create makes the OTP under a given id.
func (s *Service) create(ctx context.Context, app *App, n NewOtp, id string) (Otp, error) {
	testPIN, test := app.TestNumbers[n.Phone.E164]
	now := s.now()
	route, known, err := s.before(ctx, app, n, now)
	if err != nil {
		return Otp{}, err
	}
	code := pin.New(n.PINType, n.PINLength)
	uses := n.uses(app)
	if n.PIN != "" {
		code, testPIN, n.PINType = n.PIN, n.PIN, pin.TypeOf(n.PIN)
	}
	if test {
		code, n.PINType, uses = testPIN, pin.TypeOf(testPIN), nil
	}
	r := s.newRecord(app, n, id, route, code, now)
	r.Network, r.Wanted = known.Network, known.Route
	if s.Trace != nil {
		r.Trace = s.Trace(ctx, id)
	}
	if err = s.compose(app, r, n, code); err != nil {
		return Otp{}, err
	}
	r.Delivery = newDelivery(r.Parts, r.Created)
	if r.Test = test; !test {
		if s.Price != nil {
			r.Price = s.Price(r.Phone, r.Network)
		}
		if r.Risk, err = s.judge(ctx, app, n, known.Risks, now); err != nil {
			return Otp{}, err
		}
	}
	if err = s.room(app, now); err != nil {
		return Otp{}, storeError(err)
	}
	back, err := s.takeQuotas(ctx, app, r)
	if err != nil {
		return Otp{}, err
	}
	if !test {
		s.Queue.Yield(ctx, route, app.Name)
	}
	if err = s.storeNew(ctx, app, r, now, uses); err != nil && !errors.Is(err, queue.ErrUnknown) {
		back()
	}
	if err == nil {
		err = s.arrive(ctx, r)
	}
	if err != nil {
		return Otp{}, storeError(err)
	}
	s.created(app, r, now)
	return s.show(r, now), nil
}

// created tells of an OTP that is stored.
func (s *Service) created(app *App, r *Record, now time.Time) {
	s.publish(r, OtpChange, now)
	s.crowd.add(r.App, now.Add(s.ttl(r, now)))
	s.count(app, r, 1, 0)
	if s.Asked != nil {
		s.Asked(r)
	}
	s.Log.Info().Str("app", r.App).Str("otp", r.ID).Str("to", phone.Mask(r.Phone)).Str("country", r.Country).Str("route", r.Route).
		Int("parts", r.Parts).Str("encoding", r.Encoding).Msg("otp created")
}

// newRecord: the API shows whole seconds, so the record has them, and dateExpires is exactly ttl after
// dateCreated.
func (s *Service) newRecord(app *App, n NewOtp, id, route, pin string, now time.Time) *Record {
	created := now.UTC().Truncate(time.Second)
	ref := ""
	if n.hasRef() {
		ref = reference(id)
	}
	r := &Record{
		ID: id, App: app.Name, TrackID: n.TrackID,
		Message: messageID(id, 0), Route: route, Phone: n.Phone.E164, Country: n.Phone.Country, From: n.From, Language: n.Language,
		Status: StatusPending, PIN: s.Box.Seal([]byte(typed.Upper(pin)), pinContext(id)), PINType: n.PINType, OwnPIN: n.PIN != "", Context: s.sealContext(id, n.Context), Ref: ref, MaxAttempts: n.MaxAttempts,
		TTL: int(n.TTL / time.Second), Created: created, Expires: created.Add(n.TTL), LastSent: now.UTC(),
		CallbackURL: n.CallbackURL,
	}
	r.note(step{Kind: stepAsked}, now)
	return r
}

// compose writes the message, measures it as it goes out (the PIN may push it over the end of a part), and
// seals it into the record, from which each message takes it.
func (s *Service) compose(app *App, r *Record, n NewOtp, pin string) error {
	measure := func(text string) int {
		parts, _ := s.Measure(r.Route, text)
		return parts
	}
	message, err := n.append(n.Render(r.ID, pin), pin, measure)
	if err != nil {
		return err
	}
	if err := registered(app, n, message); err != nil {
		return err
	}
	r.Parts, r.Encoding = s.Measure(r.Route, message)
	if r.Parts < 1 || r.Parts > MaxParts {
		return &Error{Code: CodeTemplate, Message: fmt.Sprintf("The text of 'template' is too long: at most %d parts", MaxParts)}
	}
	r.Text = s.Box.Seal([]byte(message), queue.TextContext(r.ID))
	return nil
}

// storeNew stores an OTP with all that belongs to it: the uses it counts as, its timers and its message.
func (s *Service) storeNew(ctx context.Context, app *App, r *Record, now time.Time, uses []use) error {
	data, err := r.encode()
	if err != nil {
		return err
	}
	return s.commitUses(ctx, app, uses, func(tx *queue.Tx) error {
		tx.Create(s.Queue.Records(), r.ID, data, s.ttl(r, now))
		if r.CallbackURL != "" || s.Ended != nil { // where nobody is to be told, the clock is enough
			tx.Timer(r.ID, r.Expires, nil)
		}
		if app.ResendAfter > 0 && app.MaxResends > 0 && !r.Test {
			s.resendTimer(tx, r, r.LastSent.Add(app.ResendAfter))
		}
		s.send(tx, r)
		return tx.Err()
	})
}
