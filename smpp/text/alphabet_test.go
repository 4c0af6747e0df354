package text

import "testing"

// TestEncodingOf: data_coding is judged in one place, and what is written under one is read as the same.
func TestEncodingOf(t *testing.T) {
	tests := []struct {
		dataCoding byte
		alphabet   Alphabet
		want       Encoding
	}{
		{0, "", GSM7}, {0, AlphabetLatin1, Latin1}, {0, AlphabetASCII, ASCII},
		{1, "", ASCII}, {2, "", Binary}, {3, "", Latin1}, {4, "", Binary}, {5, "", Other},
		{6, "", Cyrillic}, {7, "", Hebrew}, {8, "", UCS2}, {0x10, "", GSM7}, {0x14, "", Binary},
		{0x18, "", UCS2}, {0x20, "", Other}, {0xC0, "", GSM7}, {0xE0, "", UCS2}, {0xF0, "", GSM7},
		{0xF5, "", Binary},
	}
	for _, tt := range tests {
		if got := EncodingOf(tt.dataCoding, tt.alphabet); got != tt.want {
			t.Errorf("data_coding 0x%02X under %q is %s, want %s", tt.dataCoding, tt.alphabet, got, tt.want)
		}
	}
	for a, k := range defaults {
		if e := encodings[k].name; EncodingOf(k.dataCoding(), a) != e {
			t.Errorf("%s is written under %d, and read as %s", e, k.dataCoding(), EncodingOf(k.dataCoding(), a))
		}
	}
	if EncodingOf(kindUCS2.dataCoding(), "") != UCS2 {
		t.Error("UCS-2 is not read as it is written")
	}
}
