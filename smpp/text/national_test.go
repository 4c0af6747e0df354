package text

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

var languages = []Language{LanguageTurkish, LanguageSpanish, LanguagePortuguese}

// asSent is what parts should say of s: s itself, or where that was allowed and saves parts, s with plain
// characters.
func asSent(t *testing.T, s string, o Options, n int, parts []Part) string {
	t.Helper()
	s = norm.NFC.String(s)
	if !o.Transliterate || len(parts) == 0 {
		return s
	}
	o.Transliterate = false
	without, err := layOut(s, o)
	with := layout{air: n}
	if o.Long == LongPayload {
		with, _ = layOut(s, Options{o.Alphabet, o.Long, o.National, true})
	}
	base, _ := codingOf(o.Alphabet)
	changed := norm.NFC.String(transliterate(s, base))
	if err == nil && with.air >= without.air {
		return s
	}
	if changed == s {
		t.Fatalf("%d parts instead of %d with nothing changed", with.air, without.air)
	}
	onlyLetters := func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}
	if strings.Map(onlyLetters, s) != strings.Map(onlyLetters, changed) {
		t.Fatalf("%q became %q", s, changed)
	}
	return changed
}

// own are the characters that a language adds to the alphabet, as its users know them: TS 23.038, A.2.1 to
// A.2.3. The Greek capitals of the Portuguese table are in the default alphabet.
var own = map[Language]string{
	LanguageTurkish:    "Ğİşçğış" + "Ş",
	LanguageSpanish:    "çÁÍÓÚáíóú",
	LanguagePortuguese: "êçÔôÁáÊÀÍÓÚÃÕÂíóúãõâ",
}

// TestLanguageHasItsCharacters walks Unicode's first plane for each language: a character goes with the table
// only if it is of the alphabet or of the language.
func TestLanguageHasItsCharacters(t *testing.T) {
	for _, language := range languages {
		o := Options{National: []Language{language}}
		in := map[rune]bool{}
		for _, r := range gsmCharacters() {
			in[r] = true
		}
		for _, r := range own[language] {
			in[r] = true
		}
		for r, step := rune(0), rune(1); r < 0x10000; r += step {
			if r == 0x3000 { // from here on no alphabet has any, and a sample will do
				step = 13
			}
			if unicode.Is(unicode.Cs, r) {
				continue
			}
			s := strings.Repeat(string(r), 71) // two parts as UCS-2
			_, enc, err := Measure(s, o)
			if err != nil || (enc == GSM7) != in[composed(r)] {
				t.Fatalf("%s: %q (%U): %s, %v", language, r, r, enc, err)
			}
		}
		for _, r := range own[language] { // at every place among the eight of packed text
			for n := range 20 {
				for _, a := range alphabets[1:] {
					checkRoundTrip(t, strings.Repeat("x", 120+n)+string(r), 0, Options{Alphabet: a, National: o.National})
					checkRoundTrip(t, strings.Repeat(string(r), 150+n), 0, Options{Alphabet: a, National: o.National})
				}
			}
		}
	}
}

func TestNationalBoundaries(t *testing.T) {
	for _, a := range []Alphabet{AlphabetGSM7, AlphabetGSM7Packed} {
		for _, l := range longs[1:] {
			for _, unit := range []string{"a", "á", "\r", "@"} {
				for _, seam := range []string{"á", "ú[", "ó\r", "í\r\r", "á\r@"} {
					for _, limit := range []int{66, 67, 70, 147, 148, 149, 155, 160, 296, 298} {
						for n := limit - 3; n <= limit+1; n++ {
							o := Options{Alphabet: a, Long: l, National: languages}
							checkRoundTrip(t, strings.Repeat(unit, n)+seam, uint16(n), o)
							checkRoundTrip(t, strings.Repeat(unit, n/2)+seam+strings.Repeat(unit, 90), uint16(n), o)
						}
					}
				}
			}
		}
	}
}

// TestWhenATableIsUsed: only where it saves parts.
func TestWhenATableIsUsed(t *testing.T) {
	turkish := []Language{LanguageTurkish}
	cases := []struct {
		name  string
		s     string
		o     Options
		parts int
		enc   Encoding
	}{
		{"fits one part as UCS-2", "Şifreniz 123456", Options{National: turkish}, 1, UCS2},
		{"71 characters", "Ş" + strings.Repeat("a", 70), Options{National: turkish}, 1, GSM7},
		{"155 septets", "Ş" + strings.Repeat("a", 153), Options{National: turkish}, 1, GSM7},
		{"156 septets", "Ş" + strings.Repeat("a", 154), Options{National: turkish}, 2, GSM7},
		{"298 septets", "Ş" + strings.Repeat("a", 296), Options{National: turkish}, 2, GSM7},
		{"299 septets", "Ş" + strings.Repeat("a", 297), Options{National: turkish}, 3, GSM7},
		{"16-bit reference, 297 septets", "Ş" + strings.Repeat("a", 295), Options{National: turkish, Long: LongUDH16}, 3, GSM7},
		{"all of it escaped saves nothing", strings.Repeat("Ş", 134), Options{National: turkish}, 2, UCS2},
		{"not switched on", "Ş" + strings.Repeat("a", 70), Options{}, 2, UCS2},
		{"another language", "Ş" + strings.Repeat("a", 70), Options{National: []Language{LanguageSpanish}}, 2, UCS2},
		{"plain GSM has no header", strings.Repeat("a", 160), Options{National: turkish}, 1, GSM7},
		{"one character of no table", "Şя" + strings.Repeat("a", 70), Options{National: turkish}, 2, UCS2},
		{"latin1 link", "Ş" + strings.Repeat("a", 70), Options{National: turkish, Alphabet: AlphabetLatin1}, 2, UCS2},
		{"ascii link", "Ş" + strings.Repeat("a", 70), Options{National: turkish, Alphabet: AlphabetASCII}, 2, UCS2},
		{"packed", "Ş" + strings.Repeat("a", 153), Options{National: turkish, Alphabet: AlphabetGSM7Packed}, 1, GSM7},
		{"sar, one part", "Ş" + strings.Repeat("a", 153), Options{National: turkish, Long: LongSAR}, 1, GSM7},
		{"sar, long", "Ş" + strings.Repeat("a", 154), Options{National: turkish, Long: LongSAR}, 3, UCS2},
		{"payload, long", "Ş" + strings.Repeat("a", 154), Options{National: turkish, Long: LongPayload}, 1, UCS2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			parts, enc, err := Measure(c.s, c.o)
			if err != nil || parts != c.parts || enc != c.enc {
				t.Errorf("%d parts, %s, %v, want %d, %s", parts, enc, err, c.parts, c.enc)
			}
			checkRoundTrip(t, c.s, 7, c.o)
		})
	}
}

// TestLanguagesByPreference: the first that serves is taken unless a later one needs fewer parts.
func TestLanguagesByPreference(t *testing.T) {
	both := "ç" + strings.Repeat("a", 100)
	for _, order := range [][]Language{{LanguageTurkish, LanguageSpanish}, {LanguageSpanish, LanguageTurkish}} {
		parts, _, err := Split(both, 0, Options{National: order})
		if err != nil || len(parts) != 1 {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		want := []byte{3, 0x24, 1, shifts[order[0]].id}
		if !slices.Equal(parts[0].ShortMessage[:4], want) {
			t.Errorf("%v: header %X, want %X", order, parts[0].ShortMessage[:4], want)
		}
	}
}

func TestTransliterate(t *testing.T) {
	long := strings.Repeat("a", 80)
	cases := []struct {
		name, s, want string
		o             Options
	}{
		{"quotes", "“Bank” ‘x’ «y» „z‟ ‹q›" + long, `"Bank" 'x' "y" "z" 'q'` + long, Options{}},
		{"dashes and ellipsis", "a–b—c‐d‑e―f…" + long, "a-b-c-d-e-f..." + long, Options{}},
		{"spaces", "1\u00A0234\u2009567\u202F8\u30009" + long, "1 234 567 8 9" + long, Options{}},
		{"saves no part", "“123456”", "“123456”", Options{}},
		{"a letter keeps it UCS-2", "“я”" + long, "“я”" + long, Options{}},
		{"in the alphabet of the link", "«1»" + long, "«1»" + long, Options{Alphabet: AlphabetLatin1}},
		{"on an ascii link", "«1»" + long, `"1"` + long, Options{Alphabet: AlphabetASCII}},
		{"packed", "“1”" + long, `"1"` + long, Options{Alphabet: AlphabetGSM7Packed}},
		{"with a language", "“código”" + long, `"código"` + long, Options{National: languages}},
		{"payload counts on the air", "“1”" + long, `"1"` + long, Options{Long: LongPayload}},
		{"only so it fits at all", "…" + strings.Repeat("a", 67*255), "..." + strings.Repeat("a", 67*255), Options{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.o.Transliterate = true
			parts, _, err := Split(c.s, 1, c.o)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Join(parts, c.o.Alphabet); err != nil || got != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
			checkRoundTrip(t, c.s, 1, c.o)
			c.o.Transliterate = false
			if parts, _, err := Split(c.s, 1, c.o); err == nil {
				if got, _ := Join(parts, c.o.Alphabet); got != c.s {
					t.Errorf("changed without being asked: %q", got)
				}
			}
		})
	}
}

// TestPlainTouchesNoLetterOrDigit walks all of Unicode.
func TestPlainTouchesNoLetterOrDigit(t *testing.T) {
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		p := plain(r)
		if p == "" {
			continue
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsNumber(r) || unicode.IsSymbol(r) {
			t.Errorf("%q (%U) becomes %q", r, r, p)
		}
		if _, ok := codingGSM7.count(p); !ok || strings.ContainsFunc(p, unicode.IsLetter) {
			t.Errorf("%q (%U) becomes %q", r, r, p)
		}
	}
}
