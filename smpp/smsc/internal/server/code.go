package server

import (
	"fmt"
	"regexp"
	"strings"
)

// The lengths of a code.
const (
	minCode    = 4
	maxCode    = 10
	maxPattern = 200 // of a pattern, in octets
)

// FindCode returns the one-time code in a message text: the first run of 4 to 10 ASCII letters and digits
// that holds a digit. Empty when there is none.
//
// What only looks like a code is passed over: a run longer than 10 (phone numbers, identifiers), numbers
// joined by punctuation (dates, times, amounts, 555-1234), international phone numbers with their groups
// ("+49 170 1234567"), and words with :// or @ in them (links, mail addresses, the first word of a WebOTP
// line). The year in "since 2026" and the sender's name in "Bank24: ..." cannot be told from a code; a code
// of letters alone cannot be told from a word. Use a pattern for those.
func FindCode(s string) string {
	for i := 0; i < len(s); {
		switch {
		case startsWord(s, i) && isLink(word(s[i:])):
			i += len(word(s[i:]))
		case s[i] == '+' && i+1 < len(s) && isDigit(s[i+1]):
			i += phoneLen(s[i:])
		case isAlnum(s[i]):
			run := runLen(s[i:])
			if isCode(s, i, i+run) {
				return s[i : i+run]
			}
			i += run
		default:
			i++
		}
	}
	return ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isSpace(c byte) bool { return c <= ' ' }

func startsWord(s string, i int) bool { return !isSpace(s[i]) && (i == 0 || isSpace(s[i-1])) }

func word(s string) string {
	for i := range len(s) {
		if isSpace(s[i]) {
			return s[:i]
		}
	}
	return s
}

func isLink(word string) bool { return strings.Contains(word, "://") || strings.Contains(word, "@") }

func runLen(s string) int {
	n := 0
	for n < len(s) && isAlnum(s[n]) {
		n++
	}
	return n
}

// phoneLen is the length of the international number that s begins with: digits, and single separators
// between them.
func phoneLen(s string) int {
	n := 1
	for n < len(s) {
		switch {
		case isDigit(s[n]):
			n++
		case strings.IndexByte(" -./()", s[n]) >= 0 && n+1 < len(s) && (isDigit(s[n+1]) || s[n+1] == '('):
			n++
		case s[n] == ')' && n+2 < len(s) && s[n+1] == ' ' && isDigit(s[n+2]):
			n += 2
		default:
			return n
		}
	}
	return n
}

// isCode judges the run s[from:to].
func isCode(s string, from, to int) bool {
	if n := to - from; n < minCode || n > maxCode {
		return false
	}
	return strings.ContainsAny(s[from:to], "0123456789") && !joined(s, from, to)
}

// joined reports whether the run hangs together with a number before or behind it, as in 2026-11-23, 10:30 or
// 19.99.
func joined(s string, from, to int) bool {
	const joints = "-./:,"
	if from >= 2 && strings.IndexByte(joints, s[from-1]) >= 0 && isDigit(s[from-2]) && isDigit(s[from]) {
		return true
	}
	return to+1 < len(s) && strings.IndexByte(joints, s[to]) >= 0 && isDigit(s[to-1]) && isDigit(s[to+1])
}

// codeFinder makes a finder of a pattern: RE2 syntax, of which the first group is the code, or the whole
// match when it has no group. The empty pattern is FindCode.
func codeFinder(pattern string) (func(string) string, error) {
	if pattern == "" {
		return FindCode, nil
	}
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("pattern is %d octets long, at most %d are taken", len(pattern), maxPattern)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern is no regular expression: %w", err)
	}
	return func(s string) string {
		m := re.FindStringSubmatch(s)
		if len(m) == 0 {
			return ""
		}
		return m[min(1, len(m)-1)]
	}, nil
}
