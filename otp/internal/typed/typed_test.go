package typed

import (
	"testing"
	"unicode"
)

// TestDecimalOfEveryScript: each script's digits are in order, whatever ranges the tables have them in.
func TestDecimalOfEveryScript(t *testing.T) {
	n := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.IsDigit(r) {
			continue
		}
		n++
		if value, ok := decimal(r); !ok || !unicode.IsDigit(r-value) || !unicode.IsDigit(r+9-value) {
			t.Errorf("%U: %d, %v", r, value, ok)
		}
	}
	for r, want := range map[rune]rune{'7': 7, 0x0665: 5, 0x096F: 9, 0xFF10: 0, 0x1D7D8: 0, 0x1D7FF: 9, 0x1FBF3: 3} {
		if value, ok := decimal(r); !ok || value != want {
			t.Errorf("%U: %d, %v", r, value, ok)
		}
	}
	if n < 600 {
		t.Errorf("only %d digits", n)
	}
}
