package otp

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/queue"
)

// timer is the message of a timer.
type timer struct {
	OtpID  string    `json:"otpId"`
	Due    time.Time `json:"due"`
	Resend bool      `json:"resend,omitempty"` // else the PIN expires
}

// How timers are worked off.
const (
	timerWorkers  = 4
	timerPrefetch = 64
	timerTimeout  = 10 * time.Second // of one change
	firstRetry    = time.Second      // after an error; doubles
	longestRetry  = time.Minute
)

// Expire ends an OTP whose time is up, and announces it. Nothing happens to one that is not pending, or gone. ErrNotDue when it
// is too early by the clock.
func (s *Service) Expire(ctx context.Context, id string) error {
	err := s.change(ctx, id, "", func(r *Record, now time.Time) (EventKind, error) {
		switch {
		case r.Status != StatusPending:
			return "", errNoChange
		case now.Before(r.Expires):
			return "", ErrNotDue
		}
		r.Status = StatusExpired
		return OtpChange, nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// RunTimers expires OTPs as their timers fire, until ctx ends; then it finishes what it has in hand and returns nil.
func (s *Service) RunTimers(ctx context.Context) error {
	for retry := firstRetry; ctx.Err() == nil; retry = min(2*retry, longestRetry) {
		worked, err := s.pullTimers(ctx)
		if ctx.Err() != nil || errors.Is(err, queue.ErrStopped) {
			break
		}
		if worked {
			retry = firstRetry
		}
		s.Log.Warn().Err(err).Dur("retry", retry).Msg("timers interrupted")
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
	return nil
}

// pullTimers works until the puller or ctx ends. worked: it got as far as pulling.
func (s *Service) pullTimers(ctx context.Context) (worked bool, err error) {
	p, err := s.Queue.Timers().Pull(ctx, queue.PullOptions{Max: timerPrefetch})
	if err != nil {
		return false, err
	}
	defer p.Stop()
	g, ctx := errgroup.WithContext(ctx)
	for range timerWorkers {
		g.Go(func() error {
			for {
				d, err := p.Next(ctx)
				if err != nil {
					return err
				}
				s.fire(ctx, d)
			}
		})
	}
	return true, g.Wait()
}

// fire handles one timer, to its end also when ctx ends meanwhile. A message that cannot be read is dropped: it names no OTP,
// and those expire by the clock anyway.
func (s *Service) fire(ctx context.Context, d *queue.Delivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timerTimeout)
	defer cancel()
	var t timer
	err := json.Unmarshal(d.Data, &t)
	if err != nil {
		s.Log.Error().Str("subject", d.Subject).Uint64("sequence", d.Sequence).Msg("timer dropped: not readable")
	} else {
		due := t.Due
		if t.Resend {
			due, err = s.resendDue(ctx, t.OtpID)
		} else {
			err = s.Expire(ctx, t.OtpID)
		}
		switch {
		case errors.Is(err, ErrNotDue):
			s.answer(d.Nak(max(due.Sub(s.now()), time.Millisecond)), t)
			return
		case errors.Is(err, ErrNotFound):
		case err != nil:
			s.Log.Warn().Err(err).Str("otp", t.OtpID).Int("attempt", d.Attempt).Bool("resend", t.Resend).Msg("timer's work not done yet")
			s.answer(d.Nak(retryDelay(d.Attempt)), t)
			return
		}
	}
	s.answer(d.Ack(ctx), t)
}

// answer: a timer whose answer is lost comes again, and does nothing then.
func (s *Service) answer(err error, t timer) {
	if err != nil {
		s.Log.Debug().Err(err).Str("otp", t.OtpID).Msg("timer not answered; it comes again")
	}
}

// retryDelay doubles with each attempt, with jitter over its upper half.
func retryDelay(attempt int) time.Duration {
	d := longestRetry
	if shift := max(attempt-1, 0); shift < 6 {
		d = min(firstRetry<<shift, longestRetry)
	}
	return d/2 + rand.N(d/2)
}
