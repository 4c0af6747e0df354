package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestFailureIsToldWhenItIsFinal: the first carrier's receipt says UNDELIV, the gateway sends again over the
// second one by itself, and the application hears only what the user gets.
func TestFailureIsToldWhenItIsFinal(t *testing.T) {
	t.Parallel()
	type update struct{ OtpID, Status string }
	told := make(chan update, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var c struct{ Data []update }
		if err := json.Unmarshal(body, &c); err != nil {
			t.Error(err)
		}
		for _, u := range c.Data {
			told <- u
		}
	}))
	defer receiver.Close()
	fails := smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome {
		return smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Undeliverable, Err: "027", Delay: -1}}}
	}}
	first, second := startSMSC(t, fails), startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), first.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,backup", "OTPGW_LINK_BACKUP_ADDR": second.Addr(), "OTPGW_LINK_BACKUP_SYSTEM_ID": "acc",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0,backup:5", "OTPGW_APP_SHOP_RESEND_INTERVAL": "1s", "OTPGW_APP_SHOP_RESEND_AFTER": "60s",
		"OTPGW_APP_SHOP_MAX_RESENDS": "1", "OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL,
	}))
	c := client(t)
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	warm(ctx, t, d, c, first, second)
	var o created
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(1)+`"}`, 201).json(t, &o)
	waitSMS(t, first, number(1))
	waitSMS(t, second, number(1))
	for {
		select {
		case u := <-told:
			switch {
			case u.OtpID != o.OtpID:
			case u.Status == "DELIVERED":
				return
			case u.Status == "FAILED":
				t.Fatal("the application was told of the first failure")
			}
		case <-ctx.Done():
			t.Fatal("DELIVERED was not told")
		}
	}
}
