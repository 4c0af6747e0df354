package text

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sniff reads octets whose data_coding is not to be believed, as those of delivery receipts: many SMSCs write
// every receipt in one alphabet and pass on the data_coding of the message that it is about. Of ASCII (with
// Latin-1 or UTF-8 in it), UTF-16 of either octet order, GSM septets and packed GSM septets it takes the one
// that makes the plainest text of them; of two that do equally well, the first named here. It is of no use
// for short texts that hold no ASCII: two Chinese characters are four octets of ASCII as well.
func Sniff(b []byte) string {
	best := sniffOctets(b)
	top := plainness(best)
	if top == 1 { // nearly all receipts
		return best
	}
	try := func(s string, least float64) {
		if p := plainness(s); p > top && p >= least {
			best, top = s, p
		}
	}
	even := b[:len(b)&^1]
	try(sniffUTF16(even, 0), 0)
	try(sniffUTF16(even, 1), 0)
	if bytes.IndexByte(bytes.TrimRight(b, "\x00"), 0) < 0 { // NULs are the upper halves of UTF-16, not as many "@"
		s, _ := appendFromGSM7(nil, b, nil)
		try(string(s), 0)
	}
	// Any octets make septets, and most septets are letters, so these are taken only when nearly all of it is
	// ASCII.
	s, _ := appendFromGSM7(nil, appendUnpacked(nil, b, 0), nil)
	try(string(s), packedPlainness)
	return strings.TrimPrefix(best, "\uFEFF")
}

// packedPlainness is what packed septets must come to. Octets of another alphabet come to 0.85 at most.
const packedPlainness = 0.95

// sniffOctets reads octets as UTF-8 when they are, as Latin-1 otherwise.
func sniffOctets(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	s, _ := kindLatin1.decode(b, nil)
	return s
}

// sniffUTF16 reads UTF-16 of which octet number high of each two is the high one.
func sniffUTF16(b []byte, high int) string {
	if high == 1 {
		b = bytes.Clone(b)
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
	s, _ := kindUCS2.decode(b, nil)
	return s
}

// plainness says how much s looks like what an SMSC writes: 1 is ASCII, 0.5 other characters, below 0 what no
// text holds. NULs at the end do not count, they are what is left of a C string.
func plainness(s string) float64 {
	s = strings.TrimRight(strings.TrimPrefix(s, "\uFEFF"), "\x00")
	sum, n := 0.0, 0
	for _, r := range s {
		n++
		switch {
		case r >= ' ' && r <= '~', r == '\t', r == '\r', r == '\n':
			sum++
		case r != utf8.RuneError && unicode.IsGraphic(r):
			sum += 0.5
		default:
			sum--
		}
	}
	return sum / float64(max(1, n))
}
