package text

import "unicode/utf8"

// The GSM 7-bit default alphabet (3GPP TS 23.038, 6.2.1), in the order of its codes. ESC stands where the
// escape is.
const gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ" +
	" !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
	"¿abcdefghijklmnopqrstuvwxyzäöñüà"

const (
	gsmEscape = 0x1B
	gsmCR     = 0x0D
	gsmNone   = 0xFFFF          // no code
	gsmExt    = gsmEscape << 8  // set in a code of the extension table
	gsmEnd    = 'Ω' + 1         // past the highest character of the table below; only the euro sign is higher
	gsmEuro   = gsmExt | 0x0065 // the code of the euro sign
)

// gsmExtension is the extension table (3GPP TS 23.038, 6.2.1.1) but for the euro sign.
var gsmExtension = map[byte]rune{
	0x0A: '\f', 0x14: '^', 0x28: '{', 0x29: '}', 0x2F: '\\', 0x3C: '[', 0x3D: '~', 0x3E: ']', 0x40: '|',
}

// gsmTables is the alphabet both ways; built once, then only read.
var gsmTables = func() (t struct {
	code     [gsmEnd]uint16 // by character
	basic    [128]rune      // by code
	extended [128]rune      // by code behind an escape; 0 is none
}) {
	for i := range t.code {
		t.code[i] = gsmNone
	}
	code := uint16(0)
	for _, r := range gsmBasic {
		t.basic[code] = r
		if r != gsmEscape {
			t.code[r] = code
		}
		code++
	}
	for c, r := range gsmExtension {
		t.extended[c] = r
		t.code[r] = gsmExt | uint16(c)
	}
	t.extended[gsmEuro&0x7F] = '€'
	return t
}()

// gsmCode is the code of a character, with gsmExt set when it takes an escape before it, or gsmNone.
func gsmCode(r rune) uint16 {
	if uint32(r) < gsmEnd {
		return gsmTables.code[r]
	}
	if r == '€' {
		return gsmEuro
	}
	return gsmNone
}

// appendGSM7 appends s as septets, one an octet. Every character of s has a code with that table.
func appendGSM7(dst []byte, s string, sh *shift) []byte {
	for _, r := range s {
		code := sh.codeOf(r)
		if code >= gsmExt {
			dst = append(dst, gsmEscape)
		}
		dst = append(dst, byte(code)&0x7F)
	}
	return dst
}

// appendFromGSM7 appends the characters of septets, with a national table or, when that is nil, the extension
// table behind an escape. An escape before a septet that the table lacks gives the default alphabet's
// character, and an escape before another or at the end a space (3GPP TS 23.038, 6.2.1.1 notes).
func appendFromGSM7(dst, septets []byte, sh *shift) (text []byte, damaged bool) {
	extended := &gsmTables.extended
	if sh != nil {
		extended = &sh.char
	}
	for i := 0; i < len(septets); i++ {
		c := septets[i]
		if c == gsmEscape {
			i++
			if i == len(septets) || septets[i] == gsmEscape {
				dst, damaged = append(dst, ' '), true
				continue
			}
			c = septets[i]
			if c < 0x80 && extended[c] != 0 {
				dst = utf8.AppendRune(dst, extended[c])
				continue
			}
			damaged = true
		}
		if c >= 0x80 {
			dst, damaged = utf8.AppendRune(dst, utf8.RuneError), true
			continue
		}
		dst = utf8.AppendRune(dst, gsmTables.basic[c])
	}
	return dst, damaged
}

// fillBits is how many bits stand between a header of so many octets and the first septet (3GPP TS 23.040,
// 9.2.3.24).
func fillBits(header int) int {
	return (7 - header*8%7) % 7
}

// packFrom packs the septets b[from:] in place behind fill zero bits, and CR into seven bits left over.
func packFrom(b []byte, from, fill int) []byte {
	if (fill+7*(len(b)-from))%8 == 1 {
		b = append(b, gsmCR)
	}
	acc, bits, out := uint(0), fill, from
	for _, septet := range b[from:] {
		acc |= uint(septet&0x7F) << bits
		bits += 7
		if bits >= 8 { // never more octets out than septets in, so nothing unread is overwritten
			b[out] = byte(acc)
			out++
			acc >>= 8
			bits -= 8
		}
	}
	b = b[:out]
	if bits > 0 {
		b = append(b, byte(acc))
	}
	return b
}

// appendUnpacked appends the septets packed in b behind fill bits, without the CR that fills seven bits left
// over.
func appendUnpacked(dst, b []byte, fill int) []byte {
	acc, bits := uint(0), 0
	start := len(dst)
	for i, octet := range b {
		acc |= uint(octet) << bits
		bits += 8
		if i == 0 {
			acc >>= fill
			bits -= fill
		}
		for bits >= 7 {
			dst = append(dst, byte(acc)&0x7F)
			acc >>= 7
			bits -= 7
		}
	}
	if n := len(dst); bits == 0 && n > start && dst[n-1] == gsmCR {
		dst = dst[:n-1]
	}
	return dst
}
