package text

import "slices"

// Language is a national language that has a single-shift table (3GPP TS 23.038, 6.2.1.2.4).
type Language string

// The languages of OTPGW_LINK_<NAME>_NATIONAL.
const (
	LanguageTurkish    Language = "turkish"
	LanguageSpanish    Language = "spanish"
	LanguagePortuguese Language = "portuguese"
)

// shift is a national language's single-shift table (3GPP TS 23.038, A.2): behind an escape it stands in the
// place of the extension table. A part that uses it says so in its header, which costs it five septets.
type shift struct {
	id   byte // the national language identifier (6.2.1.2.4)
	code map[rune]byte
	char [128]rune // 0 is none
}

// newShift makes a table: the extension table, which all three hold, and what the language adds.
func newShift(id byte, own map[byte]rune) *shift {
	s := &shift{id: id, code: make(map[rune]byte), char: gsmTables.extended}
	for code, r := range own {
		s.char[code] = r
	}
	for code, r := range s.char {
		if r != 0 {
			s.code[r] = byte(code)
		}
	}
	return s
}

// The tables of 3GPP TS 23.038, A.2.1 to A.2.3, without what the extension table has.
var shifts = map[Language]*shift{
	LanguageTurkish: newShift(1, map[byte]rune{
		0x47: 'Ğ', 0x49: 'İ', 0x53: 'Ş', 0x63: 'ç', 0x67: 'ğ', 0x69: 'ı', 0x73: 'ş',
	}),
	LanguageSpanish: newShift(2, map[byte]rune{
		0x09: 'ç', 0x41: 'Á', 0x49: 'Í', 0x4F: 'Ó', 0x55: 'Ú', 0x61: 'á', 0x69: 'í', 0x6F: 'ó', 0x75: 'ú',
	}),
	LanguagePortuguese: newShift(3, map[byte]rune{
		0x05: 'ê', 0x09: 'ç', 0x0B: 'Ô', 0x0C: 'ô', 0x0E: 'Á', 0x0F: 'á', 0x12: 'Φ', 0x13: 'Γ', 0x15: 'Ω', 0x16: 'Π',
		0x17: 'Ψ', 0x18: 'Σ', 0x19: 'Θ', 0x1F: 'Ê', 0x41: 'À', 0x49: 'Í', 0x4F: 'Ó', 0x55: 'Ú', 0x5B: 'Ã', 0x5C: 'Õ',
		0x61: 'Â', 0x69: 'í', 0x6F: 'ó', 0x75: 'ú', 0x7B: 'ã', 0x7C: 'õ', 0x7F: 'â',
	}),
}

// shiftOf finds the table of an identifier; nil when it is not known here.
func shiftOf(id byte) *shift {
	for _, s := range shifts {
		if s.id == id {
			return s
		}
	}
	return nil
}

// codeOf is the code of a character with this table, or the extension table when it is nil: with gsmExt set
// when it takes an escape before it, or gsmNone.
func (s *shift) codeOf(r rune) uint16 {
	code := gsmCode(r)
	if s == nil || code < gsmExt {
		return code
	}
	if c, ok := s.code[r]; ok {
		return gsmExt | uint16(c)
	}
	return gsmNone
}

// national are the codings with a table, by what they are without it. The room is what is left of 140 octets
// behind a header of 4, 9 or 10.
var national = func() map[kind]map[Language]*coding {
	all := map[kind]map[Language]*coding{kindGSM7: {}, kindPacked: {}}
	for k, codings := range all {
		for language, s := range shifts {
			codings[language] = &coding{kind: k, shift: s, single: 155, short: 149, wide: 148}
		}
	}
	return all
}()

// withLanguages is the best way to send s, of which a character is not in the alphabet of base: UCS-2, or the
// first of the languages that saves parts against it. Under sar and payload a table serves only for a text of
// one part: what an SMSC makes of a header that it has to repeat in parts of its own making is anybody's
// guess.
func withLanguages(s string, base *coding, o Options) (layout, error) {
	units, _ := codingUCS2.count(s)
	best, err := codingUCS2.layOut(s, units, o.Long)
	oneOnly := o.Long == LongSAR || o.Long == LongPayload
	for _, language := range o.National {
		c := national[base.kind][language]
		if c == nil {
			continue
		}
		units, ok := c.fits(s)
		if !ok || oneOnly && units > c.single {
			continue
		}
		if l, lerr := c.layOut(s, units, o.Long); lerr == nil && (err != nil || l.air < best.air) {
			best, err = l, nil
		}
	}
	return best, err
}

func knownLanguages(all []Language) bool {
	return !slices.ContainsFunc(all, func(l Language) bool { return shifts[l] == nil })
}
