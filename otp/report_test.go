package otp

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, `{"phoneNumber":"+33612345678","trackId":"bf325375-e030-4ccb-a009-17317c574773"}`)
	message := b.record(t, o.OtpID).Message
	at := time.Date(2026, 2, 3, 4, 5, 6, 789, time.FixedZone("", 3600))
	report := func(d DeliveryReport) {
		t.Helper()
		d.OtpID = o.OtpID
		if err := b.Report(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	report(DeliveryReport{MessageID: message, Part: 1, Parts: 1, Status: DeliverySent})
	report(DeliveryReport{MessageID: message, Part: 1, Parts: 1, Status: DeliverySent}) // again
	report(DeliveryReport{MessageID: "another message", Part: 1, Parts: 1, Status: DeliveryRejected})
	report(DeliveryReport{MessageID: message, Part: 1, Parts: 1, Status: DeliveryFailed, ErrorCode: intp(27), At: at})

	list := b.events(t, 2)
	if n := b.stored(t, "events"); n != 0 {
		t.Errorf("%d more events", n)
	}
	want := `{"campaignId":"` + o.OtpID + `","msgId":"` + message + `","statusCode":4,"status":"FAILED","errorCode":27,"datetime":"2026-02-03T03:05:06Z",` +
		`"trackData":"bf325375-e030-4ccb-a009-17317c574773","otpId":"` + o.OtpID + `","phoneNumber":"+33612345678"}`
	if string(list[1].Item) != want {
		t.Errorf("item\n%s, want\n%s", list[1].Item, want)
	}
	for i, e := range list {
		if e.Kind != DlrChange || e.N != i+1 || e.App != "demo" || e.URL != b.app.CallbackURL {
			t.Errorf("%+v", e)
		}
	}
	// Delivery says nothing of the PIN: it is still good.
	wantCode(t, "verify", b.verify(o.OtpID, b.pin(t, o.OtpID)), 0)
	got, err := b.Get(ctx, b.app, o.OtpID)
	if err != nil || got.Delivery.Status != DeliveryFailed || *got.Delivery.ErrorCode != 27 || got.Status != StatusVerified {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReportErrors(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	gone := DeliveryReport{OtpID: "bf325375-e030-4ccb-a009-17317c574773", Part: 1, Status: DeliverySent}
	if err := b.Report(ctx, gone); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	o := b.create(t, french)
	for _, d := range []DeliveryReport{{OtpID: o.OtpID, Status: "NONSENSE"}, {OtpID: o.OtpID, Status: DeliverySent, Part: -1}, {OtpID: o.OtpID, Status: DeliverySent, Part: 256}} {
		if err := b.Report(ctx, d); codeOf(err) != CodeInternal {
			t.Errorf("%+v: %v", d, err)
		}
	}
}

// TestReportNoCallback: without a URL nothing is announced, and the state is kept all the same.
func TestReportNoCallback(t *testing.T) {
	b := newBench(t)
	b.app.CallbackURL = ""
	o := b.create(t, french)
	if err := b.Report(context.Background(), DeliveryReport{OtpID: o.OtpID, Part: 1, Parts: 1, Status: DeliveryDelivered}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "verify", b.verify(o.OtpID, b.pin(t, o.OtpID)), 0)
	b.noEvent(t, o.OtpID)
	r := b.record(t, o.OtpID)
	if r.Delivery.Status != DeliveryDelivered || r.Announced != 0 {
		t.Errorf("%+v", r)
	}
}

// TestChangesAtOnce: everything that can happen to an OTP happens at once, on one record. Each announced
// change is taken once, in the order of the record.
func TestChangesAtOnce(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, french)
	pin := b.pin(t, o.OtpID)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { _ = b.verify(o.OtpID, pin) })
		wg.Go(func() { _ = b.Cancel(ctx, b.app, o.OtpID) })
		for _, s := range []DeliveryStatus{DeliverySent, DeliveryDelivered, DeliveryFailed} {
			wg.Go(func() {
				if err := b.Report(ctx, DeliveryReport{OtpID: o.OtpID, Part: 1, Parts: 1, Status: s}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	r := b.record(t, o.OtpID)
	var numbers []int
	for _, e := range b.events(t, b.stored(t, "events")) {
		numbers = append(numbers, e.N)
	}
	for i, n := range numbers {
		if n != i+1 {
			t.Fatalf("events %v", numbers)
		}
	}
	if len(numbers) != r.Announced || len(numbers) < 2 || len(numbers) > 3 {
		t.Errorf("events %v, record %d", numbers, r.Announced)
	}
}
