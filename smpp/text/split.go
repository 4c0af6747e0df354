package text

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/otpgw/otpgw/smpp/wire"
)

// layout is how a text goes: its coding and the parts it takes.
type layout struct {
	text   string // as it is sent
	coding *coding
	form   Long // empty for a text that fits one part
	room   int  // units in a part
	units  int  // of the whole text
	parts  int
	air    int // parts on the air: under payload more than parts
}

// layOut decides all that Split and Measure have to agree on.
func layOut(s string, o Options) (layout, error) {
	base, err := codingOf(o.Alphabet)
	if err != nil || !knownLanguages(o.National) {
		return layout{}, ErrOptions
	}
	switch o.Long {
	case "", LongUDH8, LongUDH16, LongSAR, LongPayload:
	default:
		return layout{}, ErrOptions
	}
	if !utf8.ValidString(s) {
		return layout{}, ErrInvalidUTF8
	}
	s = norm.NFC.String(s)
	if units, ok := base.fits(s); ok {
		return base.layOut(s, units, o.Long)
	}
	l, err := withLanguages(s, base, o)
	if !o.Transliterate {
		return l, err
	}
	changed := transliterate(s, base)
	if changed == s {
		return l, err
	}
	o.Transliterate = false
	if c, cerr := layOut(changed, o); cerr == nil && (err != nil || c.air < l.air) {
		return c, nil
	}
	return l, err
}

// layOut lays s out, which takes so many units in this coding. The error is ErrTooLong.
func (c *coding) layOut(s string, units int, long Long) (layout, error) {
	l := layout{text: s, coding: c, form: long, units: units, room: c.wide, parts: 1, air: 1}
	if units <= c.single {
		l.form, l.room = "", c.single
		return l, nil
	}
	if long == "" || long == LongUDH8 {
		l.form, l.room = LongUDH8, c.short
	}
	for rest := s[c.prefix(s, l.room):]; rest != ""; l.air++ {
		if l.air == MaxParts {
			return layout{}, ErrTooLong
		}
		rest = rest[c.prefix(rest, l.room):]
	}
	if l.form != LongPayload {
		l.parts = l.air
	}
	return l, nil
}

// Measure says how many parts Split would make and in which encoding, without making them.
func Measure(s string, o Options) (parts int, enc Encoding, err error) {
	l, err := layOut(s, o)
	if err != nil {
		return 0, "", err
	}
	return l.parts, l.coding.encoding(), nil
}

// Split encodes s and cuts it into parts, in order. All get the reference ref, its low 8 bits under udh8; the
// caller should not use one again soon for the same destination, for handsets put parts together by it. The
// empty text is one empty part. Errors: ErrInvalidUTF8, ErrTooLong, ErrOptions.
func Split(s string, ref uint16, o Options) ([]Part, Encoding, error) {
	l, err := layOut(s, o)
	if err != nil {
		return nil, "", err
	}
	parts := make([]Part, l.parts)
	if l.form == LongPayload {
		payload := l.coding.append(l.buffer(0), l.text, 0)
		parts[0] = Part{DataCoding: l.coding.kind.dataCoding(), Payload: payload, Number: 1, Total: 1}
		parts[0].TLVs = wire.TLVs{{Tag: wire.TagMessagePayload, Value: payload}}
		return parts, l.coding.encoding(), nil
	}
	switch l.form {
	case "":
		ref = 0
	case LongUDH8:
		ref &= 0xFF
	}
	l.fill(parts, ref)
	if l.form == LongSAR {
		addSAR(parts)
	}
	return parts, l.coding.encoding(), nil
}

// buffer is room for all parts, so that their octets are one allocation; the octet more is for the filler of
// packed text.
func (l *layout) buffer(header int) []byte {
	size := l.units
	if l.coding.kind == kindUCS2 {
		size *= 2
	}
	return make([]byte, 0, size+l.parts*header+1)
}

// maxHeader is the longest header written here: the length, a 16-bit concatenation and a national table.
const maxHeader = 1 + 6 + 3

// fill cuts the text into the parts, each behind its header.
func (l *layout) fill(parts []Part, ref uint16) {
	var scratch [maxHeader]byte
	header := len(appendHeader(scratch[:0], &parts[0], l.form, l.coding.shift))
	buf, s := l.buffer(header), l.text
	for i := range parts {
		p := &parts[i]
		*p = Part{DataCoding: l.coding.kind.dataCoding(), Ref: ref, Number: i + 1, Total: len(parts)}
		if header > 0 {
			p.ESMClass = wire.ESMClassUDHI
		}
		from, n := len(buf), l.coding.prefix(s, l.room)
		buf = l.coding.append(appendHeader(buf, p, l.form, l.coding.shift), s[:n], header)
		p.ShortMessage = buf[from:len(buf):len(buf)]
		s = s[n:]
	}
}

// addSAR gives each part its three TLVs (SMPP 3.4, 5.3.2.22 to 5.3.2.24).
func addSAR(parts []Part) {
	tlvs := make(wire.TLVs, 0, 3*len(parts))
	values := make([]byte, 0, 4*len(parts))
	for i := range parts {
		p := &parts[i]
		values = append(values, byte(p.Ref>>8), byte(p.Ref), byte(p.Total), byte(p.Number))
		v := values[4*i:]
		tlvs = append(tlvs,
			wire.TLV{Tag: wire.TagSarMsgRefNum, Value: v[0:2:2]},
			wire.TLV{Tag: wire.TagSarTotalSegments, Value: v[2:3:3]},
			wire.TLV{Tag: wire.TagSarSegmentSeqnum, Value: v[3:4:4]})
		p.TLVs = tlvs[3*i : 3*i+3 : 3*i+3]
	}
}

// appendUTF16 appends s as UTF-16, big end first.
func appendUTF16(dst []byte, s string) []byte {
	for _, r := range s {
		if r > 0xFFFF {
			high, low := utf16.EncodeRune(r)
			dst = append(dst, byte(high>>8), byte(high), byte(low>>8), byte(low))
			continue
		}
		dst = append(dst, byte(r>>8), byte(r))
	}
	return dst
}
