package otp

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// message takes the next SMS off the queue.
func (b *bench) message(t testing.TB) (queue.Outbound, string) {
	t.Helper()
	return queuetest.Message(t, b.Queue, b.Box)
}

func TestCreate(t *testing.T) {
	b := newBench(t)
	o := b.create(t, `{"phoneNumber":"0612345678","countryIso":"FR","from":"Stranger","template_fr":"Code : {{pin}}","ttl":90,"pinType":"alphanumeric","pinLength":8}`)
	if o.PhoneNumber != "+33612345678" || o.CountryISO != "FR" || o.Status != StatusPending || o.Parts != 1 || o.TTL != 90 || o.From != "Verify" ||
		*o.Language != "fr" || o.Encoding != "GSM7" || o.TrackID != nil || *o.OtpCallbackURL != b.app.CallbackURL || o.Attempts != 0 ||
		o.DateExpires.Sub(o.DateCreated) != 90*time.Second || o.DateCreated.Location() != time.UTC || o.DateCreated.Nanosecond() != 0 {
		t.Errorf("%+v", o)
	}
	if d := o.Delivery; d.Status != DeliveryQueued || len(d.Parts) != 1 || d.Parts[0].Status != DeliveryQueued {
		t.Errorf("%+v", d)
	}
	got, err := b.Get(context.Background(), b.app, strings.ToUpper(o.OtpID))
	if err != nil || sprint(got.Delivery) != sprint(o.Delivery) || got.OtpID != o.OtpID || !got.DateExpires.Equal(o.DateExpires) {
		t.Errorf("%+v, %v", got, err)
	}
	m, text := b.message(t)
	if m.Ref != o.OtpID || m.ID == o.OtpID || m.Route != queuetest.Route || m.From != "Verify" || m.To != "+33612345678" || !m.Expires.Equal(o.DateExpires) {
		t.Errorf("%+v", m)
	}
	if want := "Code : " + b.pin(t, o.OtpID); text != want {
		t.Errorf("text %q, want %q", text, want)
	}
	b.noEvent(t, o.OtpID)
}

// TestCreateParts: measured on the rendered text.
func TestCreateParts(t *testing.T) {
	b := newBench(t)
	tests := []struct {
		name, template string
		length, parts  int
		encoding       string
	}{
		{"the placeholder fills the part, the PIN fits", strings.Repeat("a", 153) + "{{pin}}", 4, 1, "GSM7"},
		{"the PIN fills the part", strings.Repeat("a", 150) + "{{pin}}", 10, 1, "GSM7"},
		{"the PIN goes past the part", strings.Repeat("a", 151) + "{{pin}}", 10, 2, "GSM7"},
		{"twice the PIN goes past the part", strings.Repeat("a", 141) + "{{pin}}{{pin}}", 10, 2, "GSM7"},
		{"emoji", "\U0001F510 {{pin}}", 6, 1, "UCS2"},
		{"ten parts", strings.Repeat("a", 1520) + "{{pin}}", 10, 10, "GSM7"},
		{"eleven parts", strings.Repeat("a", 1521) + "{{pin}}", 10, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := NewOtp{Phone: phone.Number{E164: "+33612345678", Country: "FR"}, From: "Verify", Template: test.template, TTL: time.Minute, MaxAttempts: 3,
				PINType: pin.Numbers, PINLength: test.length}
			o, err := b.Create(context.Background(), b.app, n)
			if test.parts == 0 {
				wantCode(t, "too long", err, CodeTemplate)
				return
			}
			if err != nil || o.Parts != test.parts || len(o.Delivery.Parts) != test.parts || o.Encoding != test.encoding {
				t.Errorf("%d parts, %s, %v", o.Parts, o.Encoding, err)
			}
		})
	}
}

func TestCreateNoCoverage(t *testing.T) {
	b := newBench(t)
	n, err := b.ParseNewOtp([]byte(`{"phoneNumber":"+14165550123"}`), b.app)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Create(context.Background(), b.app, n)
	wantCode(t, "create", err, CodeNoCoverage)
}

// TestCreateFull: when the message cannot be stored nothing is accepted and no record stays.
func TestCreateFull(t *testing.T) {
	b := newBench(t, queuetest.WithBounds(queue.Bounds{SMS: queue.Bound{Msgs: 1}}))
	b.create(t, french)
	n, _ := b.ParseNewOtp([]byte(french), b.app)
	_, err := b.Create(context.Background(), b.app, n)
	wantCode(t, "create", err, CodeUnavailable)
	if n := b.stored(t, "otp"); n > 2 { // the first record, and the marker of the second's removal
		t.Errorf("%d records", n)
	}
	if n := b.stored(t, "sms.default"); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// TestCreateDeadlinePassed: a request out of time is 503, and undone with time of its own.
func TestCreateDeadlinePassed(t *testing.T) {
	b := newBench(t)
	n, _ := b.ParseNewOtp([]byte(french), b.app)
	ctx, cancel := context.WithTimeout(context.Background(), -time.Second)
	defer cancel()
	_, err := b.Create(ctx, b.app, n)
	wantCode(t, "create", err, CodeUnavailable)
}

func TestGetOfAnother(t *testing.T) {
	b := newBench(t)
	o := b.create(t, french)
	other := testApp()
	other.Name = "other"
	for _, test := range []struct {
		name, id string
		app      *App
	}{{"another application's", o.OtpID, other}, {"unknown", "bf325375-e030-4ccb-a009-17317c574773", b.app}, {"no UUID", "x", b.app},
		{"pattern", ">", b.app}, {"empty", "", b.app}, {"braces", "{" + o.OtpID + "}", b.app}} {
		ctx := context.Background()
		_, err := b.Get(ctx, test.app, test.id)
		wantCode(t, "get "+test.name, err, CodeNotFound)
		wantCode(t, "verify "+test.name, b.Verify(ctx, test.app, test.id, pin.Guess{Text: "1"}), CodeNotFound)
		wantCode(t, "cancel "+test.name, b.Cancel(ctx, test.app, test.id), CodeNotFound)
		if !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
}

// pieceIn tells whether six octets of a text stand together in data: a packed batch may cut the whole.
func pieceIn(data []byte, text string) bool {
	for i := range len(text) - 5 {
		if bytes.Contains(data, []byte(text[i:i+6])) {
			return true
		}
	}
	return false
}

// TestNothingInTheClear: neither PIN nor text in any file of the store, while they wait and after.
func TestNothingInTheClear(t *testing.T) {
	dir := t.TempDir()
	q := queuetest.Open(t, queuetest.Dir(dir))
	b := newBenchOn(t, q)
	// A PIN of ten letters is not in a store by chance.
	o := b.create(t, `{"phoneNumber":"+33612345678","template":"SECRETTEXT {{pin}}","pinType":"letters","pinLength":10,"trackId":"bf325375-e030-4ccb-a009-17317c574773"}`)
	pin := b.pin(t, o.OtpID)
	wantCode(t, "wrong", b.verify(o.OtpID, "QQQQQQQQQQ"), CodeWrongPIN)
	wantCode(t, "right", b.verify(o.OtpID, pin), 0)
	queuetest.Close(t, q)
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, secret := range []string{pin, "SECRETTEXT", "QQQQQQQQQQ"} {
			if pieceIn(data, secret) {
				t.Errorf("%s is in %s", secret, path)
			}
		}
		found = found || pieceIn(data, "bf325375-e030-4ccb-a009-17317c574773")
		return err
	})
	if err != nil || !found {
		t.Errorf("the search does not find what is in the clear either (%v)", err)
	}
}
