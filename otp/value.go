package otp

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"strconv"
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
	kind kind
	text string
}

var errBody = errors.New("body is not a JSON object")

// object is the body of a request, one level deep.
type object map[string]json.RawMessage

// parseObject reads a JSON object as RFC 8259 has it and encoding/json reads it. Of a key given twice the last counts; names
// are compared exactly. Octets that are not UTF-8 are refused, for they would go out as replacement characters; the escape
// of a lone surrogate is JSON (RFC 8259, 8.2) and becomes U+FFFD, so that a text some client cut inside an emoji still
// carries its PIN.
func parseObject(body []byte) (object, error) {
	var o object
	if !utf8.Valid(body) || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte{'{'}) {
		return nil, errBody
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, errBody // the cause would quote the body
	}
	return o, nil
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
		return value{kindText, s}
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		return value{kindNumber, string(raw)}
	}
	return value{kind: kindOther}
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

// integer reads a whole number from a number or a string. A number out of range is that first, whole or not; 300.0 and
// 3e2 are 300.
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
