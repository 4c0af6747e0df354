package otp

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// TestEndsAreTold: whoever keeps records is told of each end once, also of one that nobody made and no
// callback tells.
func TestEndsAreTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ended := make(chan *Record, 10)
	b.Ended = func(r *Record) { ended <- r }
	b.app.CallbackURL = ""
	want := func(id string, status Status) {
		t.Helper()
		select {
		case r := <-ended:
			if r.ID != id || r.Status != status {
				t.Errorf("%s %s, want %s %s", r.ID, r.Status, id, status)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("the end of an OTP that is %s was not told", status)
		}
	}
	ctx := context.Background()
	o := b.create(t, french)
	if err := b.verify(o.OtpID, b.pin(t, o.OtpID)); err != nil {
		t.Fatal(err)
	}
	want(o.OtpID, StatusVerified)
	wantCode(t, "again", b.verify(o.OtpID, "000000"), CodeVerified)
	o = b.create(t, french)
	if err := b.Cancel(ctx, b.app, o.OtpID); err != nil {
		t.Fatal(err)
	}
	want(o.OtpID, StatusCancelled)

	app := *b.app
	app.TTL = 2 * time.Second // less than the API allows, to see it end
	n, err := b.ParseNewOtp([]byte(french), &app)
	if err != nil {
		t.Fatal(err)
	}
	if o, err = b.Create(ctx, &app, n); errors.Is(err, queue.ErrExpired) { // created at the end of a second
		o, err = b.Create(ctx, &app, n)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.runTimers(t)
	want(o.OtpID, StatusExpired)
	if len(ended) != 0 {
		t.Errorf("told once too often: %s", (<-ended).Status)
	}
}
