package text

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Decode reads one part's text, without its header. The string beside an error is the best that could be
// read: ErrDamaged when characters had to be replaced (by U+FFFD, or as the alphabet's rules say), ErrNotText
// when data_coding names binary data or an alphabet not known here, which is then read as Latin-1.
func Decode(dataCoding byte, b []byte, a Alphabet) (string, error) {
	k := kindOf(dataCoding, a)
	if k == kindPacked {
		b = appendUnpacked(make([]byte, 0, len(b)*8/7+1), b, 0)
	}
	return k.decode(b, nil)
}

// appendFromUTF16 appends the characters of UTF-16, big end first. A byte order mark stays: it is a character
// of the text.
func appendFromUTF16(dst, b []byte) (text []byte, damaged bool) {
	for ; len(b) >= 2; b = b[2:] {
		r := rune(b[0])<<8 | rune(b[1])
		if utf16.IsSurrogate(r) {
			next := rune(0)
			if len(b) >= 4 {
				next = rune(b[2])<<8 | rune(b[3])
			}
			if r = utf16.DecodeRune(r, next); r == utf8.RuneError {
				damaged = true
			} else {
				b = b[2:]
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, damaged || len(b) > 0
}
