package otp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/text"
)

// TestHostileBodies: no body of 64 KiB takes long to refuse.
func TestHostileBodies(t *testing.T) {
	const size = 64 << 10
	var fields strings.Builder
	for i := range 3500 {
		fmt.Fprintf(&fields, `,"template_%c%c%c":"x"`, 'a'+i%26, 'a'+i/26%26, 'a'+i/676)
	}
	fill := func(s string) string { return strings.Repeat(s, (size-200)/len(s)) }
	bodies := map[string]string{
		"digits of a phone":    `{"phoneNumber":"+` + fill("3") + `"}`,
		"phone of 250":         `{"phoneNumber":"+` + strings.Repeat("3 ", 120) + `"}`,
		"punctuation":          `{"phoneNumber":"+33` + fill("-(") + `"}`,
		"national punctuation": `{"phoneNumber":"0` + strings.Repeat("-(", 120) + `","countryIso":"US"}`,
		"digits of a ttl":      `{"phoneNumber":"+33612345678","ttl":` + fill("9") + `}`,
		"exponent of a ttl":    `{"phoneNumber":"+33612345678","ttl":1e` + fill("9") + `}`,
		"fraction of a ttl":    `{"phoneNumber":"+33612345678","ttl":"300.` + fill("0") + `"}`,
		"depth":                `{"a":` + fill("[") + `}`,
		"templates":            `{"phoneNumber":"+33612345678"` + fields.String() + `}`,
		"the same key":         `{` + fill(`"a":1,`) + `"a":1}`,
		"keys of escapes":      `{"` + fill(`\u0061`) + `":1}`,
		"placeholders":         `{"phoneNumber":"+33612345678","template":"` + fill("{{pin}}") + `"}`,
		"braces":               `{"phoneNumber":"+33612345678","template":"` + fill("{") + `"}`,
		"host":                 `{"phoneNumber":"+33612345678","otpCallbackUrl":"http://` + fill("[") + `"}`,
		"sender":               `{"phoneNumber":"+33612345678","from":"` + fill("€") + `"}`,
		"country":              `{"phoneNumber":"0612345678","countryIso":"` + fill("F") + `"}`,
		"track id":             `{"phoneNumber":"+33612345678","trackId":"` + fill("{") + `"}`,
	}
	for name, body := range bodies {
		begun := time.Now()
		_, err := ParseNewOtp([]byte(body), testApp(), text.SenderProblem, nil)
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%s: %s (%v)", name, took, err)
		} else {
			t.Logf("%s: %s code %d", name, took, codeOf(err))
		}
	}
}
