package text_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/otpgw/otpgw/smpp/text"
)

// utf16Octets is s as UTF-16, big end first.
func utf16Octets(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return b
}

func littleEndian(b []byte) []byte {
	b = slices.Clone(b)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return b
}

// gsm is s as one part in that alphabet.
func gsm(t testing.TB, s string, a text.Alphabet) []byte {
	t.Helper()
	parts, _, err := text.Split(s, 0, text.Options{Alphabet: a})
	if err != nil || len(parts) != 1 || parts[0].DataCoding != 0 {
		t.Fatalf("%q is %d parts, %v", s, len(parts), err)
	}
	return parts[0].ShortMessage
}

// TestSniffReadsTextAsWhatItIs: what an SMSC wrote is read, whichever alphabet it wrote it in.
func TestSniffReadsTextAsWhatItIs(t *testing.T) {
	const receipt = "id:1f_9$0 sub:001 dlvrd:001 submit date:2603040506 done date:2603040507 stat:DELIVRD err:000 text:"
	cases := []struct {
		name string
		b    []byte
		want string
	}{
		{"ASCII", []byte(receipt + "code"), receipt + "code"},
		{"ASCII, an odd number of octets", []byte("id:1 stat:DELIVRD"), "id:1 stat:DELIVRD"},
		{"ASCII, NULs behind it", []byte(receipt + "\x00\x00"), receipt + "\x00\x00"},
		{"Latin-1", []byte(receipt + "Gr\xFC\xDFe"), receipt + "Grüße"},
		{"UTF-8", []byte(receipt + "код"), receipt + "код"},
		{"UTF-16", utf16Octets(receipt + "код"), receipt + "код"},
		{"UTF-16, little end first", littleEndian(utf16Octets(receipt + "код")), receipt + "код"},
		{"UTF-16, byte order mark", utf16Octets("\uFEFF" + receipt), receipt},
		{"UTF-16, the other mark", littleEndian(utf16Octets("\uFEFF" + receipt)), receipt},
		{"UTF-16, a NUL behind it", append(utf16Octets("id:1 stat:DELIVRD"), 0), "id:1 stat:DELIVRD"},
		{"UTF-16, mostly Chinese", utf16Octets("id:1 stat:DELIVRD text:" + strings.Repeat("验证码", 10)),
			"id:1 stat:DELIVRD text:" + strings.Repeat("验证码", 10)},
		{"UTF-16, mostly Cyrillic", utf16Octets("id:1 stat:DELIVRD text:" + strings.Repeat("код", 15)),
			"id:1 stat:DELIVRD text:" + strings.Repeat("код", 15)},
		{"septets", gsm(t, receipt, text.AlphabetGSM7), receipt},
		{"packed septets", gsm(t, receipt+"code", text.AlphabetGSM7Packed), receipt + "code"},
		{"nothing", nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := text.Sniff(c.b); got != c.want {
				t.Errorf("read as %q", got)
			}
		})
	}
}

func FuzzSniff(f *testing.F) {
	f.Add("id:1 stat:DELIVRD err:000 text:x")
	f.Fuzz(func(t *testing.T, s string) {
		text.Sniff([]byte(s))
		plain := "id:77 sub:001 dlvrd:001 stat:DELIVRD err:000 text:"
		for _, r := range s {
			if r >= ' ' && r <= '~' {
				plain += string(r)
			}
		}
		for name, b := range map[string][]byte{
			"ASCII": []byte(plain), "UTF-16": utf16Octets(plain), "UTF-16LE": littleEndian(utf16Octets(plain)),
		} {
			if got := text.Sniff(b); got != plain {
				t.Errorf("%s: %q read as %q", name, plain, got)
			}
		}
	})
}
