package text

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fiorix/go-smpp/smpp/pdu/pdutext"
	"golang.org/x/text/unicode/norm"

	"github.com/otpgw/otpgw/smpp/wire"
)

var (
	alphabets = []Alphabet{"", AlphabetGSM7, AlphabetGSM7Packed, AlphabetLatin1, AlphabetASCII}
	longs     = []Long{"", LongUDH8, LongUDH16, LongSAR, LongPayload}
)

// checkRoundTrip holds every promise of Split against one text: it measures the same, no part is too long,
// each stands on its own, and the parts as they arrive, out of order and one twice, give the text back.
func checkRoundTrip(t *testing.T, s string, ref uint16, o Options) {
	t.Helper()
	parts, enc, err := Split(s, ref, o)
	n, menc, merr := Measure(s, o)
	if n != len(parts) || menc != enc || !errors.Is(merr, err) {
		t.Fatalf("Measure says %d %s %v, Split %d %s %v", n, menc, merr, len(parts), enc, err)
	}
	if err != nil {
		return
	}
	other, _, _ := Split(s, ^ref, o)
	if Refer(other, ref); !reflect.DeepEqual(other, parts) {
		t.Fatalf("Refer gives %+v, and Split %+v", other, parts)
	}
	s = asSent(t, s, o, len(parts), parts)
	arrived := make([]Part, 0, len(parts)+1)
	var whole strings.Builder
	for i, p := range parts {
		checkPart(t, p, i+1, len(parts), o)
		q, err := ParsePart(p.ESMClass, p.DataCoding, p.ShortMessage, p.TLVs)
		if err != nil {
			t.Fatalf("part %d: %v", i+1, err)
		}
		if q.Ref != p.Ref || q.Number != p.Number || q.Total != p.Total {
			t.Fatalf("part %d reads as %d of %d, reference %d", i+1, q.Number, q.Total, q.Ref)
		}
		alone := q // a part decodes alone: no pair is split
		alone.Number, alone.Total = 1, 1
		piece, err := Join([]Part{alone}, o.Alphabet)
		if err != nil {
			t.Fatalf("part %d alone: %v", i+1, err)
		}
		whole.WriteString(piece)
		arrived = append(arrived, q)
	}
	if whole.String() != s {
		t.Fatalf("parts one by one give %q, want %q", whole.String(), s)
	}
	if len(arrived) > 1 {
		arrived = append(arrived, arrived[0])
		slices.Reverse(arrived)
		slices.Reverse(arrived[len(arrived)/2:])
	}
	if got, err := Join(arrived, o.Alphabet); err != nil || got != s {
		t.Fatalf("Join gives %q, %v, want %q", got, err, s)
	}
}

func checkPart(t *testing.T, p Part, number, total int, o Options) {
	t.Helper()
	if p.Number != number || p.Total != total {
		t.Fatalf("part %d of %d says %d of %d", number, total, p.Number, p.Total)
	}
	limit := 160 // octets of short_message; unpacked septets and ASCII take one each
	if p.DataCoding != 0 || o.Alphabet == AlphabetGSM7Packed {
		limit = 140
	}
	if len(p.ShortMessage) > limit {
		t.Fatalf("part %d: short_message of %d octets", number, len(p.ShortMessage))
	}
	if cap(p.ShortMessage) > len(p.ShortMessage) && total > 1 {
		t.Fatalf("part %d: an append would run into the next part", number)
	}
	if len(p.Payload) > 0 && len(p.ShortMessage) > 0 {
		t.Fatalf("part %d has short_message and message_payload", number)
	}
}

// gsmCharacters are the characters of the alphabet, those of the extension table behind.
func gsmCharacters() []rune {
	var all []rune
	for _, r := range gsmBasic {
		if r != gsmEscape {
			all = append(all, r)
		}
	}
	for _, r := range gsmExtension {
		all = append(all, r)
	}
	return append(all, '€')
}

func TestEveryGSMCharacter(t *testing.T) {
	all := gsmCharacters()
	if len(all) != 127+10 {
		t.Fatalf("%d characters, want 137", len(all))
	}
	for _, r := range all {
		s := string(r)
		parts, enc, err := Split(s, 0, Options{})
		if err != nil || enc != GSM7 {
			t.Fatalf("%q: %s, %v", r, enc, err)
		}
		b := parts[0].ShortMessage
		if theirs := pdutext.GSM7(s).Encode(); !bytes.Equal(b, theirs) {
			t.Errorf("%q: %X, go-smpp says %X", r, b, theirs)
		}
		if wantLen := 1 + strings.Count("\f^{}\\[~]|€", s); len(b) != wantLen {
			t.Errorf("%q: %d septets, want %d", r, len(b), wantLen)
		}
		for n := range 20 { // at every place among the eight of packed text
			for _, a := range alphabets {
				checkRoundTrip(t, strings.Repeat("x", n)+s, 0, Options{Alphabet: a})
				checkRoundTrip(t, s+strings.Repeat("x", n)+s, 0, Options{Alphabet: a})
			}
		}
	}
}

// composed is a character as NFC has it: for a few another one, as the Kelvin sign a K.
func composed(r rune) rune {
	r, _ = utf8.DecodeRuneInString(norm.NFC.String(string(r)))
	return r
}

// TestNothingElseIsGSM walks all of Unicode's first plane: a character goes as GSM only if it is of the
// alphabet.
func TestNothingElseIsGSM(t *testing.T) {
	in := map[rune]bool{}
	for _, r := range gsmCharacters() {
		in[r] = true
	}
	for r := rune(0); r < 0x10000; r++ {
		if r >= 0xD800 && r < 0xE000 {
			continue
		}
		_, enc, err := Measure(string(r), Options{})
		if err != nil || (enc == GSM7) != in[composed(r)] {
			t.Fatalf("%q (%U): %s, %v", r, r, enc, err)
		}
	}
}

// TestAgainstGoSMPP compares where that library is right: characters of the alphabet, and not the seven bits
// left over.
func TestAgainstGoSMPP(t *testing.T) {
	all := gsmCharacters()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var b strings.Builder
		for range 1 + rnd.IntN(70) {
			b.WriteRune(all[rnd.IntN(len(all))])
		}
		s := b.String()
		parts, _, _ := Split(s, 0, Options{})
		if theirs := pdutext.GSM7(s).Encode(); !bytes.Equal(parts[0].ShortMessage, theirs) {
			t.Fatalf("%q: %X, go-smpp says %X", s, parts[0].ShortMessage, theirs)
		}
		if len(parts[0].ShortMessage)%8 == 7 || strings.HasSuffix(s, "\r") {
			continue
		}
		parts, _, _ = Split(s, 0, Options{Alphabet: AlphabetGSM7Packed})
		if theirs := pdutext.GSM7Packed(s).Encode(); !bytes.Equal(parts[0].ShortMessage, theirs) {
			t.Fatalf("%q packed: %X, go-smpp says %X", s, parts[0].ShortMessage, theirs)
		}
		ucs := s + "я"
		if len([]rune(ucs)) > 70 {
			continue
		}
		parts, _, _ = Split(ucs, 0, Options{})
		if theirs := pdutext.UCS2(ucs).Encode(); !bytes.Equal(parts[0].ShortMessage, theirs) {
			t.Fatalf("%q: %X, go-smpp says %X", ucs, parts[0].ShortMessage, theirs)
		}
	}
}

// TestBoundaries tries every length around every limit, with one-unit and two-unit characters at the seam.
func TestBoundaries(t *testing.T) {
	for _, a := range alphabets[1:] { // the first is the second by another name
		for _, l := range longs[1:] {
			for _, unit := range []string{"a", "я", "ã", "\r", "@"} {
				for _, seam := range []string{"", "€", "[", "😀", "\r", "\r\r", "\r@"} {
					for _, limit := range []int{66, 67, 70, 133, 134, 140, 152, 153, 160, 304, 306} {
						for n := limit - 3; n <= limit+1; n++ {
							s := strings.Repeat(unit, n) + seam
							checkRoundTrip(t, s, uint16(n), Options{Alphabet: a, Long: l})
							checkRoundTrip(t, s+strings.Repeat(unit, 7), uint16(n), Options{Alphabet: a, Long: l})
						}
					}
				}
			}
		}
	}
}

func TestMostParts(t *testing.T) {
	cases := []struct {
		name string
		o    Options
		unit string
		fits int // units in 255 parts
	}{
		{"udh8", Options{}, "a", 255 * 153},
		{"udh16", Options{Long: LongUDH16}, "a", 255 * 152},
		{"sar", Options{Long: LongSAR}, "a", 255 * 152},
		{"payload", Options{Long: LongPayload}, "a", 255 * 152},
		{"UCS-2", Options{}, "я", 255 * 67},
		{"emoji, 33 a part", Options{}, "😀", 255 * 33},
		{"euro, 76 a part", Options{}, "€", 255 * 76},
		{"packed", Options{Alphabet: AlphabetGSM7Packed}, "a", 255 * 153},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			checkRoundTrip(t, strings.Repeat(c.unit, c.fits), 7, c.o)
			if _, _, err := Split(strings.Repeat(c.unit, c.fits), 7, c.o); err != nil {
				t.Errorf("%d units: %v", c.fits, err)
			}
			if _, _, err := Split(strings.Repeat(c.unit, c.fits+1), 7, c.o); !errors.Is(err, ErrTooLong) {
				t.Errorf("one more: %v, want %v", err, ErrTooLong)
			}
		})
	}
}

func TestSplitRefuses(t *testing.T) {
	cases := []struct {
		name string
		s    string
		o    Options
		want error
	}{
		{"invalid UTF-8", "a\x80", Options{}, ErrInvalidUTF8},
		{"surrogate in UTF-8", "\xed\xa0\x80", Options{}, ErrInvalidUTF8},
		{"unknown alphabet", "a", Options{Alphabet: "ebcdic"}, ErrOptions},
		{"unknown long form", "a", Options{Long: "udh32"}, ErrOptions},
		{"unknown language", "a", Options{National: []Language{LanguageTurkish, "klingon"}}, ErrOptions},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			parts, _, err := Split(c.s, 0, c.o)
			if !errors.Is(err, c.want) || parts != nil {
				t.Errorf("%v, %v, want %v", parts, err, c.want)
			}
			if _, _, err := Measure(c.s, c.o); !errors.Is(err, c.want) {
				t.Errorf("Measure: %v, want %v", err, c.want)
			}
		})
	}
}

func TestJoin(t *testing.T) {
	udh := func(dc byte, ref, total, number byte, body string) Part {
		p, err := ParsePart(wire.ESMClassUDHI, dc, append([]byte{5, 0, 3, ref, total, number}, body...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	language := func(element, id byte, body string) Part {
		p, err := ParsePart(wire.ESMClassUDHI, 0, append([]byte{3, element, 1, id}, body...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	mixed := func(number, id byte, body string) Part {
		p, err := ParsePart(wire.ESMClassUDHI, 0, append([]byte{8, 0, 3, 9, 2, number, 0x24, 1, id}, body...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	broken, _ := ParsePart(wire.ESMClassUDHI, 0, []byte{9, 'a'}, nil)
	cases := []struct {
		name  string
		parts []Part
		want  string
		err   error
	}{
		{"none", nil, "", ErrIncomplete},
		{"missing part", []Part{udh(0, 1, 3, 1, "a"), udh(0, 1, 3, 3, "c")}, "", ErrIncomplete},
		{"one of two", []Part{udh(0, 1, 2, 1, "a")}, "", ErrIncomplete},
		{"one twice is not two", []Part{udh(0, 1, 2, 1, "a"), udh(0, 1, 2, 1, "a")}, "", ErrIncomplete},
		{"other reference", []Part{udh(0, 1, 2, 1, "a"), udh(0, 2, 2, 2, "b")}, "", ErrMixed},
		{"other total", []Part{udh(0, 1, 2, 1, "a"), udh(0, 1, 3, 2, "b")}, "", ErrMixed},
		{"two that stand alone", []Part{{Number: 1, Total: 1}, {Number: 2, Total: 1}}, "", ErrMixed},
		{"a Part made by hand", []Part{{ShortMessage: []byte("a")}}, "a", nil},
		{"sender split an escape pair", []Part{udh(0, 1, 2, 2, "\x65b"), udh(0, 1, 2, 1, "a\x1b")}, "a€b", nil},
		{"sender split a surrogate pair", []Part{udh(8, 1, 2, 1, "\xd8\x3d"), udh(8, 1, 2, 2, "\xde\x00")}, "😀", nil},
		{"odd octet does not shift what follows", []Part{udh(8, 1, 2, 1, "\x00a\x00"), udh(8, 1, 2, 2, "\x00b")}, "ab", ErrDamaged},
		{"each part in its own coding", []Part{udh(0, 1, 3, 1, "a"), udh(8, 1, 3, 2, "\x04\x2f"), udh(0, 1, 3, 3, "b")}, "aЯb", nil},
		{"Turkish", []Part{language(0x24, 1, "\x1bs\x1be")}, "ş€", nil},
		{"Spanish", []Part{language(0x24, 2, "\x1ba\x1b<")}, "á[", nil},
		{"Portuguese", []Part{language(0x24, 3, "\x1b{\x1b\x7f")}, "ãâ", nil},
		{"each part in its own language", []Part{mixed(2, 2, "\x1ba"), mixed(1, 1, "\x1bg")}, "ğá", nil},
		{"sender split an escape pair of a language", []Part{mixed(2, 1, "gx"), mixed(1, 1, "a\x1b")}, "ağx", nil},
		{"not of that language", []Part{language(0x24, 2, "\x1bg")}, "g", ErrDamaged},
		{"language not known here", []Part{language(0x24, 4, "a\x1be")}, "a€", ErrLanguage},
		{"locking shift", []Part{language(0x25, 1, "a")}, "a", ErrLanguage},
		{"broken header is shown", []Part{broken}, "Ça", ErrUDH},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Join(c.parts, AlphabetGSM7)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%q, %v, want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestParsePartSAR(t *testing.T) {
	tlvs := func(ref, total, number string) wire.TLVs {
		return wire.TLVs{{Tag: wire.TagSarMsgRefNum, Value: []byte(ref)}, {Tag: wire.TagSarTotalSegments, Value: []byte(total)}, {Tag: wire.TagSarSegmentSeqnum, Value: []byte(number)}}
	}
	cases := []struct {
		name               string
		tlvs               wire.TLVs
		ref, number, total int
	}{
		{"as specified", tlvs("\x12\x34", "\x03", "\x02"), 0x1234, 2, 3},
		{"reference of one octet", tlvs("\x34", "\x03", "\x02"), 0x34, 2, 3},
		{"total of two octets", tlvs("\x34", "\x00\x03", "\x02"), 0x34, 2, 3},
		{"number above the total", tlvs("\x34", "\x03", "\x04"), 0, 1, 1},
		{"number 0", tlvs("\x34", "\x03", "\x00"), 0, 1, 1},
		{"total above 255", tlvs("\x34", "\x01\x00", "\x02"), 0, 1, 1},
		{"empty values", tlvs("", "", ""), 0, 1, 1},
		{"none", nil, 0, 1, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePart(0, 0, []byte("x"), c.tlvs)
			if err != nil || int(p.Ref) != c.ref || p.Number != c.number || p.Total != c.total {
				t.Errorf("%d of %d, reference %#x, %v", p.Number, p.Total, p.Ref, err)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for _, to := range []string{"+14155552671", "14155552671"} {
		if ton, npi, addr := DestinationAddress(to); ton != 1 || npi != 1 || addr != "14155552671" {
			t.Errorf("%s: TON %d, NPI %d, %s", to, ton, npi, addr)
		}
	}
	cases := []struct {
		ton        byte
		addr, want string
	}{
		{TONInternational, "14155552671", "14155552671"},
		{TONInternational, "+14155552671", "+14155552671"},
		{TONAlphanumeric, "A\x11\x02", "A_$"},
		{TONNetworkSpecific, "12345", "12345"},
		{0, "a\xff", "a\uFFFD"},
		{TONAlphanumeric, "a\xff", "a\uFFFD"},
		{TONInternational, "", ""},
	}
	for _, c := range cases {
		if got := ReadAddress(c.ton, c.addr, AlphabetGSM7); got != c.want {
			t.Errorf("TON %d %q: %q, want %q", c.ton, c.addr, got, c.want)
		}
	}
}

// TestTextIsComposedBeforeItsAlphabetIsChosen: the same text, composed or not, takes the same parts and
// octets.
func TestTextIsComposedBeforeItsAlphabetIsChosen(t *testing.T) {
	for _, s := range []string{
		"Votre code à usage unique est 482913. Il expire dans 5 minutes, ne le communiquez à personne: nos équipes ne le demandent jamais. Sécurité",
		"Ваш код 482913, не сообщайте его: мой ёж", "Mã xác minh của bạn là 482913", "인증번호 482913", "Å Ω å é ñ Ü",
	} {
		for _, o := range []Options{{}, {Alphabet: AlphabetLatin1}, {National: languages, Transliterate: true}, {Long: LongSAR}} {
			want, encoding, err := Split(norm.NFC.String(s), 1, o)
			if err != nil {
				t.Fatal(err)
			}
			got, gotEncoding, err := Split(norm.NFD.String(s), 1, o)
			if err != nil || gotEncoding != encoding || !reflect.DeepEqual(got, want) {
				t.Errorf("%q: decomposed %d parts of %s, composed %d of %s; %v", s, len(got), gotEncoding, len(want), encoding, err)
			}
			if n, e, _ := Measure(norm.NFD.String(s), o); n != len(want) || e != encoding {
				t.Errorf("%q: measured as %d parts of %s", s, n, e)
			}
			checkRoundTrip(t, norm.NFD.String(s), 1, o)
		}
	}
	if parts, encoding, _ := Measure(norm.NFD.String("Votre code est 482913, valide 5 minutes. Ne le communiquez à personne et appelez nos équipes."), Options{}); parts != 1 || encoding != GSM7 {
		t.Errorf("French: %d parts of %s", parts, encoding)
	}
}

// TestSenderIsInTheLinksAlphabet: a name's octets are those that the carrier reads a text by.
func TestSenderIsInTheLinksAlphabet(t *testing.T) {
	for _, c := range []struct {
		from string
		a    Alphabet
		want string // empty: refused
	}{
		{"My_Shop", "", "My\x11Shop"},
		{"My_Shop", AlphabetGSM7, "My\x11Shop"},
		{"My_Shop", AlphabetGSM7Packed, "My\x11Shop"},
		{"My_Shop", AlphabetASCII, "My_Shop"},
		{"My_Shop", AlphabetLatin1, "My_Shop"},
		{"$[Shop]", AlphabetGSM7, "\x02\x1b\x3cShop\x1b\x3e"},
		{"$[Shop]", AlphabetASCII, "$[Shop]"},
		{"Caf\u0301e\u0301", AlphabetLatin1, ""},
		{"Cafe\u0301", AlphabetLatin1, "Caf\xe9"},
		{"Cafe\u0301", AlphabetGSM7, "Caf\x05"},
		{"Café", AlphabetASCII, ""},
		{"ΔΦ", AlphabetLatin1, ""},
		{"[[[]]]", AlphabetASCII, ""}, // twelve septets on the air
		{"Shop", "ebcdic", ""},
	} {
		s, err := SenderAddress(c.from, c.a)
		if (err == nil) != (c.want != "") || err == nil && s.Addr != c.want {
			t.Errorf("%q in %q: %q, %v", c.from, c.a, s.Addr, err)
		}
		if err == nil && ReadAddress(s.TON, s.Addr, c.a) != norm.NFC.String(c.from) {
			t.Errorf("%q in %q reads as %q", c.from, c.a, ReadAddress(s.TON, s.Addr, c.a))
		}
		if s.Kind != SenderName {
			t.Errorf("%q is a %s", c.from, s.Kind)
		}
	}
}

// TestAllocations guards the hot path: the parts, their octets, and for SAR the TLVs and their values.
func TestAllocations(t *testing.T) {
	code, long := "Your verification code is 123456", strings.Repeat("Your code 123456. ", 20)
	spanish := strings.Repeat("Su código es 123456. ", 20)
	all := Options{National: languages, Transliterate: true}
	cases := []struct {
		name string
		most float64
		run  func()
	}{
		{"Split one part", 2, func() { _, _, _ = Split(code, 1, Options{}) }},
		{"Split long", 2, func() { _, _, _ = Split(long, 1, Options{}) }},
		{"Split packed", 2, func() { _, _, _ = Split(long, 1, Options{Alphabet: AlphabetGSM7Packed}) }},
		{"Split SAR", 4, func() { _, _, _ = Split(long, 1, Options{Long: LongSAR}) }},
		{"Split with a table", 2, func() { _, _, _ = Split(spanish, 1, all) }},
		{"Measure with a table", 0, func() { _, _, _ = Measure(spanish, all) }},
		{"Measure", 0, func() { _, _, _ = Measure(long, Options{}) }},
	}
	for _, c := range cases {
		if got := testing.AllocsPerRun(100, c.run); got > c.most {
			t.Errorf("%s: %v allocations, at most %v", c.name, got, c.most)
		}
	}
}
