package otp

import (
	"context"
	"encoding/json"
	"testing"
	"time"
)

// TestEndOfPINEndsDelivery: whatever was heard of a message, or not, its delivery has a final state when the
// PIN's time is up: by GET, with and without a callback, and as dlr_update. A carrier's word that comes later
// replaces what was only assumed.
func TestEndOfPINEndsDelivery(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		name   string
		before func(b *bench, r *Record) // what happens in the PIN's time
		status DeliveryStatus
		code   int // 0: null
		late   DeliveryStatus
		after  DeliveryStatus // what a late receipt makes of it
	}{
		{"never handed over", func(*bench, *Record) {}, DeliveryFailed, DeliveryNeverSent, DeliveryDelivered, DeliveryDelivered},
		{"with the carrier, no receipt", func(b *bench, r *Record) {
			b.handedOver(t, r.Message, r.Expires)
		}, DeliveryFailed, DeliveryNoReceipt, DeliveryDelivered, DeliveryDelivered},
		{"an intermediate receipt", func(b *bench, r *Record) {
			_ = b.Report(ctx, DeliveryReport{OtpID: r.ID, Status: DeliverySent})
		}, DeliveryFailed, DeliveryNoReceipt, DeliveryFailed, DeliveryFailed},
		{"not answered", func(b *bench, r *Record) {
			_, _ = b.Unanswered(ctx, Try{OtpID: r.ID, MessageID: r.Message, At: b.now()})
		}, DeliveryRejected, DeliveryNoAnswer, DeliveryDelivered, DeliveryDelivered},
		{"verified without a receipt", func(b *bench, r *Record) {
			b.handedOver(t, r.Message, r.Expires)
			_ = b.verify(r.ID, b.pin(t, r.ID))
		}, DeliveryDelivered, 0, DeliveryFailed, DeliveryDelivered},
		{"cancelled before it was sent", func(b *bench, r *Record) {
			_ = b.Cancel(ctx, b.app, r.ID)
		}, DeliveryFailed, DeliveryNeverSent, DeliveryDelivered, DeliveryDelivered},
		{"delivered in time", func(b *bench, r *Record) {
			_ = b.Report(ctx, DeliveryReport{OtpID: r.ID, Status: DeliveryDelivered})
		}, DeliveryDelivered, 0, DeliveryFailed, DeliveryDelivered},
	}
	b := newBench(t)
	for _, url := range []string{"", "https://callback.example/otp"} {
		for _, test := range tests {
			t.Run(test.name+map[bool]string{true: ", told", false: ""}[url != ""], func(t *testing.T) {
				b.app.CallbackURL = url
				o := b.create(t, french)
				test.before(b, b.record(t, o.OtpID))
				told := b.stored(t, "events")
				b.clock.advance(o.DateExpires.Sub(b.now()) + time.Millisecond)
				got, err := b.Get(ctx, b.app, o.OtpID)
				if err != nil {
					t.Fatal(err)
				}
				wantDelivery(t, "by the clock", got.Delivery, test.status, test.code)
				if url != "" {
					for range 2 { // the second changes nothing
						if err := b.Expire(ctx, o.OtpID); err != nil {
							t.Fatal(err)
						}
					}
					wantDelivery(t, "stored", b.record(t, o.OtpID).Delivery, test.status, test.code)
					wantTold(t, b, told, test.status, test.name != "delivered in time")
				}
				code := 27
				if err := b.Report(ctx, DeliveryReport{OtpID: o.OtpID, Status: test.late, ErrorCode: &code}); err != nil {
					t.Fatal(err)
				}
				if got, err = b.Get(ctx, b.app, o.OtpID); err != nil || got.Delivery.Status != test.after {
					t.Errorf("after a late %s: %s, %v; want %s", test.late, got.Delivery.Status, err, test.after)
				}
				if test.after.failed() && (got.Delivery.ErrorCode == nil || *got.Delivery.ErrorCode != code || got.Delivery.Assumed) {
					t.Errorf("after a late %s: %+v", test.late, got.Delivery)
				}
				b.drain(t)
			})
		}
	}
}

func wantDelivery(t *testing.T, when string, d Delivery, status DeliveryStatus, code int) {
	t.Helper()
	if d.Status != status || (d.ErrorCode == nil) != (code == 0) || code != 0 && *d.ErrorCode != code {
		t.Errorf("%s: %s %v, want %s %d", when, d.Status, sprint(d.ErrorCode), status, code)
	}
	for _, p := range d.Parts {
		if p.Status != status {
			t.Errorf("%s: part %d is %s, the whole %s", when, p.Part, p.Status, status)
		}
	}
}

// wantTold reads the events that the end of a PIN made.
func wantTold(t *testing.T, b *bench, before int, status DeliveryStatus, want bool) {
	t.Helper()
	n := b.stored(t, "events")
	told := ""
	for _, e := range b.events(t, n)[before:] {
		if e.Kind == DlrChange {
			var u DlrUpdate
			if err := json.Unmarshal(e.Item, &u); err != nil {
				t.Fatal(err)
			}
			told += string(u.Status)
		}
	}
	if want && told != string(status) || !want && told != "" {
		t.Errorf("dlr_update %q at the end", told)
	}
}

func (b *bench) handedOver(t *testing.T, messageID string, expires time.Time) {
	t.Helper()
	tx := b.Queue.Begin()
	b.HandedOver(tx, HandedOver{MessageID: messageID, Link: "carrier", Expires: expires})
	if err := b.Queue.Commit(context.Background(), tx); err != nil {
		t.Fatal(err)
	}
}

// drain takes all events off the queue.
func (b *bench) drain(t *testing.T) {
	t.Helper()
	if n := b.stored(t, "events"); n > 0 {
		b.events(t, n)
	}
}

// TestTryIsCountedOnce: told twice a try counts once, one taken back not at all, and each message of an OTP
// has its own count.
func TestTryIsCountedOnce(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	o := b.create(t, french)
	first := b.record(t, o.OtpID).Message
	tell := func(messageID string, at time.Time, dropped bool) Sending {
		t.Helper()
		s, err := b.Unanswered(ctx, Try{OtpID: o.OtpID, MessageID: messageID, At: at, Dropped: dropped})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	now := b.now()
	for i, step := range []struct {
		at      time.Duration
		dropped bool
		want    Sending
	}{
		{0, false, Sending{Unanswered: 1}}, {0, false, Sending{Unanswered: 1}}, {0, true, Sending{Unanswered: 1, Dropped: 1}},
		{0, true, Sending{Unanswered: 1, Dropped: 1}}, {1, false, Sending{Unanswered: 2, Dropped: 1}},
	} {
		if got := tell(first, now.Add(step.at), step.dropped); got != step.want {
			t.Errorf("step %d: %+v, want %+v", i+1, got, step.want)
		}
	}
	for range 2 { // the second finds nothing to take back
		if err := b.Answered(ctx, Try{OtpID: o.OtpID, MessageID: first, At: now.Add(1)}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.Sending(ctx, o.OtpID, first); err != nil || got != (Sending{Unanswered: 1, Dropped: 1}) {
		t.Errorf("after one was taken back: %+v, %v", got, err)
	}
	if got, err := b.Get(ctx, b.app, o.OtpID); err != nil || got.Delivery.Unanswered != 1 {
		t.Errorf("shown: %+v, %v", got.Delivery, err)
	}
	b.handedOver(t, first, o.DateExpires)
	if got, err := b.Sending(ctx, o.OtpID, first); err != nil || !got.Over {
		t.Errorf("with the carrier: %+v, %v", got, err)
	}
}
