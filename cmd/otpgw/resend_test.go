package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestResendGoesOverAnotherLink: the same PIN, sent again, takes another link of the route than the one it
// took in vain.
func TestResendGoesOverAnotherLink(t *testing.T) {
	first, second := startSMSC(t, smsc.Config{}), startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), first.Addr(), map[string]string{
		"OTPGW_LINKS":                    "carrier,backup",
		"OTPGW_LINK_BACKUP_ADDR":         second.Addr(),
		"OTPGW_LINK_BACKUP_SYSTEM_ID":    "acc",
		"OTPGW_ROUTE_DEFAULT_LINKS":      "carrier:0,backup:5",
		"OTPGW_APP_SHOP_RESEND_INTERVAL": "1s",
	}))
	c := client(t)
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	warm(ctx, t, d, c, first, second)

	var o struct{ OtpID string }
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(1)+`"}`, 201).json(t, &o)
	sent, err := first.Wait(ctx, number(1))
	if err != nil {
		t.Fatal(err)
	}
	resend(t, c, d, o.OtpID)
	again, err := second.Wait(ctx, number(1))
	if err != nil {
		t.Fatalf("the second message did not take the other link: %v", err)
	}
	if again.Code != sent.Code {
		t.Error("the second message has another PIN")
	}
}

// warm sends until a message went over the first link and both are bound: before, the queue gives to whoever
// is there.
func warm(ctx context.Context, t *testing.T, d *process, c *http.Client, first, second *smsc.Server) {
	t.Helper()
	for i := 100; len(first.Messages(smsc.Filter{})) == 0; i++ {
		mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(i)+`"}`, 201)
		time.Sleep(50 * time.Millisecond)
		if ctx.Err() != nil {
			t.Fatal("nothing went over the first link")
		}
	}
	for len(second.Sessions()) == 0 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
}
