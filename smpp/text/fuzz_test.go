package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/otpgw/otpgw/smpp/wire"
)

func FuzzSplitJoin(f *testing.F) {
	for _, v := range vectors[splitVector](f, "split.json") {
		for a := range alphabets {
			for l := range longs {
				f.Add(v.text(), v.Ref, uint8(a), uint8(l), uint8(a+l))
			}
		}
	}
	f.Add("a\x80", uint16(1), uint8(0), uint8(0), uint8(0))
	f.Add("Kodunuz “123456” – ğış", uint16(1), uint8(0), uint8(0), uint8(0xF))
	f.Add("Votre code expire\u0301 a\u0300 l'heure", uint16(1), uint8(0), uint8(0), uint8(0))
	f.Add("código… ã á ç", uint16(1), uint8(2), uint8(1), uint8(0x2E))
	f.Fuzz(func(t *testing.T, s string, ref uint16, a, l, extra uint8) {
		o := Options{Alphabet: alphabets[int(a)%len(alphabets)], Long: longs[int(l)%len(longs)], Transliterate: extra&8 != 0}
		for i := range languages { // any of them, in any of three orders
			if extra&(1<<i) != 0 {
				o.National = append(o.National, languages[(i+int(extra>>4))%len(languages)])
			}
		}
		if _, _, err := Split(s, ref, o); (err == ErrInvalidUTF8) == utf8.ValidString(s) {
			t.Fatalf("%q: %v", s, err)
		}
		checkRoundTrip(t, s, ref, o)
		if n := len(s); n > 0 && n < 4096 { // the fuzzer keeps to short texts: make long ones of them
			checkRoundTrip(t, strings.Repeat(s, 1+400/n), ref, o)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, dc := range []byte{0, 1, 3, 4, 6, 7, 8, 0x18, 0x20, 0xE0, 0xF4} {
		f.Add(dc, []byte("\x00A\x1b\x65\xd8\x3d\xde\x00\xff\r"), uint8(0), uint8(0x40))
	}
	f.Fuzz(func(t *testing.T, dc byte, b []byte, a, esm uint8) {
		alphabet := alphabets[int(a)%len(alphabets)]
		s, err := Decode(dc, b, alphabet)
		if !utf8.ValidString(s) {
			t.Fatalf("%q is not UTF-8", s)
		}
		if err == nil && dc == 8 { // what decodes cleanly encodes to the same octets
			if again := appendUTF16(nil, s); string(again) != string(b) {
				t.Fatalf("%X became %X", b, again)
			}
		}
		p, _ := ParsePart(esm, dc, b, nil)
		if p.Number < 1 || p.Number > p.Total {
			t.Fatalf("part %d of %d", p.Number, p.Total)
		}
		if s, _ := Join([]Part{p}, alphabet); !utf8.ValidString(s) {
			t.Fatalf("%q is not UTF-8", s)
		}
		p, _ = ParsePart(esm, dc, nil, wire.TLVs{{Tag: wire.TagMessagePayload, Value: b}, {Tag: wire.TagSarTotalSegments, Value: b}, {Tag: wire.TagSarSegmentSeqnum, Value: b}})
		_, _ = Join([]Part{p, p}, alphabet)
	})
}

func FuzzParseUDH(f *testing.F) {
	f.Add([]byte{5, 0, 3, 42, 2, 1, 'A'})
	f.Add([]byte{6, 8, 4, 1, 2, 3, 1, 'A'})
	f.Add([]byte{8, 0x24, 1, 1, 0x25, 1, 2, 0, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		u, rest, err := ParseUDH(b)
		if u.Octets+len(rest) != len(b) {
			t.Fatalf("%d octets of header and %d of text in %d", u.Octets, len(rest), len(b))
		}
		if (u.Total == 0) != (u.Number == 0) || u.Number > u.Total || u.Total > MaxParts {
			t.Fatalf("part %d of %d", u.Number, u.Total)
		}
		if err == nil && u.Octets != int(b[0])+1 {
			t.Fatalf("header of %d octets, its length says %d", u.Octets, b[0])
		}
	})
}

func FuzzSender(f *testing.F) {
	for _, s := range []string{"Verify", "Cafe\u0301", "+14155552671", "12345", "[€]", "a@b", "", "a\x80", "00447911123456"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, from string) {
		sender, err := SenderAddress(from, AlphabetGSM7)
		if err != nil {
			return
		}
		ton, npi, addr := sender.TON, sender.NPI, sender.Addr
		if len(addr) == 0 || len(addr) > 15 || strings.ContainsRune(addr, 0) {
			t.Fatalf("%q: address %X", from, addr)
		}
		back := ReadAddress(ton, addr, AlphabetGSM7)
		from = norm.NFC.String(from)
		switch {
		case ton == TONAlphanumeric && npi == NPIUnknown && len(addr) <= 11 && back == from:
		case ton == TONNetworkSpecific && npi == NPIUnknown && len(addr) <= 8 && back == from:
		case ton == TONInternational && npi == NPIISDN && back == strings.TrimPrefix(from, "+"):
		default:
			t.Fatalf("%q: TON %d, NPI %d, %X reads as %q", from, ton, npi, addr, back)
		}
	})
}
