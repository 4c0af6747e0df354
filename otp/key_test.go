package otp

import (
	"context"
	"testing"

	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/queue/seal"
)

// TestMissingKeyCostsNothing: a daemon that cannot open a record answers that it cannot, and uses up no
// guess, no try and no resend; another one, with the key, takes the right PIN.
func TestMissingKeyCostsNothing(t *testing.T) {
	b := newBench(t)
	b.app.MaxResends, b.app.TryLimits = 1, limit.Limits{{Max: 1, Per: b.app.TTL}}
	o := b.create(t, `{"phoneNumber":"+33612345678","maxAttempts":1}`)
	pin := b.pin(t, o.OtpID)
	right := b.Box
	var err error
	if b.Box, err = seal.New(seal.NewKey()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wantCode(t, "guess without the key", b.verify(o.OtpID, pin), CodeUnavailable)
	}
	_, err = b.Resend(context.Background(), b.app, o.OtpID)
	wantCode(t, "resend without the key", err, CodeUnavailable)
	b.Box = right
	wantCode(t, "guess with the key", b.verify(o.OtpID, pin), 0)
	if n := b.Evaluated.Load(); n != 1 {
		t.Errorf("%d comparisons", n)
	}
}
