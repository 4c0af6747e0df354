package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrMalformed is a PDU whose mandatory fields cannot be read.
var ErrMalformed = errors.New("smpp: malformed PDU")

// The typed PDUs are written and read by the layout of their command: each has a method refs, which gives
// where the values of its fields are, in the order of the layout and without the Lengths, which follow from
// what they measure. A place is a *byte (Uint8), *Status (Uint32), *string (CString), *[]byte (Octets) or an
// entries (Count).
//
// submit_sm and deliver_sm are written and read by code of their own (shortmessage.go), of which tests hold
// the octets, the fields and the refusals to those that come of the layout.

// entries is the list behind a Count.
type entries interface {
	len() int
	at(i int) []any
	add() []any
}

// encode writes a PDU by its layout.
func encode(h Header, l *Layout, refs []any, tlvs TLVs) ([]byte, error) {
	b := appendHeader(make([]byte, 0, 128+tlvs.size()), h)
	b, err := appendFields(b, l.Fields, refs)
	if err == nil {
		b, err = tlvs.append(b)
	}
	if err != nil {
		return nil, err
	}
	return finish(b), nil
}

func appendFields(b []byte, fields []Field, refs []any) (_ []byte, err error) {
	var flag byte
	for i := range fields {
		f := &fields[i]
		if f.Kind == Length {
			n := len(*refs[0].(*[]byte))
			if n > f.Max {
				return nil, fmt.Errorf("smpp: %s is %d octets, at most %d fit", fields[i+1].Name, n, f.Max)
			}
			b = append(b, byte(n))
			continue
		}
		ref := refs[0]
		refs = refs[1:]
		if f.When != 0 && f.When != flag {
			continue
		}
		switch v := ref.(type) {
		case *byte:
			b = append(b, *v)
			if f.Name == destFlag {
				flag = *v
			}
		case *Status:
			b = binary.BigEndian.AppendUint32(b, uint32(*v))
		case *string:
			if strings.IndexByte(*v, 0) >= 0 {
				return nil, fmt.Errorf("smpp: %s holds a NUL octet", f.Name)
			}
			b = append(append(b, *v...), 0)
		case *[]byte:
			b = append(b, *v...)
		case entries:
			if v.len() > f.Max {
				return nil, fmt.Errorf("smpp: %s is %d, at most %d fit", f.Name, v.len(), f.Max)
			}
			b = append(b, byte(v.len()))
			for i := range v.len() {
				if b, err = appendFields(b, f.Each, v.at(i)); err != nil {
					return nil, err
				}
			}
		}
	}
	return b, nil
}

// decode reads a body by its layout. read is the number of fields that were whole, Lengths among them; what
// is behind the first that was not stays as it is. Octets and the values of the optional parameters are parts
// of body.
func decode(body []byte, l *Layout, refs []any) (read int, tlvs TLVs) {
	d := decoder{left: body}
	read = d.fields(l.Fields, refs)
	if read < len(l.Fields) {
		return read, nil
	}
	tlvs, _ = readTLVs(d.left)
	return read, tlvs
}

// decodeAll is decode for a PDU of which no field may be missing.
func decodeAll(body []byte, l *Layout, refs []any) (TLVs, error) {
	read, tlvs := decode(body, l, refs)
	if read < len(l.Fields) {
		return nil, fmt.Errorf("%w: it ends before %s does", ErrMalformed, l.Fields[read].Name)
	}
	return tlvs, nil
}

// decoder is what is left of a body, and what the fields behind depend on.
type decoder struct {
	left   []byte
	length int
	flag   byte
}

func (d *decoder) fields(fields []Field, refs []any) (read int) {
	for i := range fields {
		f := &fields[i]
		var ref any = &d.length
		if f.Kind != Length {
			ref, refs = refs[0], refs[1:]
		}
		if f.When != 0 && f.When != d.flag {
			continue
		}
		if !d.field(f, ref) {
			return i
		}
	}
	return len(fields)
}

// field reads one, and reports whether it was whole.
func (d *decoder) field(f *Field, ref any) bool {
	switch v := ref.(type) {
	case *string:
		i := bytes.IndexByte(d.left, 0)
		if i < 0 {
			return false
		}
		*v, d.left = string(d.left[:i]), d.left[i+1:]
		return true
	case *[]byte:
		return d.take(d.length, func(b []byte) { *v = b })
	case *Status:
		return d.take(4, func(b []byte) { *v = Status(binary.BigEndian.Uint32(b)) })
	case *int:
		return d.take(1, func(b []byte) { *v = int(b[0]) })
	case *byte:
		return d.take(1, func(b []byte) {
			if *v = b[0]; f.Name == destFlag {
				d.flag = b[0]
			}
		}) && (f.Name != destFlag || d.flag == DestAddress || d.flag == DestList)
	case entries:
		n := 0
		if !d.take(1, func(b []byte) { n = int(b[0]) }) {
			return false
		}
		for range n {
			if d.fields(f.Each, v.add()) < len(f.Each) {
				return false
			}
		}
		return true
	}
	return false
}

func (d *decoder) take(n int, use func([]byte)) bool {
	if n > len(d.left) {
		return false
	}
	use(d.left[:n:n])
	d.left = d.left[n:]
	return true
}
