package otp

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/otpgw/otpgw/otp/internal/typed"
)

// Alphabets. Letters leave out I and O, which are read as 1 and 0; alphanumeric leaves out all four.
const (
	digits          = "0123456789"
	letters         = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	unmistakable    = "23456789"
	pinContextStart = "pin:"
)

func (t PINType) alphabet() string {
	switch t {
	case PINLetters:
		return letters
	case PINAlphanumeric:
		return letters + unmistakable
	}
	return digits
}

// Valid says whether t is one of the three.
func (t PINType) Valid() bool { return t == PINNumbers || t == PINLetters || t == PINAlphanumeric }

// ValidTestPIN says whether a test number can have this PIN: 4 to 10 digits or capital letters.
func ValidTestPIN(pin string) bool { return testPIN.MatchString(pin) }

var testPIN = regexp.MustCompile(fmt.Sprintf(`^[0-9A-Z]{%d,%d}$`, MinPIN, MaxPIN))

// typeOf is the type of a given PIN.
func typeOf(pin string) PINType {
	if typed.Digits(pin) {
		return PINNumbers
	}
	return PINAlphanumeric
}

// newPIN draws a PIN from crypto/rand, uniform over all PINs of its type and length. An alphanumeric one has
// at least one digit; those without are drawn again whole, for putting a digit in would make some PINs
// likelier than others.
func newPIN(t PINType, length int) string {
	for {
		pin := draw(t.alphabet(), length)
		if t != PINAlphanumeric || strings.ContainsAny(pin, unmistakable) {
			return pin
		}
	}
}

// draw rejects bytes past the last whole multiple of the alphabet, else its first letters would come more
// often.
func draw(alphabet string, length int) string {
	limit := 256 / len(alphabet) * len(alphabet)
	pin := make([]byte, 0, length)
	var random [32]byte
	for {
		_, _ = rand.Read(random[:]) // never fails (crypto/rand)
		for _, b := range random {
			if int(b) >= limit {
				continue
			}
			pin = append(pin, alphabet[int(b)%len(alphabet)])
			if len(pin) == length {
				return string(pin)
			}
		}
	}
}

// Guess is a PIN as a caller sent it.
type Guess struct {
	Text   string
	Number bool // it came as a JSON number; Text is its literal
}

// matches compares in constant time for a given length; the length is no secret.
//
// Lower case is as good as upper, for no alphabet has both. A numeric PIN sent as a JSON number has lost its
// leading zeros in the caller's hands, so they are put back: one PIN in ten begins with one. Nothing else is
// read as a number (1e5 and 00042 as text are what they are).
func (g Guess) matches(pin string, t PINType) bool {
	text := g.typed()
	if missing := len(pin) - len(text); g.Number && t == PINNumbers && missing > 0 && typed.Digits(text) {
		text = strings.Repeat("0", missing) + text
	}
	return subtle.ConstantTimeCompare([]byte(text), []byte(pin)) == 1
}

// typed is the guess as people mean it who type it on their own keyboard, or paste it with what stood around
// it: digits of any script, full-width letters, groups ("482 913", "482-913"), quotes, a full stop. Only
// letters and digits count. That makes no second guess of one. A JSON number is what it is.
func (g Guess) typed() string {
	if g.Number {
		return g.Text
	}
	return upper(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, typed.Plain(g.Text)))
}

func pinContext(otpID string) string { return pinContextStart + otpID }

// Blank: there is nothing in it that could be of a PIN.
func (g Guess) Blank() bool { return g.typed() == "" }
