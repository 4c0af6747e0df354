package main

import (
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestRoutesBySenderAndApplication: over two carriers, a sender that is registered with one goes only there,
// also when it is sent again, when that carrier refuses it for now, and never to numbers that this carrier
// does not serve; an application's own route takes what no registered sender does.
func TestRoutesBySenderAndApplication(t *testing.T) {
	t.Parallel()
	refused := number(4)[1:]
	count := func(y *tally) func(smsc.SubmitInfo) smsc.Outcome {
		return func(s smsc.SubmitInfo) smsc.Outcome {
			y.add(s.To + " " + s.From)
			if s.To == refused {
				return smsc.Outcome{Status: wire.StatusSysErr}
			}
			return smsc.Outcome{NoReceipt: true}
		}
	}
	atFirst, atSecond := newTally(), newTally()
	first, second := startSMSC(t, smsc.Config{OnSubmit: count(atFirst)}), startSMSC(t, smsc.Config{OnSubmit: count(atSecond)})
	d := startDaemon(t, env(t.TempDir(), first.Addr(), map[string]string{
		"OTPGW_APPS": "shop,bank", "OTPGW_APP_SHOP_SENDERS": "Verify,Brand", "OTPGW_APP_BANK_SENDERS": "Bank,Brand", "OTPGW_APP_BANK_API_KEYS": "bank",
		"OTPGW_LINKS": "carrier,b", "OTPGW_LINK_B_ADDR": second.Addr(), "OTPGW_LINK_B_SYSTEM_ID": "b", "OTPGW_LINK_B_PASSWORD": "secret",
		"OTPGW_ROUTES": "default,brand,bank", "OTPGW_ROUTE_DEFAULT_LINKS": "carrier",
		"OTPGW_ROUTE_BRAND_SENDERS": "Brand", "OTPGW_ROUTE_BRAND_PREFIXES": "46,47", "OTPGW_ROUTE_BRAND_LINKS": "b",
		"OTPGW_ROUTE_BANK_APPS": "bank", "OTPGW_ROUTE_BANK_LINKS": "b",
		"OTPGW_APP_SHOP_RESEND_INTERVAL": "1s",
	}))
	c := client(t)
	post := func(key, body string, status int) answer {
		t.Helper()
		a, err := callAs(c, key, "POST", d.HTTP+"/otp", body)
		if err != nil || a.status != status {
			t.Fatalf("%s: %v, %d %s, want %d", body, err, a.status, a.body, status)
		}
		return a
	}
	var o created
	post("key", `{"phoneNumber":"`+number(1)+`","from":"Brand"}`, 201).json(t, &o)
	atSecond.wait(t, number(1)[1:]+" Brand")
	resend(t, c, d, o.OtpID)
	atSecond.waitFor(t, number(1)[1:]+" Brand", 2)

	post("bank", `{"phoneNumber":"`+number(2)+`"}`, 201)
	atSecond.wait(t, number(2)[1:]+" Bank")
	post("key", `{"phoneNumber":"`+number(3)+`"}`, 201)
	atFirst.wait(t, number(3)[1:]+" Verify")

	var e struct {
		Error struct {
			Code          int
			Type, Message string
		}
	}
	post("key", `{"phoneNumber":"+359881234567","from":"Brand"}`, 403).json(t, &e)
	if e.Error.Code != 1119 || e.Error.Type != "no_coverage" || !strings.Contains(e.Error.Message, "'Brand'") {
		t.Errorf("a registered sender to where its carrier does not go: %+v", e)
	}
	post("key", `{"phoneNumber":"+359881234568"}`, 201)
	atFirst.wait(t, "359881234568 Verify")

	post("key", `{"phoneNumber":"`+number(4)+`","from":"Brand"}`, 201)
	atSecond.waitFor(t, refused+" Brand", 2) // it comes again to the same carrier
	for _, n := range []int{1, 2, 4} {
		for _, from := range []string{"Brand", "Bank", "Verify"} {
			if k := atFirst.of(number(n)[1:] + " " + from); k != 0 {
				t.Errorf("%s from %s went %d times over the carrier that does not know its sender", number(n), from, k)
			}
		}
	}
}
