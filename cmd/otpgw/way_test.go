package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// steps names the steps of a way; of callbacks with what became of them.
func steps(w operator.Way) (names []string) {
	for _, s := range w.Steps {
		name := string(s.Kind)
		if s.Callback != nil {
			name = fmt.Sprintf("%s %s", s.Callback.Event, s.Callback.State)
		}
		names = append(names, name)
	}
	return names
}

// TestWayOfAnOTP: an operator finds an OTP by its id and by its number, and sees each step of it with its
// time, also after the daemon was started anew; the log has the same; neither has the PIN or the text.
func TestWayOfAnOTP(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer receiver.Close()
	sim := startSMSC(t, smsc.Config{})
	e := env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL})
	d := startBound(t, e)
	c := client(t)
	to := "+46701740605"
	var o created
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+to+`"}`, 201).json(t, &o)
	sms := waitSMS(t, sim, to)
	mustCall(t, c, "POST", d.HTTP+"/otp/"+o.OtpID, `{"pin":"none"}`, 400)
	find := func(of string) (found operator.Ways) {
		t.Helper()
		mustCall(t, c, "GET", d.Admin+"/otps?of="+of, "", 200).json(t, &found)
		return found
	}
	told := func(want string) func() bool {
		return func() bool {
			return strings.Contains(strings.Join(steps(find(o.OtpID).OTPs[0]), ","), want)
		}
	}
	await.That(t, "the delivery is told", told("dlr_update acknowledged"))
	down.Store(true)
	mustCall(t, c, "POST", d.HTTP+"/otp/"+o.OtpID, `{"pin":"`+sms.Code+`"}`, 200)
	await.That(t, "the callback fails", told("otp_update retrying"))
	down.Store(false)
	await.That(t, "it is told at last", told("otp_update acknowledged"))

	d.Kill()
	log := d.stderr.String()
	d = startBound(t, e)
	found := find("%2B46%20701%20740%20605")
	if len(found.OTPs) != 1 || found.OTPs[0].OtpID != o.OtpID || found.OTPs[0].Number != to || found.OTPs[0].Status != otp.StatusVerified {
		t.Fatalf("by number: %+v", found)
	}
	one := found.OTPs[0]
	sorted := strings.Join(steps(one), ", ")
	for _, want := range []string{"asked, queued, sent", "answered", "receipt", "guess", "dlr_update acknowledged", "ended, otp_update acknowledged"} {
		if !strings.Contains(sorted, want) {
			t.Errorf("the way is %s, without %q", sorted, want)
		}
	}
	for i, s := range one.Steps {
		if i > 0 && s.At.Before(one.Steps[i-1].At) || s.At.Sub(one.Steps[0].At) > testTimeout || s.Says == "" {
			t.Errorf("%+v", s)
		}
		if s.Kind == otp.StepAnswered && (s.Link != "carrier" || len(s.IDs) != 1 || s.IDs[0] != sms.ID) {
			t.Errorf("answered: %+v, and the carrier's id is %s", s.Step, sms.ID)
		}
		if s.Callback != nil && s.Callback.Event == otp.OtpChange && (s.Callback.Tries < 2 || s.Callback.Status != 200 || s.Callback.State != callback.TellAcknowledged) {
			t.Errorf("%+v", *s.Callback)
		}
	}
	for _, want := range []string{`"message":"otp created"`, `"link":"carrier","message_id":"` + sms.ID + `"`, `"message":"receipt"`, `"message":"otp ended"`,
		`"otps":["` + o.OtpID + `"]`, `"message":"callback acknowledged"`, `"status":400,"took"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log at info has no %s", want)
		}
	}

	out, _ := ctl(t, []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(d.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}, exitOK, "otp", to)
	for _, want := range []string{o.OtpID, "carrier took it as " + sms.ID, "VERIFIED", "a wrong PIN", "dlr_update told at try 1, answered 200"} {
		if !strings.Contains(out, want) {
			t.Errorf("ctl does not say %q:\n%s", want, out)
		}
	}
	for where, text := range map[string]string{"ctl": out, "the log": log, "the answer": fmt.Sprint(found)} {
		if strings.Contains(text, sms.Code) || strings.Contains(text, sms.Text) {
			t.Errorf("%s has the PIN or the text", where)
		}
	}
	resp, err := c.Get(d.Admin + "/otps?of=" + o.OtpID)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %d", resp.StatusCode)
	}
	for _, none := range []string{"%2B46700000009", "0d1a5b0e-0000-4000-8000-000000000000", "x", ""} {
		mustCall(t, c, "GET", d.Admin+"/otps?of="+none, "", 404)
	}
}
