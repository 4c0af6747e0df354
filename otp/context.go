package otp

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// MaxContext bounds the context of a request: octets of JSON.
const MaxContext = 1 << 10

// A context is what the PIN is for, such as the payee and the amount of a payment (PSD2, RTS article 5): any
// JSON. It is sealed with the OTP and has to be the same again with the guess: a PIN that was asked for one
// payment confirms no other. It is compared by what it means, so space, the order of keys, escapes and the
// writing of numbers do not count. Its texts and numbers can stand in the template, as {{amount}}.

func (f *faults) context(o object) string {
	raw := o["context"]
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	if _, err := canonicalJSON(raw); err != nil || len(raw) > MaxContext {
		f.add(CodeContext, "The parameter 'context' is longer than 1024 octets, or holds half of a character")
	}
	return string(raw)
}

func contextContext(otpID string) string { return "context:" + otpID }

// sealContext seals what a context means; none is nil. It was judged by faults.context.
func (s *Service) sealContext(id, context string) []byte {
	canonical, err := canonicalJSON([]byte(context))
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
	canonical, err := canonicalJSON([]byte(context))
	return err == nil && subtle.ConstantTimeCompare(asked, canonical) == 1, nil
}

// labels are what a context has for a template: its fields on the first level that are a text, a number or a
// boolean.
func labels(context string) map[string]string {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(context), &fields) != nil {
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

// canonicalJSON writes what JSON means in one way only: no space, sorted keys, plain strings, numbers without
// needless digits. Numbers are never read as binary fractions, so that no two amounts become one.
func canonicalJSON(raw []byte) ([]byte, error) {
	if halvesPair(raw) {
		return nil, errBody
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errBody
	}
	var b bytes.Buffer
	writeCanonical(&b, v)
	return b.Bytes(), nil
}

func writeCanonical(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case map[string]any:
		b.WriteByte('{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteByte(',')
			}
			writeCanonical(b, key)
			b.WriteByte(':')
			writeCanonical(b, v[key])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeCanonical(b, item)
		}
		b.WriteByte(']')
	case json.Number:
		b.WriteString(canonicalNumber(v.String()))
	default: // string, bool, nil: always marshal
		data, _ := json.Marshal(v)
		b.Write(data)
	}
}

// canonicalNumber is a number of JSON as digits without zeros at either end, and the power of ten to multiply
// them with.
func canonicalNumber(s string) string {
	sign, power := "", 0
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.Atoi(strings.TrimPrefix(s[i+1:], "+"))
		if err != nil {
			return sign + s // past all numbers; it is only equal to itself
		}
		power, s = n, s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits := whole + fraction
	power -= len(fraction)
	short := strings.TrimRight(digits, "0")
	power += len(digits) - len(short)
	if short = strings.TrimLeft(short, "0"); short == "" {
		return "0"
	}
	return sign + short + "e" + strconv.Itoa(power)
}
