package otp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestChangeAndEventAreOne: a change that does not come to be leaves no event, and one that does has exactly
// one, whatever is changed at once.
func TestChangeAndEventAreOne(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	o := b.create(t, french)
	first := true
	err := b.changeAlong(ctx, o.OtpID, "", func(r *Record, _ time.Time) (EventKind, error) {
		r.Status = StatusCancelled
		return OtpChange, nil
	}, func(*queue.Tx, *Record, time.Time) error {
		if first {
			first = false
			return b.Report(ctx, DeliveryReport{OtpID: o.OtpID, Part: 1, Parts: 1, Status: DeliverySent})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range b.events(t, b.stored(t, "events")) {
		got = append(got, fmt.Sprint(e.N, " ", e.Kind))
	}
	if want := "[1 dlr_update 2 otp_update]"; sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	failed := errors.New("failed")
	err = b.changeAlong(ctx, o.OtpID, "", func(r *Record, _ time.Time) (EventKind, error) {
		return OtpChange, nil
	}, func(*queue.Tx, *Record, time.Time) error { return failed })
	if !errors.Is(err, failed) || b.stored(t, "events") != 0 || b.record(t, o.OtpID).Announced != 2 {
		t.Errorf("%v, %d events", err, b.stored(t, "events"))
	}
}

// TestLoginWithoutRoomForCallbacks: a right PIN is VERIFIED, and a receipt taken, also when the application's
// callbacks have used up their share; what is not told is counted.
func TestLoginWithoutRoomForCallbacks(t *testing.T) {
	b := newBench(t, queuetest.WithBounds(queue.Bounds{Events: queue.Bound{Msgs: 1}}))
	filled, o := b.create(t, french), b.create(t, french)
	wantCode(t, "verify", b.verify(filled.OtpID, b.pin(t, filled.OtpID)), 0)
	wantCode(t, "verify", b.verify(o.OtpID, b.pin(t, o.OtpID)), 0)
	if r := b.record(t, o.OtpID); r.Status != StatusVerified || r.Announced != 0 {
		t.Errorf("%s, %d announced", r.Status, r.Announced)
	}
	b.noEvent(t, o.OtpID)
	if n := b.Untold.Load(); n != 1 {
		t.Errorf("%d untold", n)
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

// TestEventIsOneJSON: an event is stored as encoding/json writes it, whatever stands in it.
func TestEventIsOneJSON(t *testing.T) {
	for _, e := range []Event{
		{OtpID: "o1", App: "shop", URL: "https://shop.example/?a=1&b=<2>", Kind: DlrChange, N: 1, Item: json.RawMessage(`{"otpId":"o1"}`)},
		{OtpID: "o1", App: "shop", URL: "u", Kind: OtpChange, N: 12, Item: json.RawMessage(`{"item":0,"x":"&\u2028"}`), Trace: []byte{0, 1, 255}},
		{OtpID: `"item":0`, App: `\"item":0,`, URL: `","item":0`, Kind: OtpChange, Item: json.RawMessage(`[]`)},
	} {
		want, err := marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.encode(); err != nil || string(got) != string(want) {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}
