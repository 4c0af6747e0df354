package otp

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/limit"
)

// wantLimit checks a refusal: its message, and when it ends.
func wantLimit(t testing.TB, err error, message string, limit int, in time.Duration, now time.Time) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeRateLimit || !strings.Contains(e.Message, message) || e.Limit != limit {
		t.Errorf("%+v, want a limit of %d with %q", e, limit, message)
		return
	}
	if wait := e.Reset.Sub(now); wait > in || wait < in-10*time.Second {
		t.Errorf("%s: until %v, want %v", message, wait, in)
	}
}

func (b *bench) try(body string) error {
	n, err := b.ParseNewOtp([]byte(body), b.app)
	if err == nil {
		_, err = b.Create(context.Background(), b.app, n)
	}
	return err
}

// TestSendLimit: over two services on one store, with many at once: exactly as many as allowed; another
// number and another application are not concerned, and time heals.
func TestSendLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.app.SendLimits = limit.Limits{{Max: 5, Per: 10 * time.Minute}, {Max: 7, Per: 24 * time.Hour}}
	other := &bench{app: b.app, clock: b.clock, Service: &Service{Queue: b.Queue, Box: b.Box, Measure: measure, Now: b.Now, Route: b.Route, Log: b.Log}}
	var good atomic.Int64
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			err := []*bench{b, other}[i%2].try(french)
			if err == nil {
				good.Add(1)
			} else if codeOf(err) != CodeRateLimit {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if good.Load() != 5 {
		t.Errorf("%d were sent, the limit is 5", good.Load())
	}
	wantLimit(t, b.try(french), "Too many messages to this phone number: at most 5 in 10 minutes", 5, 10*time.Minute, b.now())
	wantCode(t, "another number", b.try(`{"phoneNumber":"+33612345679"}`), 0)
	another := *b.app
	another.Name = "another"
	n, _ := b.ParseNewOtp([]byte(french), &another)
	_, err := b.Create(context.Background(), &another, n)
	wantCode(t, "another application", err, 0)
	b.clock.advance(10*time.Minute + time.Second)
	for range 2 {
		wantCode(t, "after ten minutes", b.try(french), 0)
	}
	wantLimit(t, b.try(french), "at most 7 in 1 day", 7, 24*time.Hour-10*time.Minute, b.now())
	if e, err := b.Queue.Numbers().Get(context.Background(), "send."+b.Box.Name("send:demo", "+33612345678")); err != nil || strings.Contains(string(e.Value), "612345678") {
		t.Errorf("%s, %v", e.Value, err)
	}
}

// TestSendLimitRefund: what was not sent does not count.
func TestSendLimitRefund(t *testing.T) {
	b := newBench(t)
	b.app.SendLimits = limit.Limits{{Max: 2, Per: time.Hour}}
	route := b.Route
	b.Route = func(Traffic) (string, error) { return "no such queue", nil }
	for range 5 {
		if err := b.try(french); err == nil || codeOf(err) == CodeRateLimit {
			t.Fatal(err)
		}
	}
	b.Route = route
	wantCode(t, "then", b.try(french), 0)
}

// TestTryLimit: guesses count over all OTPs of a number, and one refused costs the OTP no attempt.
func TestTryLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.app.TryLimits, b.app.MaxAttempts = limit.Limits{{Max: 4, Per: time.Hour}}, 3
	first, second := b.create(t, french), b.create(t, french)
	for range 3 {
		_ = b.verify(first.OtpID, wrong(b.pin(t, first.OtpID)))
	}
	wantCode(t, "first of the second", b.verify(second.OtpID, wrong(b.pin(t, second.OtpID))), CodeWrongPIN)
	for range 10 {
		wantLimit(t, b.verify(second.OtpID, b.pin(t, second.OtpID)), "Too many tries to verify this phone number: at most 4 in 1 hour", 4, time.Hour, b.now())
	}
	if r := b.record(t, second.OtpID); r.Reserved != 1 || r.Failed != 1 || r.Status != StatusPending {
		t.Errorf("%d reserved, %d failed, %s", r.Reserved, r.Failed, r.Status)
	}
	if n := b.Evaluated.Load(); n != 4 {
		t.Errorf("%d evaluated", n)
	}
	third := b.create(t, `{"phoneNumber":"+33612345679"}`)
	wantCode(t, "another number", b.verify(third.OtpID, b.pin(t, third.OtpID)), 0)
}

// TestTryLimitParallel: many guesses at once over many OTPs of a number are as many as allowed.
func TestTryLimitParallel(t *testing.T) {
	b := newBench(t)
	b.app.TryLimits, b.app.MaxAttempts = limit.Limits{{Max: 7, Per: time.Hour}}, 5
	var wg sync.WaitGroup
	for range 4 {
		o := b.create(t, french)
		pin := wrong(b.pin(t, o.OtpID))
		for range 10 {
			wg.Go(func() { _ = b.verify(o.OtpID, pin) })
		}
	}
	wg.Wait()
	if n := b.Evaluated.Load(); n != 7 {
		t.Errorf("%d evaluated, the limit is 7", n)
	}
}
