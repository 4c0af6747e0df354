package otp

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

var errCrash = errors.New("crash")

// TestCrashBetweenIntentAndChange: the intent is stored and the change is not.
func TestCrashBetweenIntentAndChange(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, french)
	b.beforeStore = func(r *Record) error {
		if r.Status == StatusCancelled {
			return errCrash
		}
		return nil
	}
	if err := b.Cancel(ctx, b.app, o.OtpID); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	e := b.events(t, 1)[0]
	if v := took(t, b, e); v != NotYet {
		t.Errorf("after the crash: %s", v)
	}
	if r := b.record(t, o.OtpID); r.Status != StatusPending || len(r.Changes) != 0 {
		t.Errorf("%+v", r)
	}
	// As soon as the record moves on without it, it can never be taken, also when the same change comes again.
	wantCode(t, "wrong", b.verify(o.OtpID, wrong(b.pin(t, o.OtpID))), CodeWrongPIN)
	if v := took(t, b, e); v != Never {
		t.Errorf("after another change: %s", v)
	}
	b.beforeStore = nil
	wantCode(t, "cancel", b.Cancel(ctx, b.app, o.OtpID), 0)
	if v := took(t, b, e); v != Never {
		t.Errorf("the old intent after the same change: %s", v)
	}
	again := b.events(t, 1)[0]
	if took(t, b, again) != Took || again.N != 1 || again.otp(t).Attempts != 1 {
		t.Errorf("%+v", again)
	}
}

// TestChangeRetriedAfterCrash: the same change on the same revision is the same intent, stored once, and taken.
func TestChangeRetriedAfterCrash(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, french)
	b.beforeStore = func(*Record) error { return errCrash }
	if err := b.Cancel(ctx, b.app, o.OtpID); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	b.beforeStore = nil
	wantCode(t, "cancel", b.Cancel(ctx, b.app, o.OtpID), 0)
	if n := b.stored(t, "EVENTS"); n != 1 {
		t.Errorf("%d intents", n)
	}
	if e := b.events(t, 1)[0]; took(t, b, e) != Took {
		t.Errorf("%+v", e)
	}
}

// TestIntentOfTheLoser: another change comes between the intent and the compare-and-set.
func TestIntentOfTheLoser(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, french)
	first := true
	b.beforeStore = func(r *Record) error {
		if first {
			first = false
			return b.Report(ctx, DeliveryReport{OtpID: o.OtpID, Part: 1, Parts: 1, Status: DeliverySent})
		}
		return nil
	}
	wantCode(t, "cancel", b.Cancel(ctx, b.app, o.OtpID), 0)
	list := b.events(t, 3)
	var got []string
	for _, e := range list {
		what, _, _ := strings.Cut(e.Change, "@")
		got = append(got, strings.Join([]string{string(rune('0' + e.N)), what, took(t, b, e).String()}, " "))
	}
	want := "[1 otp:CANCELLED Never 1 dlr:SENT Took 2 otp:CANCELLED Took]"
	if sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestTook(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, french)
	if v, err := b.Took(ctx, "bf325375-e030-4ccb-a009-17317c574773", 1, "otp:VERIFIED@1"); v != Never || !errors.Is(err, ErrNotFound) {
		t.Errorf("record gone: %s, %v", v, err)
	}
	for _, change := range []string{"otp:VERIFIED", "", "otp:VERIFIED@x"} {
		if v, err := b.Took(ctx, o.OtpID, 1, change); v != Never || err != nil {
			t.Errorf("%q: %s, %v", change, v, err)
		}
	}
	if v, err := b.Took(ctx, o.OtpID, 0, "otp:VERIFIED@99999999"); v != Never || err != nil {
		t.Errorf("change 0: %s, %v", v, err)
	}
}

// TestEventKeepsSecrets: what is told holds no PIN, sealed or not, and no text.
func TestEventKeepsSecrets(t *testing.T) {
	b := newBench(t)
	o := b.create(t, `{"phoneNumber":"+33612345678","template":"SECRETTEXT {{pin}}","pinType":"letters","pinLength":10}`)
	pin := b.pin(t, o.OtpID)
	sealed, _ := json.Marshal(b.record(t, o.OtpID).PIN)
	wantCode(t, "verify", b.verify(o.OtpID, pin), 0)
	e, _ := json.Marshal(b.events(t, 1)[0])
	for _, secret := range []string{pin, "SECRETTEXT", strings.Trim(string(sealed), `"`)} {
		if strings.Contains(string(e), secret) {
			t.Errorf("%s is told", secret)
		}
	}
}
