package text

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// script is an alphabet as a receiver meets it.
type script uint8

const (
	scriptUnknown script = iota
	scriptGSM7
	scriptPacked
	scriptASCII
	scriptLatin1
	scriptCyrillic
	scriptHebrew
	scriptUCS2
)

// scriptOf reads data_coding: SMPP 3.4, 5.2.19 below 16; from there on the bits of 3GPP TS 23.038, 4, which SMSCs pass
// on for message classes and waiting indications.
func scriptOf(dataCoding byte, a Alphabet) script {
	gsm := scriptGSM7
	if a == AlphabetGSM7Packed {
		gsm = scriptPacked
	}
	switch group := dataCoding >> 4; {
	case dataCoding < 0x10:
		return smppScript(dataCoding, a, gsm)
	case group < 0x8: // general, 00xx and 01xx
		switch {
		case dataCoding&0x20 != 0: // compressed
			return scriptUnknown
		case dataCoding&0x0C == 0x00:
			return gsm
		case dataCoding&0x0C == 0x08:
			return scriptUCS2
		}
		return scriptUnknown
	case group == 0xE: // waiting indication
		return scriptUCS2
	case group == 0xF && dataCoding&0x04 != 0: // 8-bit data with a class
		return scriptUnknown
	}
	return gsm // and reserved ones, which TS 23.038 has read as the default alphabet
}

func smppScript(dataCoding byte, a Alphabet, gsm script) script {
	switch dataCoding {
	case 0:
		switch a {
		case AlphabetLatin1:
			return scriptLatin1
		case AlphabetASCII:
			return scriptASCII
		}
		return gsm
	case 1:
		return scriptASCII
	case 3:
		return scriptLatin1
	case 6:
		return scriptCyrillic
	case 7:
		return scriptHebrew
	case 8:
		return scriptUCS2
	}
	return scriptUnknown
}

// Decode reads one part's text, without its header. The string beside an error is the best that could be read:
// ErrDamaged when characters had to be replaced (by U+FFFD, or as the alphabet's rules say), ErrNotText when
// data_coding names binary data or an alphabet not known here, which is then read as Latin-1.
func Decode(dataCoding byte, b []byte, a Alphabet) (string, error) {
	sc := scriptOf(dataCoding, a)
	if sc == scriptPacked {
		b = appendUnpacked(make([]byte, 0, len(b)*8/7+1), b, 0)
	}
	return sc.decode(b, nil)
}

// decode reads octets; of packed text, its septets. sh is the national table of GSM text, nil for none.
func (sc script) decode(b []byte, sh *shift) (string, error) {
	dst := make([]byte, 0, len(b)+len(b)/4)
	var damaged bool
	switch sc {
	case scriptGSM7, scriptPacked:
		dst, damaged = appendFromGSM7(dst, b, sh)
	case scriptUCS2:
		dst, damaged = appendFromUTF16(dst, b)
	case scriptASCII:
		dst, damaged = appendBytes(dst, b, asciiRune)
	case scriptCyrillic:
		dst, damaged = appendBytes(dst, b, charmap.ISO8859_5.DecodeByte)
	case scriptHebrew:
		dst, damaged = appendBytes(dst, b, charmap.ISO8859_8.DecodeByte)
	default:
		dst, _ = appendBytes(dst, b, func(c byte) rune { return rune(c) })
	}
	switch {
	case sc == scriptUnknown:
		return string(dst), ErrNotText
	case damaged:
		return string(dst), ErrDamaged
	}
	return string(dst), nil
}

func asciiRune(c byte) rune {
	if c < utf8.RuneSelf {
		return rune(c)
	}
	return utf8.RuneError
}

func appendBytes(dst, b []byte, char func(byte) rune) (text []byte, damaged bool) {
	for _, c := range b {
		r := char(c)
		damaged = damaged || r == utf8.RuneError
		dst = utf8.AppendRune(dst, r)
	}
	return dst, damaged
}

// appendFromUTF16 appends the characters of UTF-16, big end first. A byte order mark stays: it is a character of the text.
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
