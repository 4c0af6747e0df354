package text

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestSenderProblem: what can be a sender, and that just that goes into a PDU.
func TestSenderProblem(t *testing.T) {
	for _, test := range []struct {
		sender string
		ok     bool
	}{
		{"Verify", true},            // name
		{"My Bank+", true},          // name with space and sign
		{"Abcdefghijk", true},       // eleven
		{"Abcdefghijkl", false},     // twelve
		{"Ärzte-Ø", true},           // national letters of GSM
		{"[abcdefghi]", false},      // extension counts two
		{"[abcdefg]", true},         // extension that fits
		{"1234567890123456", false}, // sixteen digits
		{"123456789012345", true},   // fifteen digits
		{"123456789012", true},      // twelve digits
		{"12345", true},             // short code
		{"01234", true},             // short code with a zero
		{"0123456789", false},       // long number with a zero
		{"+33612345678", true},      // plus number
		{"+12345", false},           // plus short code
		{"+0612345678", false},      // plus zero
		{"Veri\x00fy", false},       // NUL
		{"Veri\nfy", false},         // line break
		{"me@here", false},          // at sign
		{"    ", false},             // only spaces
		{"Bank\U0001F510", false},   // emoji
		{"Банк", false},             // Cyrillic
		{"Ban\uFFFD", false},        // replacement character
		{"", false},                 // empty
		{"Ab", true},
		{"7", true},
		{"+123456789012345", true},
		{"       ", false},
		{" a ", true},
		{"[[[[[a", true},
		{"[[[[[ab", false},
		{"e\u0301e\u0301e\u0301", true}, // composed, as it is sent
		{"a\x80", false},
	} {
		if got := SenderProblem(test.sender); (got == "") != test.ok {
			t.Errorf("%q: %q", test.sender, got)
		}
		if s, err := SenderAddress(test.sender, AlphabetGSM7); (err == nil) != test.ok {
			t.Errorf("%q: %+v, %v", test.sender, s, err)
		}
	}
}

// TestSenderOfEachCharacter: of all characters there are, a name holds those of the GSM alphabet without "@",
// line breaks and the escape, nine of them of two septets; and four signs that are canonically one of those:
// U+037E, the Kelvin, Ohm and Angstrom signs.
func TestSenderOfEachCharacter(t *testing.T) {
	var one, two int
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) || SenderProblem("ab"+string(r)) != "" {
			continue
		}
		if SenderProblem(strings.Repeat("a", 10)+string(r)) == "" {
			one++
		} else {
			two++
		}
		if SenderProblem(strings.Repeat("a", 9)+string(r)) != "" || SenderProblem(strings.Repeat("a", 11)+string(r)) == "" {
			t.Errorf("%q is of neither one septet nor two", r)
		}
	}
	if one != 124+4 || two != 9 {
		t.Errorf("%d characters of one septet and %d of two, want 128 and 9", one, two)
	}
}
