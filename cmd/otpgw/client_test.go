package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/api"
	"github.com/otpgw/otpgw/otp/api/apitest"
	otpclient "github.com/otpgw/otpgw/otp/client"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestGoClient is both halves of the Go client against a daemon: calls with tokens, and the callbacks that
// follow, genuine ones and none that somebody else signed.
func TestGoClient(t *testing.T) {
	t.Parallel()
	const secret = "whsec_b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw=="
	events := make(chan otpclient.Event, 10)
	webhook, err := otpclient.NewWebhook(func(_ context.Context, e otpclient.Event) error { events <- e; return nil }, secret)
	if err != nil {
		t.Fatal(err)
	}
	document, err := apitest.Load(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := document.CheckCallback(body); err != nil {
			t.Errorf("not as openapi.yaml has it: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		webhook.ServeHTTP(w, r)
	}))
	defer receiver.Close()
	sim := startSMSC(t, smsc.Config{SMPPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", ReceiptDelay: 10 * time.Millisecond})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_SECRET": "shop secret+", "OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL, "OTPGW_APP_SHOP_CALLBACK_SECRET": secret,
	}))
	httpClient := client(t)
	c, err := otpclient.New(otpclient.Config{BaseURL: d.HTTP, ApplicationID: "shop", Secret: "shop secret+", HTTPClient: httpClient})
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.NewOtp(t.Context(), otpclient.NewOtp{PhoneNumber: number(1)})
	if err != nil {
		t.Fatal(err)
	}
	pin, err := received("http://"+sim.HTTPAddr(), number(1))
	if err != nil {
		t.Fatal(err)
	}
	next := func() otpclient.Event {
		select {
		case e := <-events:
			return e
		case <-time.After(testTimeout):
			t.Fatal("no callback came")
		}
		panic("not reached")
	}
	if e := next(); e.Event != otpclient.EventDlrUpdate || len(e.Deliveries) != 1 || e.Deliveries[0].OtpID != o.OtpID || e.Deliveries[0].Status != otpclient.Delivered || e.ID == "" {
		t.Errorf("%+v", e)
	}
	if err := c.VerifyPin(t.Context(), o.OtpID, pin); err != nil {
		t.Error(err)
	}
	if e := next(); e.Event != otpclient.EventOtpUpdate || len(e.Otps) != 1 || e.Otps[0].Status != otpclient.Verified || e.Otps[0].PhoneNumber != number(1) {
		t.Errorf("%+v", e)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}
