package otp

import (
	"crypto/subtle"
	"encoding/json"
	"strings"

	"github.com/otpgw/otpgw/otp/internal/strictjson"
)

// MaxContext bounds the context of a request: octets of JSON.
const MaxContext = 1 << 10

// A context is what the PIN is for, such as the payee and the amount of a payment (PSD2, RTS article 5): any
// JSON. It is sealed with the OTP and has to be the same again with the guess: a PIN that was asked for one
// payment confirms no other. It is compared by what it means, so space, the order of keys, escapes and the
// writing of numbers do not count. Its texts and numbers can stand in the template, as {{amount}}.

func (f *faults) context(o strictjson.Object) string {
	raw := o["context"]
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if _, err := strictjson.Canonical(raw); err != nil || len(raw) > MaxContext {
		f.add(CodeContext, "The parameter 'context' is longer than 1024 octets, or holds half of a character")
	}
	return string(raw)
}

func contextContext(otpID string) string { return "context:" + otpID }

// sealContext seals what a context means; none is nil. It was judged by faults.context.
func (s *Service) sealContext(id, context string) []byte {
	if context == "" {
		return nil
	}
	canonical, err := strictjson.Canonical([]byte(context))
	if err != nil {
		return nil
	}
	return s.Box.Seal(canonical, contextContext(id))
}

// sameContext compares the context of a guess with the record's. One that is missing, or that nobody asked
// for, is an error: then no attempt was made.
func (s *Service) sameContext(r *Record, context string) (bool, error) {
	switch {
	case r.Context == nil && context == "":
		return true, nil
	case context == "":
		return false, &Error{Code: CodeContext, Message: "The parameter 'context' is not set, and the OTP was asked for with one"}
	case r.Context == nil:
		return false, &Error{Code: CodeContext, Message: "The parameter 'context' is set, and the OTP was asked for without one"}
	}
	asked, err := s.Box.Open(r.Context, contextContext(r.ID))
	if err != nil {
		return false, sealError(r.ID, err)
	}
	canonical, err := strictjson.Canonical([]byte(context))
	return err == nil && subtle.ConstantTimeCompare(asked, canonical) == 1, nil
}

// labels are what a context has for a template: its fields on the first level that are a text, a number or a
// boolean.
func labels(context string) map[string]string {
	var fields map[string]json.RawMessage
	if context == "" || json.Unmarshal([]byte(context), &fields) != nil {
		return nil
	}
	texts := make(map[string]string)
	for name, raw := range fields {
		var text string
		switch raw[0] {
		case '{', '[', 'n':
			continue
		case '"':
			_ = json.Unmarshal(raw, &text)
		default:
			text = string(raw)
		}
		texts[name] = strings.Map(func(r rune) rune {
			if unsendable(r) {
				return -1
			}
			return r
		}, text)
	}
	return texts
}
