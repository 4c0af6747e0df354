// Package typed reads what people type and paste, in whatever script and with whatever nobody sees around it.
package typed

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Plain is what somebody typed or pasted, in ASCII where that says the same: full-width forms as their narrow
// ones, the decimal digits of any script as 0 to 9, and nothing that cannot be seen: byte order marks,
// directional marks, zero-width and soft hyphens, variation selectors, the frame of a keycap. White space
// around it does not count.
func Plain(s string) string {
	return strings.TrimSpace(strings.Map(plainRune, s))
}

func plainRune(r rune) rune {
	if r < utf8.RuneSelf {
		return r
	}
	if invisible(r) {
		return -1
	}
	if folded := width.LookupRune(r).Folded(); folded != 0 {
		r = folded
	}
	if digit, ok := decimal(r); ok {
		return '0' + digit
	}
	return r
}

const combiningKeycap = 0x20E3

func invisible(r rune) bool {
	return r == combiningKeycap || unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// decimal is the value of a decimal digit. The digits of a script stand in a row from 0 to 9 (Unicode, 4.6),
// and so do several rows in one range.
func decimal(r rune) (rune, bool) {
	if !unicode.IsDigit(r) {
		return 0, false
	}
	for _, row := range unicode.Nd.R16 {
		if low := rune(row.Lo); r >= low && r <= rune(row.Hi) {
			return (r - low) % 10, true
		}
	}
	for _, row := range unicode.Nd.R32 {
		if low := rune(row.Lo); r >= low && r <= rune(row.Hi) {
			return (r - low) % 10, true
		}
	}
	return 0, false
}

// Digits says whether s is of decimal digits in ASCII, and has at least one.
func Digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Upper is for ASCII letters only, so that no other letter turns into one.
func Upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
