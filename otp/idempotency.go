package otp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

// undoTimeout bounds the removal of the key of a request that came to nothing.
const undoTimeout = 2 * time.Second

// How CreateOnce works.
const (
	answerAge   = 24 * time.Hour
	answerLease = 15 * time.Second // after which who began is taken for dead: a request ends in ten
	answerWait  = 3 * time.Second  // for the first request's answer
	answerPause = 50 * time.Millisecond
	MaxOnceKey  = 255 // characters
)

// firstRequest is what the store has of an idempotency key, under a name that tells neither key nor
// application.
type firstRequest struct {
	Body   string    `json:"body"`  // name of the body
	OtpID  string    `json:"otpId"` // that it makes
	Since  time.Time `json:"since"`
	Answer []byte    `json:"answer,omitempty"` // the Otp, sealed; none while the request is under way
}

// CreateOnce is Create for a request that may come again with the same key of the application: within a day
// it makes one OTP, whatever number of daemons get it, and at once or later, and each time returns the first
// answer. Another body under the same key is CodeDuplicateID, and so is a request whose first is still under
// way after a wait of three seconds; Reset is set then. A request that failed leaves nothing, so it may be
// made again. Should the daemon die on it, the next one with the key finishes it (after 15 s; at once where
// the store did not answer this daemon): where the record was stored, so was the message, and nothing is sent
// twice.
func (s *Service) CreateOnce(ctx context.Context, app *App, key string, body []byte, n NewOtp) (o Otp, replayed bool, err error) {
	name := s.Box.Name("once:"+app.Name, key)
	asked := s.Box.Name("body:"+app.Name, string(body))
	for deadline := time.Now().Add(answerWait); ; {
		first := firstRequest{Body: asked, OtpID: uuid.NewString(), Since: s.now()}
		revision, kept := s.beginFirst(ctx, app, name, first)
		if kept == nil {
			o, err := s.createFirst(ctx, app, n, name, first, revision)
			return o, false, err
		}
		if !errors.Is(kept, queue.ErrConflict) && !errors.Is(kept, queue.ErrFull) { // what is there is answered without room, too
			return Otp{}, false, storeError(kept)
		}
		first, revision, err = s.readFirst(ctx, name)
		switch {
		case errors.Is(err, queue.ErrNotFound) && errors.Is(kept, queue.ErrFull):
			return Otp{}, false, storeError(kept)
		case errors.Is(err, queue.ErrNotFound): // it failed meanwhile
			continue
		case err != nil:
			return Otp{}, false, storeError(err)
		case first.Body != asked:
			return Otp{}, false, &Error{Code: CodeDuplicateID, Message: "The Idempotency-Key was used with another request body"}
		case first.Answer != nil:
			o, err := s.openAnswer(name, first)
			return o, true, err
		case s.now().Sub(first.Since) > answerLease, s.gaveUp.take(first.OtpID):
			return s.takeOver(ctx, app, n, name, first, revision)
		case time.Now().After(deadline):
			return Otp{}, false, &Error{Code: CodeDuplicateID, Message: "The first request with this Idempotency-Key is still under way", Reset: s.now().Add(time.Second)}
		}
		if err := backoff.Sleep(ctx, answerPause); err != nil {
			return Otp{}, false, storeError(err)
		}
	}
}

// createFirst makes the OTP and keeps the answer. When only the latter fails the OTP is there all the same,
// and so is its answer; another request would find it by its id.
func (s *Service) createFirst(ctx context.Context, app *App, n NewOtp, name string, first firstRequest, revision uint64) (Otp, error) {
	o, err := s.create(ctx, app, n, first.OtpID)
	if errors.Is(err, queue.ErrConflict) {
		if r, _, loadErr := s.load(ctx, first.OtpID, app.Name); loadErr == nil { // another has made it meanwhile
			o, err = s.show(r, s.now()), nil
		}
	}
	switch {
	case err == nil:
		s.keyed.add(app.Name, first.Since.Add(answerAge))
		s.keepAnswer(ctx, name, first, revision, o)
	case errors.Is(err, queue.ErrUnknown):
		s.leaveFirst(ctx, name, first, revision)
	default:
		s.forgetFirst(ctx, name, first, revision)
	}
	return o, err
}

// takeOver finishes what a daemon that died began. The lease starts again, so that one of many does it. The
// OTP keeps the id that it was to have: should the other live after all, be it slow or its clock another, one
// of the two makes it, and both answer with that one.
func (s *Service) takeOver(ctx context.Context, app *App, n NewOtp, name string, first firstRequest, revision uint64) (Otp, bool, error) {
	r, _, err := s.load(ctx, first.OtpID, app.Name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Otp{}, false, err
	}
	there := err == nil
	first.Since = s.now()
	if revision, err = s.keepFirst(ctx, name, first, revision); err != nil {
		return Otp{}, false, storeError(err)
	}
	if !there {
		o, err := s.createFirst(ctx, app, n, name, first, revision)
		return o, false, err
	}
	o := s.show(r, s.now())
	s.keepAnswer(ctx, name, first, revision, o)
	return o, true, nil
}

// beginFirst keeps the key of a new request.
func (s *Service) beginFirst(ctx context.Context, app *App, name string, first firstRequest) (revision uint64, err error) {
	if err := s.keyRoom(app, first.Since); err != nil {
		return 0, err
	}
	return s.keepFirst(ctx, name, first, 0)
}

// keepFirst stores what is known of a request; revision is what it was read at, 0 when it is new. Where the
// store does not answer, it may be stored all the same, and nobody is at it then.
func (s *Service) keepFirst(ctx context.Context, name string, first firstRequest, revision uint64) (uint64, error) {
	data, err := json.Marshal(first)
	if err != nil {
		return 0, err
	}
	if revision == 0 {
		revision, err = s.Queue.Answers().Create(ctx, name, data, answerAge)
	} else {
		revision, err = s.Queue.Answers().Update(ctx, name, data, answerAge, revision)
	}
	if errors.Is(err, queue.ErrUnavailable) {
		s.gaveUp.add(first.OtpID)
	}
	return revision, err
}

func (s *Service) readFirst(ctx context.Context, name string) (first firstRequest, revision uint64, err error) {
	e, err := s.Queue.Answers().Latest(ctx, name)
	if err == nil {
		err = json.Unmarshal(e.Value, &first)
	}
	return first, e.Revision, err
}

func (s *Service) keepAnswer(ctx context.Context, name string, first firstRequest, revision uint64, o Otp) {
	data, err := json.Marshal(o)
	if err == nil {
		first.Answer = s.Box.Seal(data, "once:"+name)
		_, err = s.keepFirst(ctx, name, first, revision)
	}
	if err != nil {
		s.Log.Warn().Err(err).Str("otp", o.OtpID).Msg("answer not kept for a repeated request")
	}
}

func (s *Service) openAnswer(name string, first firstRequest) (o Otp, err error) {
	data, err := s.Box.Open(first.Answer, "once:"+name)
	if err != nil {
		return Otp{}, sealError(first.OtpID, err)
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return Otp{}, internal(fmt.Errorf("kept answer of %s: %w", first.OtpID, err))
	}
	return o, nil
}

// leaveFirst lets the request be taken over at once, under the same id, for it may be that the OTP is made.
func (s *Service) leaveFirst(ctx context.Context, name string, first firstRequest, revision uint64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	first.Since = time.Time{}
	if _, err := s.keepFirst(ctx, name, first, revision); err != nil {
		s.Log.Warn().Err(err).Msg("key of a request of unknown outcome not left; for other daemons it is after 15 s")
	}
}

// forgetFirst lets the request be made again.
func (s *Service) forgetFirst(ctx context.Context, name string, first firstRequest, revision uint64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	if err := s.Queue.Answers().DeleteRevision(ctx, name, revision); err != nil {
		s.gaveUp.add(first.OtpID)
		s.Log.Warn().Err(err).Msg("key of a refused request not forgotten; for other daemons it is after 15 s")
	}
}
