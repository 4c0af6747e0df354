package text

import (
	"strings"
	"unicode/utf8"
)

// coding is one way to write text: its encoding, and the units a part of it holds.
type coding struct {
	kind  kind
	shift *shift // national language; nil is none

	single int // units in a part that stands alone
	short  int // in a part with an 8-bit reference
	wide   int // in a part with a 16-bit reference
}

func (c *coding) encoding() Encoding { return encodings[c.kind].name }

var (
	codingGSM7   = coding{kindGSM7, nil, 160, 153, 152}
	codingPacked = coding{kindPacked, nil, 160, 153, 152}
	codingLatin1 = coding{kindLatin1, nil, 140, 134, 133}
	codingASCII  = coding{kindASCII, nil, 160, 153, 152}
	codingUCS2   = coding{kindUCS2, nil, 70, 67, 66}
)

// codings are those of the alphabets.
var codings = map[kind]*coding{kindGSM7: &codingGSM7, kindPacked: &codingPacked, kindLatin1: &codingLatin1, kindASCII: &codingASCII}

// codingOf finds the coding of texts that are in a link's alphabet.
func codingOf(a Alphabet) (*coding, error) {
	k, ok := defaults[a]
	if !ok {
		return nil, ErrOptions
	}
	return codings[k], nil
}

// fits finds the units of s; not ok when it cannot go in this coding.
func (c *coding) fits(s string) (units int, ok bool) {
	if c.kind == kindPacked && strings.HasSuffix(s, "\r") { // see the package comment: CR is the filler there
		return 0, false
	}
	return c.count(s)
}

// count sums the units of s; not ok when a character of s is not in the alphabet.
func (c *coding) count(s string) (units int, ok bool) {
	for _, r := range s {
		w := c.weight(r)
		if w == 0 {
			return 0, false
		}
		units += w
	}
	return units, true
}

// weight is the units a character takes, 0 when the alphabet lacks it. The characters of weight 2 are the
// escape pairs and surrogate pairs, so a part that holds whole characters splits none.
func (c *coding) weight(r rune) int {
	switch c.kind {
	case kindGSM7, kindPacked:
		switch code := c.shift.codeOf(r); {
		case code < 0x80:
			return 1
		case code == gsmNone:
			return 0
		}
		return 2
	case kindASCII:
		switch {
		case r >= utf8.RuneSelf:
			return 0
		case gsmCode(r) < 0x80 || gsmCode(r) == gsmNone:
			return 1
		}
		return 2
	case kindLatin1:
		if r > 0xFF {
			return 0
		}
		return 1
	}
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// prefix is the length of the longest beginning of s that a part with that room may hold.
func (c *coding) prefix(s string, room int) int {
	units := 0
	for i, r := range s {
		units += c.weight(r)
		if units <= room {
			continue
		}
		// A full packed part ends on an octet boundary, where CR would be taken for the filler.
		if c.kind == kindPacked && units-c.weight(r) == room && s[i-1] == '\r' {
			return i - 1
		}
		return i
	}
	return len(s)
}

// append appends s in this coding, behind a header of so many octets in the same part.
func (c *coding) append(dst []byte, s string, header int) []byte {
	switch c.kind {
	case kindGSM7:
		return appendGSM7(dst, s, c.shift)
	case kindPacked:
		from := len(dst)
		return packFrom(appendGSM7(dst, s, c.shift), from, fillBits(header))
	case kindASCII:
		return append(dst, s...)
	case kindLatin1:
		for _, r := range s {
			dst = append(dst, byte(r))
		}
		return dst
	}
	return appendUTF16(dst, s)
}
