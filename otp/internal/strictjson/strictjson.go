// Package strictjson reads the bodies of requests: JSON that two programs cannot read as two things, its fields
// as people and programs write them, and one way to write what a value means. It knows no field by its name;
// what is wrong with one is said by package otp.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is what a JSON value is to the parsers of requests.
type Kind int

// The kinds.
const (
	Unset  Kind = iota // absent or null
	Text               // a string
	Number             // a number; Value.Text is its literal
	Other              // boolean, array, object
)

// Value is a field of a request.
type Value struct {
	Kind   Kind
	Text   string
	Halved bool // a string with half of a surrogate pair in it, which is U+FFFD in Text
}

// The errors of Parse.
var (
	ErrObject   = errors.New("not a valid JSON object")
	ErrRepeated = errors.New("a key is there twice, or in upper and lower case")
)

// Object is the body of a request, one level deep.
type Object map[string]json.RawMessage

// Parse reads a JSON object as RFC 8259 has it and encoding/json reads it, and refuses what two
// programs read as two things: a key that is there twice, at any level, or beside itself in another case.
// Names are compared exactly. Octets that are not UTF-8 are refused, for they would go out as replacement
// characters. The values are parts of the body.
func Parse(body []byte) (Object, error) {
	body = bytes.TrimLeft(body, " \t\r\n")
	if !utf8.Valid(body) || !bytes.HasPrefix(body, []byte{'{'}) || !json.Valid(body) {
		return nil, ErrObject // a cause would quote the body
	}
	r := reader{data: body, names: make([]string, 0, 8)}
	o := make(Object)
	if r.object(o); r.repeated {
		return nil, ErrRepeated
	}
	return o, nil
}

// Value is the field of a name.
func (o Object) Value(name string) Value {
	raw := o[name]
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return Value{}
	case raw[0] == '"':
		return Value{Text, unquote(raw), HalvesPair(raw)}
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		return Value{Kind: Number, Text: string(raw)}
	}
	return Value{Kind: Other}
}

// HalvesPair says whether a string of JSON has the escape of a surrogate without the other half (RFC 8259, 8.2).
func HalvesPair(raw []byte) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return false
	}
	high := false // just before was the first half
	for i := 0; i < len(raw); i++ {
		unit := -1
		if raw[i] == '\\' {
			i++
			if raw[i] == 'u' {
				n, _ := strconv.ParseUint(string(raw[i+1:i+5]), 16, 16)
				unit = int(n)
				i += 4
			}
		}
		low := unit >= 0xDC00 && unit < 0xE000
		if high != low {
			return true
		}
		high = unit >= 0xD800 && unit < 0xDC00
	}
	return false
}

// numeral is a text that is a number, as JSON writes it or with leading zeros.
var numeral = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// Place is where a number lies.
type Place int

// The places.
const (
	InRange Place = iota
	NotNumber
	Below
	Above
)

// Integer reads a whole number from a number or a string. A number out of range is that first, whole or not;
// 300.0 and 3e2 are 300.
func (v Value) Integer(low, high int) (int, Place) {
	if v.Kind != Number && (v.Kind != Text || !numeral.MatchString(v.Text)) {
		return 0, NotNumber
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	switch {
	case err != nil && math.IsInf(f, 0), f != f: // past float64: only the sign counts
		if f < 0 {
			return 0, Below
		}
		return 0, Above
	case f < float64(low):
		return 0, Below
	case f > float64(high):
		return 0, Above
	case f != math.Trunc(f):
		return 0, NotNumber
	}
	return int(f), InRange
}

// Canonical writes what JSON means in one way only: no space, sorted keys, plain strings, numbers without
// needless digits. Numbers are never read as binary fractions, so that no two amounts become one.
func Canonical(raw []byte) ([]byte, error) {
	if HalvesPair(raw) {
		return nil, ErrObject
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrObject
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
