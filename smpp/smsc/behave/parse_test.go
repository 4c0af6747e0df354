package behave_test

import (
	"errors"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

// FuzzParseRule: a rule that is taken is one that can be written and taken again; what is wrong is a
// FieldError.
func FuzzParseRule(f *testing.F) {
	f.Add([]byte(`{"match":{"to":"49"},"submit":{"delay":{"kind":"uniform","max":"1s"}},"receipt":{"state":"UNDELIV"}}`))
	f.Add([]byte(`{"share":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := behave.ParseRule(b)
		var fault *behave.FieldError
		if err != nil && (!errors.As(err, &fault) || fault.Field == "" || fault.Reason == "") {
			t.Errorf("%q: %v", b, err)
		}
		_, _ = behave.ParseRules(b)
	})
}
