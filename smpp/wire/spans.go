package wire

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// Span is one field of a PDU's body, or one optional parameter, as it stands there.
type Span struct {
	*Field
	Value     []byte // of a CString without its NUL, of an optional parameter without its tag and length
	From, To  int    // in the body
	Whole     bool   // all of it is there; nothing can be read behind one that is not
	Entry     bool   // it is in the entry of a Count
	TLV       bool   // it is an optional parameter, of this tag; Field has no name when the specification has none such
	Tag       uint16
	Announced int // the length that an optional parameter, or the Length before Octets, says
}

// Uint is the value of an integer.
func (s *Span) Uint() (n uint32) {
	for _, c := range s.Value {
		n = n<<8 | uint32(c)
	}
	return n
}

// Spans goes over a PDU's body by the layout of its command: the mandatory fields in their order, then the
// optional parameters. It ends with the first that is not whole; what is behind that, or behind the last,
// belongs to none. A span is good until the next one; the values are parts of body, and what a caller writes
// over those it has seen changes nothing.
func Spans(c Command, body []byte) iter.Seq[*Span] {
	return func(yield func(*Span) bool) {
		l := LayoutOf(c)
		if l == nil || len(l.Fields) == 0 {
			return
		}
		w := walk{body: body, yield: yield}
		if w.fields(l.Fields, false) {
			w.tlvs()
		}
	}
}

// HeaderSpans goes over what is there of a PDU's header.
func HeaderSpans(pdu []byte) iter.Seq[*Span] {
	return func(yield func(*Span) bool) {
		w := walk{body: pdu[:min(len(pdu), HeaderLen)], yield: yield}
		w.fields(HeaderFields, false)
	}
}

// walk is one pass over a body.
type walk struct {
	body   []byte
	at     int
	length int  // of the Octets to come
	flag   byte // of the entry of a Count
	span   Span
	yield  func(*Span) bool
}

// fields goes over fields in a row, and reports whether it may go on behind them.
func (w *walk) fields(list []Field, entry bool) bool {
	for i := range list {
		f := &list[i]
		if f.When != 0 && f.When != w.flag {
			continue
		}
		s := w.next(f)
		s.Entry = entry
		if !w.yield(s) || !s.Whole {
			return false
		}
		switch {
		case f.Kind == Length:
			w.length = int(s.Value[0])
		case f.Kind == Count:
			for range s.Value[0] {
				if !w.fields(f.Each, true) {
					return false
				}
			}
		case f.Name == destFlag:
			if w.flag = s.Value[0]; w.flag != DestAddress && w.flag != DestList {
				return false // what follows is not known
			}
		}
	}
	return true
}

const destFlag = "dest_flag"

// next takes a field.
func (w *walk) next(f *Field) *Span {
	left := w.body[w.at:]
	s := &w.span
	*s = Span{Field: f, From: w.at}
	n := 1
	switch f.Kind {
	case CString:
		end := bytes.IndexByte(left, 0)
		if s.Whole = end >= 0; !s.Whole {
			end, n = len(left), 0
		}
		s.Value, w.at = left[:end:end], w.at+end+n
		s.To = w.at
		return s
	case Octets:
		n, s.Announced = w.length, w.length
	case Uint32:
		n = 4
	}
	if s.Whole = n <= len(left); !s.Whole {
		n = len(left)
	}
	s.Value, w.at = left[:n:n], w.at+n
	s.To = w.at
	return s
}

// tlvs goes over the optional parameters.
func (w *walk) tlvs() {
	from := w.at
	list, skipped := readTLVs(w.body[from:])
	from += skipped
	for _, p := range list {
		s := &w.span
		*s = Span{Field: &unknown, TLV: true, Tag: p.Tag, Value: p.Value, From: from, To: from + tlvHeader + len(p.Value)}
		if known := ParameterOf(p.Tag); known != nil {
			s.Field = &known.Field
		}
		s.Announced = int(binary.BigEndian.Uint16(w.body[from+2:]))
		s.Whole = s.Announced == len(p.Value)
		if !w.yield(s) {
			return
		}
		from = s.To
	}
}

var unknown = Field{Kind: Octets} // an optional parameter that the specification does not have

// HidePasswords overwrites the passwords of a PDU, in place. The mask is as long as what it hides.
func HidePasswords(pdu []byte, mask byte) {
	if len(pdu) <= HeaderLen {
		return
	}
	c := Command(binary.BigEndian.Uint32(pdu[4:]))
	if !LayoutOf(c).Holds(Password) {
		return
	}
	for s := range Spans(c, pdu[HeaderLen:]) {
		if s.Secret == Password {
			for i := range s.Value {
				s.Value[i] = mask
			}
		}
	}
}
