package config

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/smpp/text"
)

// sameSender: what an application may be called is what a link can send. Package otp judges the one, which
// knows no SMPP, and package text the other; of a sender of 3 to 15 characters both say the same.
func sameSender(t *testing.T, s string) {
	t.Helper()
	if n := utf8.RuneCountInString(norm.NFC.String(s)); n < 3 || n > 15 || !utf8.ValidString(s) {
		if otp.ValidSender(s) && utf8.ValidString(s) {
			t.Errorf("%q has %d characters, and is a sender", s, n)
		}
		return
	}
	sender, err := text.SenderAddress(s, text.AlphabetGSM7)
	if otp.ValidSender(s) != (err == nil) {
		t.Errorf("%q: package otp says %q, package text %v, as %+v", s, otp.SenderProblem(s), err, sender)
	}
}

// TestSenderRuleIsOne: each character there is, in a name of three, of eleven septets and of one more; and
// numbers of each length.
func TestSenderRuleIsOne(t *testing.T) {
	for r := rune(0); r <= 0xFFFF; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		for _, s := range []string{"ab" + string(r), strings.Repeat("a", 9) + string(r), strings.Repeat("a", 10) + string(r), strings.Repeat("a", 11) + string(r)} {
			sameSender(t, s)
		}
	}
	for n := range 17 {
		for _, s := range []string{"", "+", "0", "+0"} {
			sameSender(t, s+strings.Repeat("7", n))
		}
	}
	for _, s := range []string{"   ", "       ", " a ", "[[[[[[", "[[[[[a", "[[[[[ab", "e\u0301e\u0301e\u0301", "\U0001F510ab"} {
		sameSender(t, s)
	}
}

func FuzzSenderRuleIsOne(f *testing.F) {
	for _, s := range []string{"Verify", "+4915112345678", "12345", "Ärzte-Ø", "[abcdefg]", "me@here", "0123456789"} {
		f.Add(s)
	}
	f.Fuzz(sameSender)
}
