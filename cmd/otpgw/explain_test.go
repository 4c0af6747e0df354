package main

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/explanation"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestExplainTellsRefusals: explain asks the running gateway what only its store knows, and names each thing
// that would refuse the request, all of them at once; asking counts as nothing, and POST /otp then meets the
// first of them.
func TestExplainTellsRefusals(t *testing.T) {
	t.Parallel()
	s := startSMSC(t, smsc.Config{})
	e := env(t.TempDir(), s.Addr(), map[string]string{"OTPGW_APP_SHOP_SEND_LIMITS": "2/1h", "OTPGW_APP_SHOP_QUOTA_DAY": "3", "OTPGW_APP_SHOP_COUNTRY_LIMITS": "SE:2/h"})
	d := startBound(t, e)
	c := client(t)
	e["OTPGW_ADMIN_ADDR"], e["OTPGW_ADMIN_TOKEN"] = strings.TrimPrefix(d.Admin, "http://"), testAdminToken
	environ := assignments(e)
	explained := func(to string) (got explanation.Explanation, codes []int) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), []string{"explain", "-json", "-to", to}, environ, &stdout, &stderr); code != exitOK {
			t.Fatalf("exit status %d: %s", code, &stderr)
		}
		if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
			t.Fatalf("%v: %s", err, &stdout)
		}
		if !got.Asked {
			t.Errorf("the gateway was not asked: %s", &stdout)
		}
		for _, r := range got.Refusals {
			codes = append(codes, int(r.Code))
		}
		return got, codes
	}
	want := func(to string, codes ...int) {
		t.Helper()
		if got, found := explained(to); !slices.Equal(found, codes) {
			t.Errorf("%s is refused with %v, want %v: %+v", to, found, codes, got.Refusals)
		}
	}
	const one, two = "+46701234567", "+46701234568"
	for range 4 { // more often than any limit
		want(one)
	}
	if got, _ := explained(one); len(got.Links) != 1 || got.Links[0].State != "up" {
		t.Errorf("the links are %+v", got.Links)
	}
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+one+`"}`, 201)
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+one+`"}`, 201)
	want(one, 1019, 1008) // the country's hour, and the number's own limit
	want("+33612345678")
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+33612345678"}`, 201)
	want("+33612345679", 1017)

	admin := []string{"OTPGW_ADMIN_ADDR=" + e["OTPGW_ADMIN_ADDR"], "OTPGW_ADMIN_TOKEN=" + testAdminToken}
	ctl(t, admin, exitOK, "donotsend", "add", one)
	ctl(t, admin, exitOK, "optout", "shop", one)
	ctl(t, admin, exitOK, "guard", "deny", "+4670", "for", "1h")
	want(one, 1016, 1015, 1012, 1017, 1019, 1008)
	want(two, 1012, 1017, 1019)
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+one+`"}`, 403)

	var stdout, stderr bytes.Buffer
	run(context.Background(), []string{"explain", "-to", one}, environ, &stdout, &stderr)
	for _, line := range []string{"REFUSED", "1015: ", "do-not-send list", "1017: The application's messages of this day are used up: 3; until "} {
		if !strings.Contains(stdout.String(), line) {
			t.Errorf("no %q in\n%s", line, &stdout)
		}
	}
	if n := d.stderr.count(one); n != 0 {
		t.Errorf("the number is %d times in the log", n)
	}
}

// assignments are settings as an environment has them.
func assignments(settings map[string]string) (environ []string) {
	for name, value := range settings {
		environ = append(environ, name+"="+value)
	}
	return environ
}

// TestExplainSaysWhatItDoesNotKnow: without a gateway that answers, or without its token, the configuration is
// explained, and what was not looked at is said.
func TestExplainSaysWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	environ := []string{"OTPGW_APPS=shop", "OTPGW_APP_SHOP_API_KEYS=topsecret-topsecret-topsecret", "OTPGW_APP_SHOP_SENDERS=Verify",
		"OTPGW_LINKS=carrier", "OTPGW_LINK_CARRIER_ADDR=127.0.0.1:1", "OTPGW_LINK_CARRIER_SYSTEM_ID=acc", "OTPGW_ADMIN_ADDR=127.0.0.1:1"}
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"explain", "-to", "+46701234567"}, environ, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit status %d: %s", code, &stderr)
	}
	for _, want := range []string{"no running gateway was asked, so opt-outs,", "connection refused", "nothing in the configuration refuses it"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
}
