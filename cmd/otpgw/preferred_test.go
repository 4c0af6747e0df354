package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestPreferredLinkIsThatOfPriorityZero: wherever the route names it, the link of priority 0 decides what a
// text is measured and charged as, sends first, and is the one that a message sent again avoids when nothing
// was heard of the first.
func TestPreferredLinkIsThatOfPriorityZero(t *testing.T) {
	t.Parallel()
	silent := func(smsc.SubmitInfo) smsc.Outcome { return smsc.Outcome{NoReceipt: true} }
	for name, links := range map[string]string{
		"named last":        "backup:1,carrier:0",
		"named first":       "carrier:0,backup:1",
		"neither has zero":  "backup:7,carrier:3",
		"spaces, no number": " backup : 5 , carrier ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary, backup := startSMSC(t, smsc.Config{OnSubmit: silent}), startSMSC(t, smsc.Config{OnSubmit: silent})
			prices := filepath.Join(t.TempDir(), "prices.csv")
			if err := os.WriteFile(prices, []byte("46,0.05\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			d := startDaemon(t, env(t.TempDir(), primary.Addr(), map[string]string{
				"OTPGW_LINKS": "backup,carrier", "OTPGW_LINK_CARRIER_NATIONAL": "turkish",
				"OTPGW_LINK_BACKUP_ADDR": backup.Addr(), "OTPGW_LINK_BACKUP_SYSTEM_ID": "acc",
				"OTPGW_ROUTE_DEFAULT_LINKS": links, "OTPGW_PRICES": prices,
				"OTPGW_APP_SHOP_RESEND_INTERVAL": "1s", "OTPGW_APP_SHOP_MAX_RESENDS": "2",
			}))
			c := client(t)
			ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
			defer cancel()
			warm(ctx, t, d, c, primary, backup)

			var o struct {
				created
				Cost float64
			}
			const turkish = "Doğrulama kodunuz {{pin}}, lütfen bu şifreyi hiç kimseyle paylaşmayınız. Teşekkürler, iyi günler."
			mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(1)+`","template":"`+turkish+`"}`, 201).json(t, &o)
			if o.Parts != 1 || o.Encoding != "GSM7" || o.Cost != 0.05 {
				t.Errorf("%d parts in %s for %v; the primary sends 1 in GSM7 for 0.05", o.Parts, o.Encoding, o.Cost)
			}
			if m := waitSMS(t, primary, number(1)); m.Parts != o.Parts {
				t.Errorf("%d parts were sent", m.Parts)
			}
			resend(t, c, d, o.OtpID)
			waitSMS(t, backup, number(1))
		})
	}
}

// resend asks for an OTP's message again until the interval is over.
func resend(t *testing.T, c *http.Client, d *process, otpID string) {
	t.Helper()
	await.That(t, "the message is sent again", func() bool {
		a, err := call(c, "POST", d.HTTP+"/otp/"+otpID+"/resend", "")
		if err != nil || a.status != http.StatusOK && a.status != http.StatusTooManyRequests {
			t.Fatalf("resend: %d %s %v", a.status, a.body, err)
		}
		return a.status == http.StatusOK
	})
}
