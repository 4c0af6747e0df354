package pin

import (
	"strings"
	"testing"
)

func TestPINForm(t *testing.T) {
	for _, typ := range []Type{Numbers, Letters, Alphanumeric} {
		for length := Min; length <= Max; length++ {
			for range 300 {
				pin := New(typ, length)
				if len(pin) != length || strings.Trim(pin, typ.Alphabet()) != "" {
					t.Fatalf("%s of %d: %q", typ, length, pin)
				}
				if typ != Numbers && strings.ContainsAny(pin, "IO01") {
					t.Fatalf("%s: %q can be misread", typ, pin)
				}
				if typ == Alphanumeric && !strings.ContainsAny(pin, unmistakable) {
					t.Fatalf("%q has no digit", pin)
				}
			}
		}
	}
}

// TestPINUniform: the counts of each symbol at each place, by chi-square. The bound is past the 99.99999 %
// point for the degrees of freedom, so it fails by chance once in millions of runs, and at once for a modulo
// bias.
func TestPINUniform(t *testing.T) {
	const n, length = 60000, 4
	tests := []struct {
		typ   Type
		bound float64
	}{{Numbers, 50}, {Letters, 80}}
	for _, test := range tests {
		alphabet := test.typ.Alphabet()
		counts := make([][256]float64, length)
		for range n {
			for place, c := range []byte(New(test.typ, length)) {
				counts[place][c]++
			}
		}
		want := float64(n) / float64(len(alphabet))
		for place := range counts {
			chi := 0.0
			for _, c := range []byte(alphabet) {
				d := counts[place][c] - want
				chi += d * d / want
			}
			if chi > test.bound {
				t.Errorf("%s: place %d: chi-square %.1f, bound %.0f", test.typ, place, chi, test.bound)
			}
		}
	}
}

// TestPINUniformAlphanumeric: over the accepted set digits and letters have their own frequencies, the same
// at each place: P(digit at a place) = (8/32)/(1-(24/32)^4), and all digits alike, and all letters.
func TestPINUniformAlphanumeric(t *testing.T) {
	const n, length = 60000, 4
	accepted := 1 - 0.75*0.75*0.75*0.75
	digit := 1.0 / 32 / accepted
	letter := (1 - 8*digit) / 24
	var counts [length][256]float64
	for range n {
		for place, c := range []byte(New(Alphanumeric, length)) {
			counts[place][c]++
		}
	}
	for place := range counts {
		chi := 0.0
		for _, c := range []byte(Alphanumeric.Alphabet()) {
			want := n * letter
			if strings.ContainsRune(unmistakable, rune(c)) {
				want = n * digit
			}
			d := counts[place][c] - want
			chi += d * d / want
		}
		if chi > 95 {
			t.Errorf("place %d: chi-square %.1f", place, chi)
		}
	}
}

func TestGuessMatches(t *testing.T) {
	tests := []struct {
		name  string
		pin   string
		typ   Type
		guess Guess
		want  bool
	}{
		{"text", "012345", Numbers, Guess{"012345", false}, true},
		{"text without its zero", "012345", Numbers, Guess{"12345", false}, false},
		{"text with one more zero", "012345", Numbers, Guess{"0012345", false}, false},
		{"number", "512345", Numbers, Guess{"512345", true}, true},
		{"number lost its zero", "012345", Numbers, Guess{"12345", true}, true},
		{"number lost all zeros", "000000", Numbers, Guess{"0", true}, true},
		{"number with fraction", "012345", Numbers, Guess{"12345.0", true}, false},
		{"number with exponent", "100000", Numbers, Guess{"1e5", true}, false},
		{"negative number", "012345", Numbers, Guess{"-12345", true}, false},
		{"number past 2^53", "1234567890", Numbers, Guess{"12345678901234567890123", true}, false},
		{"number for letters", "ABCD", Letters, Guess{"1", true}, false},
		{"number for alphanumeric keeps its length", "23456", Alphanumeric, Guess{"23456", true}, true},
		{"lower case", "ABCD", Letters, Guess{"aBcd", false}, true},
		{"spaces around", "ABC2", Alphanumeric, Guess{" abc2\n", false}, true},
		{"group of three", "482913", Numbers, Guess{"482 913", false}, true},
		{"with a hyphen", "482913", Numbers, Guess{"482-913", false}, true},
		{"with an en dash", "482913", Numbers, Guess{"482\u2013913", false}, true},
		{"with a dot", "482913", Numbers, Guess{"482.913", false}, true},
		{"with a no-break space", "482913", Numbers, Guess{"482\u00a0913", false}, true},
		{"letter by letter", "ABC2", Alphanumeric, Guess{"a b c 2", false}, true},
		{"Arabic digits", "482913", Numbers, Guess{"\u0664\u0668\u0662\u0669\u0661\u0663", false}, true},
		{"Persian digits", "482913", Numbers, Guess{"\u06f4\u06f8\u06f2\u06f9\u06f1\u06f3", false}, true},
		{"Bengali digits", "482913", Numbers, Guess{"\u09ea\u09ee\u09e8\u09ef\u09e7\u09e9", false}, true},
		{"full width", "482913", Numbers, Guess{"\uff14\uff18\uff12\uff19\uff11\uff13", false}, true},
		{"full-width letters", "ABC2", Alphanumeric, Guess{"\uff21\uff42\uff23\uff12", false}, true},
		{"digits of two scripts", "482913", Numbers, Guess{"48\u0662\u06f91\u0969", false}, true},
		{"marks around", "482913", Numbers, Guess{"\u200e\u202a482913\u202c\ufeff", false}, true},
		{"zero-width space inside", "482913", Numbers, Guess{"482\u200b913", false}, true},
		{"quotes and a full stop", "482913", Numbers, Guess{"\u201c482913\u201d.", false}, true},
		{"hash", "482913", Numbers, Guess{"#482913", false}, true},
		{"wrong in another script", "482913", Numbers, Guess{"\u0664\u0668\u0662\u0669\u0661\u0664", false}, false},
		{"superscripts are no digits", "482913", Numbers, Guess{"48\u00b2913", false}, false},
		{"a letter is not skipped", "482913", Numbers, Guess{"482x913", false}, false},
		{"prefix", "123456", Numbers, Guess{"12345", false}, false},
		{"longer", "123456", Numbers, Guess{"1234567", false}, false},
		{"letter that upper-cases into the alphabet", "SSSS", Letters, Guess{"ſſſſ", false}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.guess.Matches(test.pin, test.typ); got != test.want {
				t.Errorf("%+v against %s: %v", test.guess, test.pin, got)
			}
		})
	}
}
