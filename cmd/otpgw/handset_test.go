package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/otpgw/otpgw/otp/api/apitest"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/text"
)

const handsetSecret = "whsec_b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw=="

// handsetEvent is an item of the callbacks that tell of handsets' messages.
type handsetEvent struct{ Event, PhoneNumber, CountryISO, Status, To, Text string }

// handsetEvents starts a receiver that holds each callback against its signature and the API's document.
func handsetEvents(t *testing.T) (url string, events chan handsetEvent) {
	hook, err := webhooks.NewWebhook(handsetSecret)
	if err != nil {
		t.Fatal(err)
	}
	yaml, err := os.ReadFile("../../otp/api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	document, err := apitest.Load(yaml)
	if err != nil {
		t.Fatal(err)
	}
	events = make(chan handsetEvent, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := hook.Verify(body, r.Header); err != nil {
			t.Errorf("signature: %v", err)
		}
		if err := document.CheckCallback(body); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		var callback struct {
			Event string
			Data  []handsetEvent
		}
		if err := json.Unmarshal(body, &callback); err != nil {
			t.Error(err)
		}
		for _, e := range callback.Data {
			e.Event = callback.Event
			events <- e
		}
	}))
	t.Cleanup(receiver.Close)
	return receiver.URL, events
}

// startBound starts a daemon and waits until its link is bound.
func startBound(t *testing.T, e map[string]string) *process {
	t.Helper()
	d := startDaemon(t, e)
	if _, ok := d.stderr.find(func(s string) bool { return strings.Contains(s, `"message":"bound"`) }); !ok {
		t.Fatalf("the link was not bound:\n%s", d.stderr)
	}
	return d
}

// write sends a message from a handset; it is not to be refused.
func write(t *testing.T, s *smsc.Server, m smsc.MO) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	r, err := s.InjectMO(ctx, m) // what finds no bind yet is held for one
	if err != nil || r.Status == smsc.ReceiptFailed {
		t.Fatalf("%+v, %v", r, err)
	}
}

func wantEvent(t *testing.T, events chan handsetEvent, want handsetEvent) {
	t.Helper()
	select {
	case got := <-events:
		if got != want {
			t.Fatalf("callback %+v, want %+v", got, want)
		}
	case <-time.After(testTimeout):
		t.Fatalf("no callback, want %+v", want)
	}
}

// TestStopAndStart: who writes STOP gets no more messages of the application, on any daemon and after a
// restart, until START.
func TestStopAndStart(t *testing.T) {
	t.Parallel()
	s := startSMSC(t, smsc.Config{})
	url, events := handsetEvents(t)
	e := env(t.TempDir(), s.Addr(), map[string]string{
		"OTPGW_APPS": "shop,bank", "OTPGW_APP_BANK_API_KEYS": "bankkey", "OTPGW_APP_BANK_SENDERS": "Bank",
		"OTPGW_APP_SHOP_CALLBACK_URL": url, "OTPGW_APP_SHOP_CALLBACK_SECRET": handsetSecret,
		"OTPGW_APP_SHOP_STOP_REPLY": "You get no more messages.", "OTPGW_APP_SHOP_HELP_REPLY": "Call us.", "OTPGW_APP_SHOP_SEND_LIMITS": "off",
		"OTPGW_APP_SHOP_RESEND_INTERVAL": "1s",
	})
	d := startBound(t, e)
	c := client(t)
	french := "+33612345678"
	body := `{"phoneNumber":"` + french + `","otpCallbackUrl":"` + url + `/unused"}`
	var o created
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+french+`"}`, 201).json(t, &o)
	waitSMS(t, s, french)
	wantEvent(t, events, handsetEvent{Event: "dlr_update", PhoneNumber: french, Status: "DELIVERED"})

	write(t, s, smsc.MO{From: "33612345678", To: "Verify", Text: " Arrêt !"})
	wantEvent(t, events, handsetEvent{Event: "opt_out", PhoneNumber: french, CountryISO: "FR", Status: "OPTED_OUT", To: "Verify"})
	if m := waitSMS(t, s, french); m.Text != "You get no more messages." || m.From != "Verify" {
		t.Errorf("reply %+v", m)
	}
	wantDenied := func(path, body string) {
		t.Helper()
		var denied struct {
			Error struct {
				Code int
				Type string
			}
		}
		mustCall(t, c, "POST", d.HTTP+path, body, 403).json(t, &denied)
		if denied.Error.Code != 1015 || denied.Error.Type != "access_denied" {
			t.Errorf("%s: %+v", path, denied.Error)
		}
	}
	wantDenied("/otp", body)
	wantDenied("/otp/"+o.OtpID+"/resend", "")
	write(t, s, smsc.MO{From: "33612345678", To: "Verify", Text: "STOP"}) // again: told, and not answered
	wantEvent(t, events, handsetEvent{Event: "opt_out", PhoneNumber: french, CountryISO: "FR", Status: "OPTED_OUT", To: "Verify"})

	// Another application has another sender, and another number is another one.
	req, _ := http.NewRequest("POST", d.HTTP+"/otp", strings.NewReader(`{"phoneNumber":"`+french+`"}`))
	req.Header.Set("X-API-KEY", "bankkey")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 201 {
		t.Errorf("the bank's OTP: %d", resp.StatusCode)
	}
	if m := waitSMS(t, s, french); m.From != "Bank" {
		t.Errorf("a message of %s", m.From)
	}
	d.stop()
	d = startBound(t, e)
	wantDenied("/otp", body)
	write(t, s, smsc.MO{From: "33612345678", To: "Verify", Text: "démarrer"})
	wantEvent(t, events, handsetEvent{Event: "opt_out", PhoneNumber: french, CountryISO: "FR", Status: "OPTED_IN", To: "Verify"})
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+french+`"}`, 201)
	if m := waitSMS(t, s, french); m.Code == "" {
		t.Errorf("message %+v", m)
	}
	wantEvent(t, events, handsetEvent{Event: "dlr_update", PhoneNumber: french, Status: "DELIVERED"})
	// An operator may do the same for somebody who telephones.
	admin := []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(d.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}
	for _, step := range []struct{ verb, state string }{{"optout", "OPTED_OUT"}, {"optin", "OPTED_IN"}} {
		if out, _ := ctl(t, admin, exitOK, step.verb, "shop", french); strings.Contains(out, "true") != (step.verb == "optout") {
			t.Errorf("%s: %s", step.verb, out)
		}
		wantEvent(t, events, handsetEvent{Event: "opt_out", PhoneNumber: french, CountryISO: "FR", Status: step.state})
		if step.verb == "optout" {
			wantDenied("/otp", body)
		}
	}
	if out, _ := ctl(t, admin, exitOK, "optedout", "shop", french); !strings.Contains(out, "false") {
		t.Errorf("optedout: %s", out)
	}
	ctl(t, admin, exitFailed, "optout", "nobody", french)
	ctl(t, admin, exitFailed, "optout", "shop", "123")
	if n := d.stderr.count(french); n != 0 {
		t.Errorf("the number is %d times in the log", n)
	}
	write(t, s, smsc.MO{From: "33612345678", To: "Verify", Text: "help"})
	if m := waitSMS(t, s, french); m.Text != "Call us." {
		t.Errorf("reply %+v", m)
	}
}

// TestMessagesFromHandsets: what people write reaches the application whose sender they wrote to, whole,
// signed, and sealed on its way through the store; without a URL it is counted.
func TestMessagesFromHandsets(t *testing.T) {
	t.Parallel()
	s := startSMSC(t, smsc.Config{})
	url, events := handsetEvents(t)
	dir := t.TempDir()
	d := startBound(t, env(dir, s.Addr(), map[string]string{
		"OTPGW_APPS": "shop,bank", "OTPGW_APP_BANK_API_KEYS": "bankkey", "OTPGW_APP_BANK_SENDERS": "447700900123",
		"OTPGW_APP_SHOP_MO_URL": url, "OTPGW_APP_SHOP_CALLBACK_SECRET": handsetSecret,
	}))
	c := client(t)
	write(t, s, smsc.MO{From: "46701234567", To: "Verify", Text: "Is this you & <me>? Zażółć"})
	wantEvent(t, events, handsetEvent{Event: "mo_received", PhoneNumber: "+46701234567", CountryISO: "SE", To: "Verify", Text: "Is this you & <me>? Zażółć"})
	long := strings.Repeat("A long letter from afar. ", 30) + "End."
	for _, how := range []text.Long{text.LongUDH8, text.LongUDH16, text.LongSAR, text.LongPayload} {
		write(t, s, smsc.MO{From: "46701234567", To: "verify", Text: long, Long: how})
		wantEvent(t, events, handsetEvent{Event: "mo_received", PhoneNumber: "+46701234567", CountryISO: "SE", To: "verify", Text: long})
	}
	write(t, s, smsc.MO{From: "46701234567", To: "07700900123", Text: "To the bank, which does not listen"})
	write(t, s, smsc.MO{From: "46701234567", To: "99999", Text: "To nobody"})
	metrics := string(mustCall(t, c, "GET", d.Admin+"/metrics", "", 200).body)
	for _, line := range []string{`otpgw_smpp_handset_messages_total{result="counted"} 2`, `otpgw_smpp_handset_messages_total{result="received"} 5`} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("no %s in the metrics", line)
		}
	}
	var app struct {
		Settings struct {
			SMS     struct{ ReceiveCallback string }
			Optouts struct{ OptoutsCallback string }
		}
	}
	mustCall(t, c, "GET", d.HTTP+"/applications/shop", "", 200).json(t, &app)
	if app.Settings.SMS.ReceiveCallback != url || app.Settings.Optouts.OptoutsCallback != url {
		t.Errorf("settings %+v", app.Settings)
	}
	d.stop()
	if found := findInFiles(t, dir, "long letter from"); found != "" {
		t.Errorf("the text is in %s", found)
	}
}

// findInFiles names a file below a folder that holds a text; "" for none.
func findInFiles(t *testing.T, dir, what string) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), what) {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
