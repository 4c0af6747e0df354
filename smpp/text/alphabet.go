package text

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Alphabet is what data_coding 0 means on a link.
type Alphabet string

// The alphabets of OTPGW_LINK_<NAME>_ALPHABET. The empty one is AlphabetGSM7.
const (
	AlphabetGSM7       Alphabet = "gsm7" // GSM 7-bit default alphabet, one septet an octet
	AlphabetGSM7Packed Alphabet = "gsm7-packed"
	AlphabetLatin1     Alphabet = "latin1"
	AlphabetASCII      Alphabet = "ascii"
)

// Encoding is what a text is sent as, by the API's names.
type Encoding string

// The encodings. Split chooses from the first four; the others come from handsets and clients.
const (
	GSM7     Encoding = "GSM7"
	UCS2     Encoding = "UCS2"
	Latin1   Encoding = "LATIN1"
	ASCII    Encoding = "ASCII"
	Cyrillic Encoding = "ISO-8859-5"
	Hebrew   Encoding = "ISO-8859-8"
	Binary   Encoding = "BINARY"
	Other    Encoding = "OTHER" // compressed, or of a script that is not known here
)

// kind is an encoding as octets are read and written by it: GSM text may be packed.
type kind uint8

const (
	kindOther kind = iota
	kindGSM7
	kindPacked
	kindASCII
	kindLatin1
	kindCyrillic
	kindHebrew
	kindUCS2
	kindBinary
)

// encodings is the table of them: what each is called, which values of data_coding name it (SMPP 3.4,
// 5.2.19), and how its octets are read. A link's alphabet is written under data_coding 0, unless it is
// Latin-1; UCS-2 and Latin-1 under their own. An alphabet more is a row here, with its room in coding.go when
// texts are to be written in it.
var encodings = [...]struct {
	name    Encoding
	codings []byte
	read    func(dst, b []byte, sh *shift) (text []byte, damaged bool)
}{
	kindOther:    {Other, nil, readLatin1},
	kindGSM7:     {GSM7, nil, appendFromGSM7},
	kindPacked:   {GSM7, nil, appendFromGSM7}, // of septets, when they are unpacked
	kindASCII:    {ASCII, []byte{1}, byOctet(asciiRune)},
	kindLatin1:   {Latin1, []byte{3}, readLatin1},
	kindCyrillic: {Cyrillic, []byte{6}, byOctet(charmap.ISO8859_5.DecodeByte)},
	kindHebrew:   {Hebrew, []byte{7}, byOctet(charmap.ISO8859_8.DecodeByte)},
	kindUCS2:     {UCS2, []byte{8}, func(dst, b []byte, _ *shift) ([]byte, bool) { return appendFromUTF16(dst, b) }},
	kindBinary:   {Binary, []byte{2, 4}, readLatin1},
}

// defaults are what data_coding 0 means on links.
var defaults = map[Alphabet]kind{
	"": kindGSM7, AlphabetGSM7: kindGSM7, AlphabetGSM7Packed: kindPacked, AlphabetLatin1: kindLatin1, AlphabetASCII: kindASCII,
}

// smppCodings are the values of data_coding that SMPP gives a meaning; the first has the link's.
var smppCodings = func() (list [16]kind) {
	for k, e := range encodings {
		for _, c := range e.codings {
			list[c] = kind(k)
		}
	}
	return list
}()

// dataCoding is the value that an encoding is written under.
func (k kind) dataCoding() byte {
	if k == kindLatin1 || k == kindUCS2 {
		return encodings[k].codings[0]
	}
	return 0
}

// kindOf judges data_coding: SMPP 3.4, 5.2.19 below 16; from there on the bits of 3GPP TS 23.038, 4, which
// SMSCs pass on for message classes and waiting indications.
func kindOf(dataCoding byte, a Alphabet) kind {
	gsm := kindGSM7
	if a == AlphabetGSM7Packed {
		gsm = kindPacked
	}
	switch group := dataCoding >> 4; {
	case dataCoding == 0 && defaults[a] != kindOther:
		return defaults[a]
	case dataCoding == 0:
		return gsm
	case dataCoding < 0x10:
		return smppCodings[dataCoding]
	case group < 0x8: // general, 00xx and 01xx
		switch dataCoding & 0x2C { // whether it is compressed, and the alphabet
		case 0x00:
			return gsm
		case 0x04:
			return kindBinary
		case 0x08:
			return kindUCS2
		}
		return kindOther
	case group == 0xE: // waiting indication
		return kindUCS2
	case group == 0xF && dataCoding&0x04 != 0: // 8-bit data with a class
		return kindBinary
	}
	return gsm // and reserved ones, which TS 23.038 has read as the default alphabet
}

// EncodingOf names what data_coding says on a link of that alphabet, as Decode and Join read it.
func EncodingOf(dataCoding byte, a Alphabet) Encoding { return encodings[kindOf(dataCoding, a)].name }

// decode reads octets; of packed text, its septets. sh is the national table of GSM text, nil for none.
func (k kind) decode(b []byte, sh *shift) (string, error) {
	dst, damaged := encodings[k].read(make([]byte, 0, len(b)+len(b)/4), b, sh)
	switch {
	case k == kindOther || k == kindBinary:
		return string(dst), ErrNotText
	case damaged:
		return string(dst), ErrDamaged
	}
	return string(dst), nil
}

// byOctet reads an alphabet of one octet a character.
func byOctet(char func(byte) rune) func(dst, b []byte, _ *shift) ([]byte, bool) {
	return func(dst, b []byte, _ *shift) (text []byte, damaged bool) {
		for _, c := range b {
			r := char(c)
			damaged = damaged || r == utf8.RuneError
			dst = utf8.AppendRune(dst, r)
		}
		return dst, damaged
	}
}

var readLatin1 = byOctet(func(c byte) rune { return rune(c) })

func asciiRune(c byte) rune {
	if c < utf8.RuneSelf {
		return rune(c)
	}
	return utf8.RuneError
}
