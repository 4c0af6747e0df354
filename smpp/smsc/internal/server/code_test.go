package server

import (
	"strings"
	"testing"
)

func TestFindCode(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"digits", "Your code is 123456.", "123456"},
		{"letters and digits", "Code A7K2", "A7K2"},
		{"digits alone", "123456", "123456"},
		{"short number before it", "12 Uhr: Code 4711", "4711"},
		{"nothing but a short number", "um 12 Uhr", ""},
		{"letters alone are a word", "Your code is ABCD", ""},
		{"four", "a1b2", "a1b2"}, {"three", "a1b", ""}, {"ten", "abcdefghi1", "abcdefghi1"}, {"eleven", "abcdefghij1", ""},
		{"ISO date", "2026-11-23 code 4711", "4711"},
		{"German date", "Am 23.11.2026 Code 4711", "4711"},
		{"American date", "11/23/2026: 4711", "4711"},
		{"date and time", "at 2026-11-23T10:30:00Z use 4711", "4711"},
		{"time", "10:30:1234 x 4711", "4711"},
		{"amount", "Pay 1500.00 EUR with 4711", "4711"},
		{"amount, comma", "Betrag 1234,50: TAN 998877", "998877"},
		{"phone number in one", "Call +491701234567, code 4711", "4711"},
		{"phone number in groups", "Call +49 170 1234567. Code 4711", "4711"},
		{"phone number in brackets", "Call +1 (555) 123-4567, code 4711", "4711"},
		{"phone number of ten", "+4917012345 is yours, code 4711", "4711"},
		{"local phone number", "Call 555-1234 or use 4711", "4711"},
		{"long number", "Ref 12345678901 code 4711", "4711"},
		{"plus without a number", "Netflix+ 4711", "4711"},
		{"prefix", "G-123456 is your code", "123456"},
		{"colon", "code:4711", "4711"},
		{"end of sentence", "4711. Do not share.", "4711"},
		{"dash behind", "4711-valid 5 minutes", "4711"},
		{"brackets", "[4711]", "4711"}, {"quotes", "\"4711\"", "4711"}, {"hash", "#4711", "4711"},
		{"WebOTP", "Use 4711\n\n@bank24.com #4711", "4711"},
		{"WebOTP line alone", "@bank24.com #4711", "4711"},
		{"link before it", "https://x.io/v1abc?c=9999 code 4711", "4711"},
		{"mail address before it", "info24@example.com: 4711", "4711"},
		{"Cyrillic", "Ваш код 4711", "4711"}, {"glued to Cyrillic", "код4711", "4711"},
		{"emoji", "👍4711👍", "4711"},
		{"first of two", "4711 or 4712", "4711"},
		{"digits of another script", "كود ٤٧١١", ""},
		{"empty", "", ""}, {"plus at the end", "a+", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := FindCode(tt.text); got != tt.want {
				t.Errorf("FindCode(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestPattern(t *testing.T) {
	tests := []struct{ name, pattern, text, want string }{
		{"no pattern", "", "code 4711", "4711"},
		{"group", `PIN is (\w+)`, "Your PIN is ABCD", "ABCD"},
		{"no group", `[A-Z]{4}`, "Your PIN is ABCD", "ABCD"},
		{"two groups", `(\w+) (\w+)`, "one two", "one"},
		{"group that took no part", `a|(b)`, "a", ""},
		{"no match", `PIN (\d+)`, "none", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			find, err := codeFinder(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got := find(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for _, bad := range []string{"(", strings.Repeat("a", maxPattern+1), `a{1001}`} {
		if _, err := codeFinder(bad); err == nil {
			t.Errorf("%.20q was taken", bad)
		}
	}
}

func FuzzFindCode(f *testing.F) {
	for _, s := range []string{"code 4711", "+49 (0)170/123-4567 A7K2", "2026-11-23T10:30", "@a #1234", "http://x 12345", "+(", "ü1a2b3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code := FindCode(s)
		if code == "" {
			return
		}
		if len(code) < minCode || len(code) > maxCode || !strings.Contains(s, code) ||
			strings.Trim(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" || !strings.ContainsAny(code, "0123456789") {
			t.Errorf("FindCode(%q) = %q", s, code)
		}
	})
}
