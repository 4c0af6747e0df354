package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestResendGoesOverAnotherLink: the same PIN, sent again, takes another link of the route than the one it
// took in vain.
func TestResendGoesOverAnotherLink(t *testing.T) {
	t.Parallel()
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
	await.That(t, "the first link is bound", func() bool { return len(first.Sessions()) > 0 })
	i := 100
	await.That(t, "a message went over the first link", func() bool {
		mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(i)+`"}`, 201)
		i++
		return await.Within(50*time.Millisecond, func() bool { return len(first.Messages(smsc.Filter{})) > 0 })
	})
	await.That(t, "the second link is bound", func() bool { return len(second.Sessions()) > 0 })
}
