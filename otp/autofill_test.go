package otp

import (
	"strings"
	"testing"
)

const aHash = "FA+9qCX9VSu"

func TestAppend(t *testing.T) {
	parts := func(s string) int { n, _ := measure("", s); return n }
	a := strings.Repeat
	for _, test := range []struct {
		name string
		n    NewOtp
		text string
		want string // "" is an error
	}{
		{"neither", NewOtp{}, "Code 1234 ", "Code 1234 "},
		{"domain", NewOtp{WebOTPDomain: "shop.example"}, "Code 1234", "Code 1234\n\n@shop.example #1234"},
		{"hash", NewOtp{AppHash: aHash}, "Code 1234\n", "Code 1234\n\n" + aHash},
		{"both: the domain is last", NewOtp{WebOTPDomain: "shop.example", AppHash: aHash}, "Code 1234", "Code 1234\n\n" + aHash + "\n@shop.example #1234"},
		{"one part only without the empty line", NewOtp{WebOTPDomain: "shop.example"}, a("a", 160-20), a("a", 160-20) + "\n@shop.example #1234"},
		{"with it", NewOtp{WebOTPDomain: "shop.example"}, a("a", 160-21), a("a", 160-21) + "\n\n@shop.example #1234"},
		{"two parts anyway", NewOtp{WebOTPDomain: "shop.example"}, a("a", 159), a("a", 159) + "\n\n@shop.example #1234"},
		{"hash fits to the byte", NewOtp{AppHash: aHash, hashAsked: true}, a("a", 128), a("a", 128) + "\n" + aHash},
		{"bytes, not characters", NewOtp{AppHash: aHash}, a("é", 65), a("é", 65)},
		{"hash does not fit, asked for", NewOtp{AppHash: aHash, hashAsked: true}, a("a", 129), ""},
		{"hash does not fit, of the settings", NewOtp{AppHash: aHash, WebOTPDomain: "shop.example"}, a("a", 129), a("a", 129) + "\n\n@shop.example #1234"},
	} {
		got, err := test.n.append(test.text, "1234", parts)
		if test.want == "" {
			wantCode(t, test.name, err, CodeAppHash)
		} else if err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}

func TestAutofillFields(t *testing.T) {
	b := newBench(t)
	b.app.WebOTPDomain = "app.example"
	for _, test := range []struct {
		fields string
		end    string
		code   Code
	}{
		{``, "\n@app.example #PIN", 0},
		{`,"webOtpDomain":"shop.example"`, "\n@shop.example #PIN", 0},
		{`,"webOtpDomain":""`, "is PIN", 0},
		{`,"webOtpDomain":null,"appHash":"` + aHash + `"`, aHash + "\n@app.example #PIN", 0},
		{`,"webOtpDomain":"","appHash":"` + aHash + `"`, "\n" + aHash, 0},
		{`,"webOtpDomain":"https://shop.example"`, "", CodeWebOTPDomain},
		{`,"webOtpDomain":"shop.example:8080"`, "", CodeWebOTPDomain},
		{`,"webOtpDomain":"a b.example"`, "", CodeWebOTPDomain},
		{`,"webOtpDomain":5`, "", CodeWebOTPDomain},
		{`,"webOtpDomain":"-a.example"`, "", CodeWebOTPDomain},
		{`,"appHash":"short"`, "", CodeAppHash},
		{`,"appHash":"FA+9qCX9VS\n"`, "", CodeAppHash},
		{`,"appHash":[]`, "", CodeAppHash},
		{`,"appHash":"` + aHash + `","template":"` + strings.Repeat("a", 140) + `{{pin}}"`, "", CodeAppHash},
		{`,"appHash":"x","ttl":1`, "", CodeTTLLow},
	} {
		body := `{"phoneNumber":"+33612345678"` + test.fields + `}`
		err := b.try(body)
		wantCode(t, test.fields, err, test.code)
		if err != nil {
			continue
		}
		m, text := b.message(t)
		if want := strings.ReplaceAll(test.end, "PIN", b.pin(t, m.Ref)); !strings.HasSuffix(text, want) {
			t.Errorf("%s: %q", test.fields, text)
		}
	}
}
