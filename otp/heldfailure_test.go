package otp

import (
	"context"
	"encoding/json"
	"testing"
	"time"
)

// TestFirstFailureIsNotTold: while another message follows by itself, over another carrier, the application
// hears nothing of the failure of the first, by GET or callback. It is told when the last one fails, or when
// nothing follows after all.
func TestFirstFailureIsNotTold(t *testing.T) {
	ctx := context.Background()
	code := 27
	for name, test := range map[string]struct {
		then func(b *bench, o Otp)
		told []DeliveryStatus
	}{
		"the second arrives": {func(b *bench, o Otp) {
			b.clock.advance(31 * time.Second)
			_, _ = b.resendDue(ctx, o.OtpID)
			_ = b.Report(ctx, DeliveryReport{OtpID: o.OtpID, Status: DeliveryDelivered})
		}, []DeliveryStatus{DeliveryAccepted, DeliveryDelivered}},
		"the second fails too": {func(b *bench, o Otp) {
			b.clock.advance(31 * time.Second)
			_, _ = b.resendDue(ctx, o.OtpID)
			_ = b.Report(ctx, DeliveryReport{OtpID: o.OtpID, Status: DeliveryFailed, ErrorCode: &code})
		}, []DeliveryStatus{DeliveryAccepted, DeliveryFailed}},
		"the PIN's time ends first": {func(b *bench, o Otp) {
			b.clock.advance(6 * time.Minute)
			_ = b.Expire(ctx, o.OtpID)
		}, []DeliveryStatus{DeliveryFailed}},
		"the application cancels": {func(b *bench, o Otp) {
			_ = b.Cancel(ctx, b.app, o.OtpID)
			b.clock.advance(31 * time.Second)
			_, _ = b.resendDue(ctx, o.OtpID)
		}, []DeliveryStatus{DeliveryFailed}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.app.ResendAfter, b.app.ResendInterval, b.app.MaxResends = time.Minute, 30*time.Second, 1
			b.Apps = []App{*b.app}
			o := b.create(t, french)
			if err := b.Report(ctx, DeliveryReport{OtpID: o.OtpID, Link: "carrier", Status: DeliveryFailed, ErrorCode: &code}); err != nil {
				t.Fatal(err)
			}
			got, err := b.Get(ctx, b.app, o.OtpID)
			if err != nil || got.Delivery.Status != DeliverySent || got.Delivery.ErrorCode != nil || got.Delivery.Parts[0].Status != DeliverySent {
				t.Errorf("shown after the first failure: %+v, %v", got.Delivery, err)
			}
			if n := b.stored(t, "events"); n != 0 {
				t.Errorf("%d events after the first failure", n)
			}
			test.then(b, o)
			var told []DeliveryStatus
			for _, e := range b.events(t, b.stored(t, "events")) {
				var u DlrUpdate
				if e.Kind == DlrChange {
					if err := json.Unmarshal(e.Item, &u); err != nil {
						t.Fatal(err)
					}
					told = append(told, u.Status)
				}
			}
			if sprint(told) != sprint(test.told) {
				t.Errorf("told %v, want %v", told, test.told)
			}
		})
	}
}
