package otp

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
)

func TestExpiresByTheClock(t *testing.T) {
	b := newBench(t)
	o := b.create(t, french)
	pin := b.pin(t, o.OtpID)
	b.clock.advance(time.Until(o.DateExpires) + time.Millisecond)
	got, err := b.Get(context.Background(), b.app, o.OtpID)
	if err != nil || got.Status != StatusExpired {
		t.Errorf("%+v, %v", got, err)
	}
	wantCode(t, "verify", b.verify(o.OtpID, pin), CodeExpired)
	if b.Evaluated.Load() != 0 {
		t.Error("a dead PIN was compared")
	}
}

func TestExpire(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, french)
	if err := b.Expire(ctx, o.OtpID); !errors.Is(err, ErrNotDue) {
		t.Errorf("early: %v", err)
	}
	b.clock.advance(5 * time.Minute)
	for range 2 { // the second does nothing
		if err := b.Expire(ctx, o.OtpID); err != nil {
			t.Fatal(err)
		}
	}
	if list := b.events(t, 2); list[0].Kind != OtpChange || list[0].otp(t).Status != StatusExpired || list[1].Kind != DlrChange {
		t.Errorf("%+v", list)
	}
	b.noEvent(t, o.OtpID)
	if err := b.Expire(ctx, "bf325375-e030-4ccb-a009-17317c574773"); err != nil {
		t.Errorf("gone: %v", err)
	}
}

// runTimers runs the timers for the time of the test.
func (b *bench) runTimers(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.RunTimers(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("timers: %v", err)
		}
	})
}

// TestTimer: the timer stored by Create fires and ends the OTP, and its delivery, with an event
// each; the one of a verified OTP ends the latter.
func TestTimer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	app := *b.app
	app.TTL = 2 * time.Second // less than the API allows, to see it end; the message needs a second
	n, err := b.ParseNewOtp([]byte(french), &app)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range 2 {
		o, err := b.Create(context.Background(), &app, n)
		if errors.Is(err, queue.ErrExpired) { // created at the end of a second
			o, err = b.Create(context.Background(), &app, n)
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, o.OtpID)
	}
	wantCode(t, "verify", b.verify(ids[1], b.pin(t, ids[1])), 0)
	b.runTimers(t)
	got := make(map[string]bool)
	for _, e := range b.events(t, 4) {
		var item struct{ Status string }
		if err := json.Unmarshal(e.Item, &item); err != nil {
			t.Fatal(err)
		}
		got[e.OtpID+" "+string(e.Kind)+" "+item.Status] = true
	}
	for _, want := range []string{ids[1] + " otp_update VERIFIED", ids[0] + " otp_update EXPIRED", ids[1] + " dlr_update DELIVERED", ids[0] + " dlr_update FAILED"} {
		if !got[want] {
			t.Errorf("no event %s in %v", want, got)
		}
	}
	if s := b.record(t, ids[0]).Status; s != StatusExpired {
		t.Errorf("record: %s", s)
	}
	b.noEvent(t, ids[1])
}

// TestTimerEarly: a timer that fires before its time waits, and one that cannot be read is dropped.
func TestTimerEarly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, french)
	due := time.Now().Add(700 * time.Millisecond)
	b.clock.advance(time.Until(o.DateExpires) - time.Until(due))
	if err := b.Queue.Commit(ctx, b.Queue.Begin().Timer("broken", b.Queue.Now(), nil).Timer(o.OtpID, b.Queue.Now(), nil)); err != nil {
		t.Fatal(err)
	}
	b.runTimers(t)
	b.events(t, 2)
	if early := time.Until(due); early > 0 {
		t.Errorf("expired %s too early", early)
	}
}

// TestTimerOnlyWhereToldOf: no timer without a callback.
func TestTimerOnlyWhereToldOf(t *testing.T) {
	b := newBench(t)
	b.app.CallbackURL = ""
	b.create(t, french)
	if n := b.stored(t, "timer"); n != 0 {
		t.Errorf("%d timers", n)
	}
}

// TestRetentionMayChange: how long an OTP is known is asked for each time, so a reload changes it.
func TestRetentionMayChange(t *testing.T) {
	now := time.Now()
	retention := time.Minute
	s := &Service{Now: func() time.Time { return now }, Retention: func() time.Duration { return retention }}
	for _, want := range []time.Duration{time.Minute, time.Hour} {
		if retention = want; s.KnownFor(now.Add(time.Minute)) != want+time.Minute {
			t.Errorf("known for %v, want %v", s.KnownFor(now.Add(time.Minute)), want+time.Minute)
		}
	}
}
