package otp

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue"
)

func resendBench(t *testing.T) *bench {
	b := newBench(t)
	b.app.MaxResends, b.app.ResendInterval = 3, 30*time.Second
	b.FirstLink = func(string) string { return "primary" }
	return b
}

func (b *bench) resendNow(t testing.TB, id string) Otp {
	t.Helper()
	o, err := b.Resend(context.Background(), b.app, id)
	if err != nil {
		t.Fatalf("resend: %v", err)
	}
	return o
}

// TestResend: the same text under another id, no sooner than 30 s and no more than three times.
func TestResend(t *testing.T) {
	b := resendBench(t)
	b.Price = func(string, string) float64 { return 0.05 }
	o := b.create(t, `{"phoneNumber":"+33612345678","ttl":600,"template":"Take {{pin}}"}`)
	first, text := b.message(t)
	if o.Cost != 0.05 || o.Resends != 0 {
		t.Errorf("%+v", o)
	}
	_, err := b.Resend(context.Background(), b.app, o.OtpID)
	wantLimit(t, err, "30 seconds after the last message", 1, 30*time.Second, b.now())
	ids := map[string]bool{first.ID: true}
	for i := range 3 {
		b.clock.advance(30 * time.Second)
		again := b.resendNow(t, o.OtpID)
		m, got := b.message(t)
		if got != text || ids[m.ID] || m.Ref != o.OtpID || m.To != first.To || m.From != first.From || !m.Expires.Equal(first.Expires) {
			t.Errorf("%+v %q", m, got)
		}
		ids[m.ID] = true
		if again.Resends != i+1 || again.Delivery.Status != DeliveryQueued || again.Cost != []float64{0.1, 0.15, 0.2}[i] {
			t.Errorf("%+v", again)
		}
		if m.Avoid != "primary" {
			t.Errorf("avoid %q", m.Avoid)
		}
	}
	b.clock.advance(30 * time.Second)
	_, err = b.Resend(context.Background(), b.app, o.OtpID)
	wantLimit(t, err, "at most 3 times", 3, o.DateExpires.Sub(b.now()), b.now())
	wantCode(t, "verify", b.verify(o.OtpID, b.pin(t, o.OtpID)), 0)
	_, err = b.Resend(context.Background(), b.app, o.OtpID)
	wantCode(t, "verified", err, CodeVerified)
	_, err = b.Resend(context.Background(), &App{Name: "other"}, o.OtpID)
	wantCode(t, "another's", err, CodeNotFound)
}

func TestResendStates(t *testing.T) {
	b := resendBench(t)
	gone := b.create(t, french)
	b.clock.advance(time.Minute)
	if err := b.Cancel(context.Background(), b.app, gone.OtpID); err != nil {
		t.Fatal(err)
	}
	_, err := b.Resend(context.Background(), b.app, gone.OtpID)
	wantCode(t, "cancelled", err, CodeCancelled)
	old := b.create(t, french)
	b.clock.advance(time.Hour)
	_, err = b.Resend(context.Background(), b.app, old.OtpID)
	wantCode(t, "expired", err, CodeExpired)
	b.app.MaxResends = 0
	none := b.create(t, french)
	b.clock.advance(time.Minute)
	_, err = b.Resend(context.Background(), b.app, none.OtpID)
	wantCode(t, "none allowed", err, CodeRateLimit)
}

// TestResendCounts: a message sent again is a send to the number; one that could not be stored is none, and
// leaves no trace.
func TestResendCounts(t *testing.T) {
	b := resendBench(t)
	b.app.SendLimits = limit.Limits{{Max: 2, Per: time.Hour}}
	o := b.create(t, french)
	b.clock.advance(time.Minute)
	before, route := b.record(t, o.OtpID), b.Route
	b.Route = func(Traffic) (string, error) { return "no such queue", nil }
	if _, err := b.Resend(context.Background(), b.app, o.OtpID); err == nil || codeOf(err) == CodeRateLimit {
		t.Fatal(err)
	}
	b.Route = route
	after := b.record(t, o.OtpID)
	if after.Resends != 0 || after.Message != before.Message || len(after.Others) != 0 {
		t.Errorf("%+v", after)
	}
	b.Route = route
	b.resendNow(t, o.OtpID)
	b.clock.advance(time.Minute)
	_, err := b.Resend(context.Background(), b.app, o.OtpID)
	wantLimit(t, err, "Too many messages to this phone number", 2, time.Hour-2*time.Minute, b.now())
}

// TestReportAfterResend: which message a receipt is of decides what it means.
func TestReportAfterResend(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	setup := func(t *testing.T) (b *bench, id, first, second string) {
		b = resendBench(t)
		o := b.create(t, french)
		first = b.record(t, o.OtpID).Message
		if err := b.Report(ctx, DeliveryReport{OtpID: o.OtpID, MessageID: first, Link: "one", Part: 1, Parts: 1, Status: DeliverySent}); err != nil {
			t.Fatal(err)
		}
		b.clock.advance(time.Minute)
		b.resendNow(t, o.OtpID)
		return b, o.OtpID, first, b.record(t, o.OtpID).Message
	}
	type report struct {
		second bool
		status DeliveryStatus
	}
	for _, test := range []struct {
		name    string
		reports []report
		want    DeliveryStatus
		first   bool // the message that is shown
		events  int  // beside the first SENT
	}{
		{"nothing", nil, DeliveryAccepted, false, 0},
		{"the first fails", []report{{false, DeliveryFailed}}, DeliveryAccepted, false, 0},
		{"the second arrives", []report{{true, DeliveryDelivered}}, DeliveryDelivered, false, 1},
		{"the first arrives after all", []report{{false, DeliveryDelivered}}, DeliveryDelivered, true, 1},
		{"and the second fails", []report{{false, DeliveryDelivered}, {true, DeliveryFailed}}, DeliveryDelivered, true, 1},
		{"the second fails, then the first arrives", []report{{true, DeliveryFailed}, {false, DeliveryDelivered}}, DeliveryDelivered, true, 2},
		{"both arrive", []report{{false, DeliveryDelivered}, {true, DeliveryDelivered}}, DeliveryDelivered, true, 1},
		{"both fail", []report{{false, DeliveryFailed}, {true, DeliveryFailed}}, DeliveryFailed, false, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, id, first, second := setup(t)
			for _, r := range test.reports {
				message := first
				if r.second {
					message = second
				}
				for range 2 { // receipts may come twice
					if err := b.Report(ctx, DeliveryReport{OtpID: id, MessageID: message, Part: 1, Parts: 1, Status: r.status}); err != nil {
						t.Fatal(err)
					}
				}
			}
			r := b.record(t, id)
			if r.Delivery.Status != test.want || (r.Message == first) != test.first {
				t.Errorf("%s of %s (first %s, second %s)", r.Delivery.Status, r.Message, first, second)
			}
			if r.Announced != test.events+1 {
				t.Errorf("announced %d", r.Announced)
			}
		})
	}
	b, id, _, _ := setup(t)
	if m, _ := b.message(t); m.Avoid != "" {
		t.Errorf("the first message avoids %q", m.Avoid)
	}
	if m, _ := b.message(t); m.Avoid != "one" || m.Ref != id {
		t.Errorf("the second message avoids %q", m.Avoid)
	}
}

// runTimers lets timers work for the time of the test.
func runTimers(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.RunTimers(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// TestAutomaticResend: a failure brings another message at once (no sooner than the interval), silence after
// ResendAfter, a delivery none; each is announced, the failure before it is not.
func TestAutomaticResend(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.app.MaxResends, b.app.ResendInterval, b.app.ResendAfter = 2, time.Second, 2*time.Second
	b.Apps = []App{*b.app}
	runTimers(t, b)
	failed := b.create(t, `{"phoneNumber":"+33612345671"}`)
	silent := b.create(t, `{"phoneNumber":"+33612345672"}`)
	arrived := b.create(t, `{"phoneNumber":"+33612345673"}`)
	report := func(o Otp, status DeliveryStatus) {
		t.Helper()
		err := b.Report(context.Background(), DeliveryReport{OtpID: o.OtpID, MessageID: b.record(t, o.OtpID).Message, Link: "one", Part: 1, Parts: 1, Status: status})
		if err != nil {
			t.Fatal(err)
		}
	}
	report(failed, DeliveryFailed)
	report(arrived, DeliveryDelivered)
	messages := make(map[string][]queue.Outbound)
	texts := make(map[string]string)
	for range 3 + 4 { // each once, and the two that need it twice more
		m, text := b.message(t)
		messages[m.Ref] = append(messages[m.Ref], m)
		if before, there := texts[m.Ref]; there && before != text {
			t.Error("another text")
		}
		texts[m.Ref] = text
		if m.Ref == failed.OtpID && len(messages[m.Ref]) == 2 && m.Avoid != "one" {
			t.Errorf("avoid %q", m.Avoid)
		}
	}
	if len(messages[failed.OtpID]) != 3 || len(messages[silent.OtpID]) != 3 || len(messages[arrived.OtpID]) != 1 {
		t.Errorf("%d, %d, %d messages", len(messages[failed.OtpID]), len(messages[silent.OtpID]), len(messages[arrived.OtpID]))
	}
	if r := b.record(t, failed.OtpID); r.Resends != 2 || r.Announced != 2 {
		t.Errorf("%d resends, announced %d", r.Resends, r.Announced)
	}
	// Nothing more is due for any of them.
	for _, o := range []Otp{failed, silent, arrived} {
		b.clock.advance(0)
		if _, err := b.resendDue(context.Background(), o.OtpID); err != nil && !errors.Is(err, ErrNotDue) {
			t.Error(err)
		}
	}
}

// TestTestNumber: the fixed PIN, no message, no limit, and callbacks as usual.
func TestTestNumber(t *testing.T) {
	b := resendBench(t)
	b.Price = func(string, string) float64 { return 1 }
	b.app.TestNumbers = map[string]string{"+33612345678": "012345", "+14165550123": "ABCD"}
	b.app.SendLimits, b.app.TryLimits = limit.Limits{{Max: 1, Per: time.Hour}}, limit.Limits{{Max: 1, Per: time.Hour}}
	b.app.Guard = guard.Settings{Mode: guard.Enforce, Deny: []string{"FR"}}
	for range 3 {
		o := b.create(t, french)
		if o.Cost != 0 || o.Status != StatusPending {
			t.Errorf("%+v", o)
		}
		wantCode(t, "wrong", b.verify(o.OtpID, "111111"), CodeWrongPIN)
		err := b.Verify(context.Background(), b.app, o.OtpID, pin.Guess{Text: "12345", Number: true})
		wantCode(t, "as a number", err, 0)
		events := b.events(t, 2)
		if events[0].Kind != DlrChange || events[1].Kind != OtpChange || events[1].otp(t).Status != StatusVerified {
			t.Errorf("%+v", events)
		}
	}
	o := b.create(t, `{"phoneNumber":"+14165550123"}`) // no route goes there
	b.clock.advance(time.Minute)
	b.resendNow(t, o.OtpID)
	wantCode(t, "letters", b.verify(o.OtpID, "abcd"), 0)
	if n := b.stored(t, "sms.default"); n > 0 {
		t.Errorf("%d messages", n)
	}
}

func TestCost(t *testing.T) {
	for _, test := range []struct {
		price          float64
		parts, resends int
		want           float64
	}{{0, 3, 0, 0}, {0.1, 3, 0, 0.3}, {0.0075, 2, 1, 0.03}, {1.1, 3, 0, 3.3}} {
		if got := (&Record{Price: test.price, Parts: test.parts, Resends: test.resends}).cost(); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
