package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestSend: an operator tries a link with one message and sees what the carrier answers and what the receipt
// says; a refusal, a silent carrier and what cannot be sent at all are told apart. Neither number nor text is
// in the daemon's log.
func TestSend(t *testing.T) {
	t.Parallel()
	good := startSMSC(t, smsc.Config{})
	refusing := startSMSC(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome { return smsc.Outcome{Status: wire.StatusInvDstAdr} }})
	failing := startSMSC(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome {
		return smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Undeliverable, Err: "027"}}}
	}})
	p := startDaemon(t, env(t.TempDir(), good.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,refuses,fails,down", "OTPGW_ROUTES": "default,none", "OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0,refuses:1,fails:1",
		"OTPGW_ROUTE_NONE_PREFIXES": "1", "OTPGW_ROUTE_NONE_LINKS": "down",
		"OTPGW_LINK_REFUSES_ADDR": refusing.Addr(), "OTPGW_LINK_REFUSES_SYSTEM_ID": "x",
		"OTPGW_LINK_FAILS_ADDR": failing.Addr(), "OTPGW_LINK_FAILS_SYSTEM_ID": "x",
		"OTPGW_LINK_DOWN_ADDR": "127.0.0.1:1", "OTPGW_LINK_DOWN_SYSTEM_ID": "x",
	}))
	if !p.stderr.more(`"message":"bound"`, 2) {
		t.Fatal("the links do not bind")
	}
	at := []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}
	const to = "+359888123456"
	for _, c := range []struct {
		args   []string
		code   int
		out    []string
		reason string
	}{
		{[]string{"-to", to}, 0, []string{"link carrier, from Verify", "part 1: ESME_ROK", "message id ", "receipt of part 1: DELIVRD"}, ""},
		{[]string{"-to", to, "-link", "carrier", "-from", "Bank", "-text", strings.Repeat("Здравей ", 12)}, 0, []string{"from Bank", "receipt of part 2: DELIVRD"}, ""},
		{[]string{"-to", to, "-route", "default", "-wait", "0s"}, 0, []string{"link carrier"}, ""},
		{[]string{"-to", to, "-link", "refuses"}, 1, []string{"part 1: " + wire.StatusInvDstAdr.String()}, "did not take"},
		{[]string{"-to", to, "-link", "fails"}, 1, []string{"UNDELIV"}, "not delivered"},
		{[]string{"-to", to, "-link", "down"}, 1, nil, "no bind"},
		{[]string{"-to", "+14165550100"}, 1, nil, "no link of the route none can send"},
		{[]string{"-to", to, "-link", "nobody"}, 1, nil, "no link is named nobody"},
		{[]string{"-to", to, "-route", "nowhere"}, 1, nil, "no route is named nowhere"},
		{[]string{"-to", "12"}, 1, nil, "no telephone number"},
		{[]string{"-to", to, "-from", "a sender too long"}, 1, nil, "-from"},
		{[]string{"-to", to, "-from", "x", "-link", "carrier", "-route", "default"}, 2, nil, "not both"},
		{nil, 2, nil, "-to"},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), append([]string{"send"}, c.args...), at, &out, &errs); code != c.code || !strings.Contains(errs.String(), c.reason) {
			t.Errorf("send %v: exit status %d, %s", c.args, code, &errs)
		}
		for _, want := range c.out {
			if !strings.Contains(out.String(), want) {
				t.Errorf("send %v lacks %q:\n%s", c.args, want, &out)
			}
		}
	}
	if n := len(good.Messages(smsc.Filter{To: to})); n != 3 {
		t.Errorf("%d messages arrived, want 3", n)
	}
	if log := p.stderr.String(); strings.Contains(log, to[1:]) || strings.Contains(log, "test message") || !strings.Contains(log, `"audit":"POST /send"`) {
		t.Error("the log has the number or the text, or lacks the action")
	}
}
