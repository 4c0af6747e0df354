package otp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// TestOlderRecord: a record of a version before the log, in JSON, is an OTP like any other; one whose
// retention is over is left.
func TestOlderRecord(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	const id = "bf325375-e030-4ccb-a009-17317c574773"
	older := func(id string, created time.Time) []byte {
		sealed := b.Box.Seal([]byte("4711"), pinContext(id))
		return fmt.Appendf(nil, `{"id":%q,"app":%q,"message":"264c0c3b-2650-562d-92dd-685d584504c8","route":"default","phone":"+33612345678","country":"FR",
			"from":"Verify","encoding":"GSM7","parts":1,"status":"PENDING","pin":%q,"pinType":"numbers","maxAttempts":3,"reserved":1,"failed":1,"ttl":600,
			"created":%q,"expires":%q,"lastSent":%q,"changes":["DlrChange"],
			"delivery":{"status":"DELIVERED","errorCode":null,"datetime":%q,"parts":[{"part":1,"status":"DELIVERED","errorCode":null,"datetime":%q}]}}`,
			id, b.app.Name, base64.StdEncoding.EncodeToString(sealed), created.Format(time.RFC3339), created.Add(10*time.Minute).Format(time.RFC3339), created.Format(time.RFC3339), created.Format(time.RFC3339), created.Format(time.RFC3339))
	}
	now := b.now().UTC().Truncate(time.Second)
	if err := b.adoptOlder(ctx, id, older(id, now)); err != nil {
		t.Fatal(err)
	}
	if err := b.adoptOlder(ctx, id, older(id, now)); !errors.Is(err, queue.ErrConflict) {
		t.Errorf("for the second time: %v", err)
	}
	o, err := b.Get(ctx, b.app, id)
	if err != nil || o.Status != StatusPending || o.Delivery.Status != DeliveryDelivered || o.Attempts != 1 || !o.DateExpires.Equal(now.Add(10*time.Minute)) {
		t.Errorf("%+v, %v", o, err)
	}
	wantCode(t, "a wrong guess", b.verify(id, "0000"), CodeWrongPIN)
	if err := b.verify(id, "4711"); err != nil {
		t.Errorf("the right guess: %v", err)
	}
	const gone = "00000000-e030-4ccb-a009-17317c574773"
	if err := b.adoptOlder(ctx, gone, older(gone, now.Add(-3*DefaultRetention))); err != nil {
		t.Error(err)
	}
	if _, err := b.Get(ctx, b.app, gone); !errors.Is(err, ErrNotFound) {
		t.Errorf("an OTP whose retention is over: %v", err)
	}
	for _, damaged := range []string{"", "{", `{"id":"another"}`} {
		if err := b.adoptOlder(ctx, id, []byte(damaged)); err == nil || errors.Is(err, queue.ErrConflict) {
			t.Errorf("%q: %v", damaged, err)
		}
	}
}
