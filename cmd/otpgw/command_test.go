package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	good := []string{"OTPGW_APPS=shop", "OTPGW_APP_SHOP_API_KEYS=topsecret-topsecret-topsecret", "OTPGW_APP_SHOP_SENDERS=Verify",
		"OTPGW_LINKS=carrier", "OTPGW_LINK_CARRIER_ADDR=127.0.0.1:1", "OTPGW_LINK_CARRIER_SYSTEM_ID=acc", "OTPGW_LINK_CARRIER_PASSWORD=pass",
		"OTPGW_SECRET_KEY=b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlc3M="}
	file := filepath.Join(t.TempDir(), "otpgw.conf")
	if err := os.WriteFile(file, []byte("# the same, as a file\n"+strings.Join(good, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name    string
		args    []string
		environ []string
		code    int
		stdout  []string
		stderr  []string
	}{
		{"help", []string{"-help"}, nil, 0, []string{"otpgw check -bind", "OTPGW_LINK_<NAME>_ADDR"}, nil},
		{"version", []string{"version"}, nil, 0, []string{"otpgw "}, nil},
		{"pics", []string{"pics"}, nil, 0, []string{"## submit_sm [4.4.1], 0x00000004: sent", "| registered_delivery [5.2.17] | 1 | 1: a receipt", "ESME_RX_T_APPN",
			"| 0x0427 | message_state [5.3.2.35] |"}, nil},
		{"-version", []string{"-version"}, nil, 0, []string{"otpgw "}, nil},
		{"--version", []string{"--version"}, nil, 0, []string{"otpgw "}, nil},
		{"unknown command", []string{"frobnicate"}, nil, 2, nil, []string{`"frobnicate"`, "-help"}},
		{"unknown flag", []string{"-frob"}, nil, 2, nil, []string{"-frob", "-help"}},
		{"flag of another command", []string{"-bind"}, nil, 2, nil, []string{"check"}},
		{"argument too many", []string{"check", "x"}, nil, 2, nil, []string{`"x"`}},
		{"no configuration", nil, nil, 2, nil, []string{"OTPGW_APPS", "OTPGW_LINKS"}},
		{"check", []string{"check"}, good, 0, []string{"OTP/s sustained", "OTPGW_APP_SHOP_API_KEYS=****", "OTPGW_LINK_CARRIER_ADDR=127.0.0.1:1"}, nil},
		{"check -config", []string{"check", "-config", file}, []string{"OTPGW_APP_SHOP_TTL=77"}, 0,
			[]string{"OTPGW_APP_SHOP_TTL=77", "OTPGW_LINK_CARRIER_ADDR=127.0.0.1:1"}, nil},
		{"check -config of no file", []string{"check", "-config", "testdata/none"}, nil, 2, nil, []string{"testdata/none: cannot be read"}},
		{"check with warnings", []string{"check"}, append([]string{"OTPGW_LINK_CARRIER_WINDOWS=9", "OTPGW_APP_SHOP_TEMPLATE='{{pin}}'"}, good...), 3,
			[]string{"OTPGW_LINK_CARRIER_ADDR=127.0.0.1:1"}, []string{"otpgw: 2 warnings:\n", "OTPGW_LINK_CARRIER_WINDOW"}},
		{"check -bind with a warning and nobody there", []string{"check", "-bind"}, append([]string{"OTPGW_LINK_CARRIER_WINDOWS=9"}, good...), 1,
			[]string{"FAILED"}, []string{"1 of 1 links failed\notpgw: 1 warning:\n"}},
		{"check of a cluster that may sync rarely", []string{"check"}, append([]string{"OTPGW_NATS_URL=nats://n1:4222"}, good...), 3, nil,
			[]string{"1 warning:", "OTPGW_NATS_SYNC: is not set", "every 2 minutes"}},
		{"check of a cluster that does", []string{"check"}, append([]string{"OTPGW_NATS_URL=nats://n1:4222", "OTPGW_NATS_SYNC=2m"}, good...), 3, nil,
			[]string{"1 warning:", "OTPGW_NATS_SYNC: 2m0s: what was accepted in that time is lost"}},
		{"check of a cluster that syncs", []string{"check"}, append([]string{"OTPGW_NATS_URL=nats://n1:4222", "OTPGW_NATS_SYNC=always"}, good...), 0, nil, nil},
		{"check with faults", []string{"check"}, append([]string{"OTPGW_APP_SHOP_TTL=9", "OTPGW_LINK_CARRIER_WINDOW=x"}, good...), 2, nil,
			[]string{"OTPGW_APP_SHOP_TTL", "OTPGW_LINK_CARRIER_WINDOW"}},
		{"check -bind with nobody there", []string{"check", "-bind"}, good, 1, []string{"FAILED", "connection refused"}, []string{"1 of 1 links failed"}},
		{"explain", []string{"explain", "-to", "+359888123456", "-from", "Bank"}, append([]string{"OTPGW_APP_SHOP_TEMPLATE_BG=Код {{pin}}"}, good...), 0,
			[]string{"+359888123456, BG", "default", "carrier", "Verify (Bank is not among", "Код 000000", "the template in bg", "UCS2, 1 part(s)"}, nil},
		{"check shows the routes", []string{"check"}, append([]string{"OTPGW_ROUTES=default,brand", "OTPGW_ROUTE_BRAND_SENDERS=Verify", "OTPGW_ROUTE_BRAND_LINKS=carrier"}, good...), exitWarnings,
			[]string{"# Verify  *            *        *       brand    carrier:0\n"}, []string{"OTPGW_ROUTE_DEFAULT_PREFIXES: the route can never match"}},
		{"explain where names are refused", []string{"explain", "-to", "+12025550123"}, good, 0, []string{"REFUSED", "2005: US takes no names"}, nil},
		{"explain of India", []string{"explain", "-to", "+919876543210"}, append([]string{"OTPGW_APP_SHOP_DLT_ENTITY=1101172974420810001", "OTPGW_APP_SHOP_DLT_TEXT=Code {#var#}",
			"OTPGW_LINK_CARRIER_DLT_CHAIN=1101172974420830004"}, good...), 0,
			[]string{"another text: Code {#var#}", "2006: the text is not the one registered in India", `0x1400="1101172974420810001", 0x1402="`, "entity, header, template and chain"}, nil},
		{"explain with templates of a request", []string{"explain", "-to", "+359888123456", "-template", "Code {{pin}}", "-template-bg=Парола {{pin}}", "-template-de", "PIN {{pin}}"}, good, 0,
			[]string{"Парола 000000", "the template in bg"}, nil},
		{"explain with a template of no language", []string{"explain", "-to", "+359888123456", "-template-qq", "{{pin}}"}, good, 2, nil, []string{"-template-qq; see otpgw -help\n"}},
		{"explain of no number", []string{"explain", "-to", "12"}, good, 2, nil, []string{"no country code"}},
		{"callback secret", []string{"check", "-callback-secret", "shop"}, good, 0, []string{"whsec_"}, nil},
		{"callback secret of nobody", []string{"check", "-callback-secret", "x"}, good, 2, nil, []string{`"x"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(context.Background(), c.args, c.environ, &stdout, &stderr); code != c.code {
				t.Errorf("exit status %d, want %d", code, c.code)
			}
			for _, want := range c.stdout {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("stdout lacks %q:\n%s", want, &stdout)
				}
			}
			for _, want := range c.stderr {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("stderr lacks %q:\n%s", want, &stderr)
				}
			}
			if strings.Contains(stdout.String()+stderr.String(), "topsecret") {
				t.Error("a secret is printed")
			}
		})
	}
}
