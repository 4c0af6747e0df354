package otp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is what a JSON value is to the parsers of requests.
type kind int

const (
	kindUnset  kind = iota // absent or null
	kindText               // a string
	kindNumber             // a number; value.text is its literal
	kindOther              // boolean, array, object
)

// value is a field of a request.
type value struct {
	kind   kind
	text   string
	halved bool // a string with half of a surrogate pair in it, which is U+FFFD in text
}

var (
	errBody     = &Error{Code: CodeInvalidBody, Message: "The body is not a valid JSON object"}
	errRepeated = &Error{Code: CodeInvalidBody, Message: "The body has a key twice, or in upper and lower case"}
)

// object is the body of a request, one level deep.
type object map[string]json.RawMessage

// parseObject reads a JSON object as RFC 8259 has it and encoding/json reads it, and refuses what two
// programs read as two things: a key that is there twice, at any level, or beside itself in another case.
// Names are compared exactly. Octets that are not UTF-8 are refused, for they would go out as replacement
// characters.
func parseObject(body []byte) (object, error) {
	var o object
	if !utf8.Valid(body) || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte{'{'}) {
		return nil, errBody
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, errBody // the cause would quote the body
	}
	if repeatsKey(body) {
		return nil, errRepeated
	}
	return o, nil
}

// ParseFields reads a JSON object for the faces of other APIs, as strictly as ours: no key twice, and nothing
// but UTF-8.
func ParseFields(body []byte) (map[string]json.RawMessage, error) { return parseObject(body) }

// repeatsKey goes through a valid object. Below the first level a key in two cases is two keys: that is the
// caller's own.
func repeatsKey(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var open []map[string]bool // of each level; nil for an array
	key := false               // whether the next string is a key
	for {
		t, err := dec.Token()
		if err != nil {
			return !errors.Is(err, io.EOF)
		}
		switch t := t.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, make(map[string]bool))
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
		case string:
			if key {
				if len(open) == 1 {
					t = strings.ToLower(t)
				}
				keys := open[len(open)-1]
				if keys[t] {
					return true
				}
				keys[t], key = true, false
				continue
			}
		}
		key = len(open) > 0 && open[len(open)-1] != nil
	}
}

func (o object) value(name string) value {
	raw := o[name]
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return value{}
	case raw[0] == '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return value{kind: kindOther}
		}
		return value{kindText, s, halvesPair(raw)}
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		return value{kind: kindNumber, text: string(raw)}
	}
	return value{kind: kindOther}
}

// halvesPair: a string of JSON has the escape of a surrogate without the other half (RFC 8259, 8.2).
func halvesPair(raw []byte) bool {
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

// numeral is a number, as JSON writes it or with leading zeros.
var numeral = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// Where a number lies.
type place int

const (
	inRange place = iota
	notNumber
	below
	above
)

// integer reads a whole number from a number or a string. A number out of range is that first, whole or not;
// 300.0 and 3e2 are 300.
func (v value) integer(low, high int) (int, place) {
	if v.kind != kindNumber && v.kind != kindText || !numeral.MatchString(v.text) {
		return 0, notNumber
	}
	f, err := strconv.ParseFloat(v.text, 64)
	switch {
	case err != nil && math.IsInf(f, 0), f != f: // past float64: only the sign counts
		if f < 0 {
			return 0, below
		}
		return 0, above
	case f < float64(low):
		return 0, below
	case f > float64(high):
		return 0, above
	case f != math.Trunc(f):
		return 0, notNumber
	}
	return int(f), inRange
}
