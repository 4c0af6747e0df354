// Package pin is what a PIN is: the alphabets it is drawn from, how it is drawn, and whether a guess that
// people typed is the same. It keeps nothing; sealing, counting attempts and storing are package otp's.
package pin

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode"

	"github.com/otpgw/otpgw/otp/internal/typed"
)

// Min and Max bound the length of a PIN, in characters (otp-api.md, "Endpoints").
const Min, Max = 4, 10

// Type names the alphabet a PIN is drawn from, by its name on the wire.
type Type string

// The three alphabets of the API.
const (
	Numbers      Type = "numbers"
	Letters      Type = "letters"
	Alphanumeric Type = "alphanumeric"
)

// Alphabets. Letters leave out I and O, which are read as 1 and 0; alphanumeric leaves out all four.
const (
	digits       = "0123456789"
	letters      = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	unmistakable = "23456789"
)

// Alphabet is the characters that a PIN of the type is drawn from.
func (t Type) Alphabet() string {
	switch t {
	case Letters:
		return letters
	case Alphanumeric:
		return letters + unmistakable
	}
	return digits
}

// Valid says whether t is one of the three.
func (t Type) Valid() bool { return t == Numbers || t == Letters || t == Alphanumeric }

// ValidTest says whether a test number can have this PIN: 4 to 10 digits or capital letters.
func ValidTest(pin string) bool { return testPIN.MatchString(pin) }

var testPIN = regexp.MustCompile(fmt.Sprintf(`^[0-9A-Z]{%d,%d}$`, Min, Max))

// ValidOwn says whether an application can have this PIN of its own sent: 4 to 10 letters or digits. The case
// of letters is sent as it is, and does not count in a guess.
func ValidOwn(pin string) bool { return ownPIN.MatchString(pin) }

var ownPIN = regexp.MustCompile(fmt.Sprintf(`^[0-9A-Za-z]{%d,%d}$`, Min, Max))

// TypeOf is the type of a given PIN.
func TypeOf(pin string) Type {
	if typed.Digits(pin) {
		return Numbers
	}
	return Alphanumeric
}

// New draws a PIN from crypto/rand, uniform over all PINs of its type and length. An alphanumeric one has
// at least one digit; those without are drawn again whole, for putting a digit in would make some PINs
// likelier than others.
func New(t Type, length int) string {
	for {
		pin := draw(t.Alphabet(), length)
		if t != Alphanumeric || strings.ContainsAny(pin, unmistakable) {
			return pin
		}
	}
}

// draw rejects bytes past the last whole multiple of the alphabet, else its first letters would come more
// often.
func draw(alphabet string, length int) string {
	unbiased := 256 / len(alphabet) * len(alphabet)
	pin := make([]byte, 0, length)
	var random [32]byte
	for {
		_, _ = rand.Read(random[:]) // never fails (crypto/rand)
		for _, b := range random {
			if int(b) >= unbiased {
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

// Matches compares in constant time for a given length; the length is no secret.
//
// Lower case is as good as upper, for no alphabet has both. A numeric PIN sent as a JSON number has lost its
// leading zeros in the caller's hands, so they are put back: one PIN in ten begins with one. Nothing else is
// read as a number (1e5 and 00042 as text are what they are).
func (g Guess) Matches(pin string, t Type) bool {
	text := g.typed()
	if missing := len(pin) - len(text); g.Number && t == Numbers && missing > 0 && typed.Digits(text) {
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
	return typed.Upper(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, typed.Plain(g.Text)))
}

// Blank: there is nothing in it that could be of a PIN.
func (g Guess) Blank() bool { return g.typed() == "" }

// Entropy of a drawn PIN, in bits; an alphanumeric one without a digit is never drawn.
func Entropy(t Type, length int) float64 {
	all := math.Pow(float64(len(t.Alphabet())), float64(length))
	if t == Alphanumeric {
		all -= math.Pow(float64(len(letters)), float64(length))
	}
	return math.Log2(all)
}
