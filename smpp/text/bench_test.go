package text

import (
	"strings"
	"testing"
)

func BenchmarkSplit(b *testing.B) {
	code := "Your verification code is 123456. Do not share it."
	cases := []struct {
		name, s string
		o       Options
	}{
		{"gsm7", code, Options{}},
		{"ucs2", "Ваш код подтверждения: 123456", Options{}},
		{"packed", code, Options{Alphabet: AlphabetGSM7Packed}},
		{"latin1", code, Options{Alphabet: AlphabetLatin1}},
		{"long-udh8", strings.Repeat(code, 10), Options{}},
		{"long-sar", strings.Repeat(code, 10), Options{Long: LongSAR}},
		{"long-packed", strings.Repeat(code, 10), Options{Alphabet: AlphabetGSM7Packed}},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Split(c.s, 7, c.o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMeasure(b *testing.B) {
	s := strings.Repeat("Your verification code is 123456. ", 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Measure(s, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	parts, _, err := Split("Your verification code is 123456. Do not share it.", 7, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(0, parts[0].ShortMessage, AlphabetGSM7); err != nil {
			b.Fatal(err)
		}
	}
}
