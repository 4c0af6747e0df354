package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
)

// ErrMalformed is a PDU whose mandatory fields cannot be read.
var ErrMalformed = errors.New("smpp: malformed PDU")

// encodeFields writes, by go-smpp, the fields of list in its order and the optional parameters behind them.
func encodeFields(h Header, list pdufield.List, fields pdufield.Map, tlvs TLVs) ([]byte, error) {
	var body bytes.Buffer
	for _, name := range list {
		f, ok := fields[name]
		if !ok {
			return nil, fmt.Errorf("smpp: %s has no value", name)
		}
		if v, ok := f.(*pdufield.Variable); ok && bytes.IndexByte(v.Data, 0) >= 0 {
			return nil, fmt.Errorf("smpp: %s holds a NUL octet", name)
		}
		if err := f.SerializeTo(&body); err != nil {
			return nil, fmt.Errorf("smpp: %s: %w", name, err)
		}
	}
	b := appendHeader(make([]byte, 0, HeaderLen+body.Len()+64), h)
	b, err := tlvs.append(append(b, body.Bytes()...))
	if err != nil {
		return nil, err
	}
	return finish(b), nil
}

// decodeFields reads, by go-smpp, the fields of list. Fields that the PDU ends before are absent from the map: an error response
// may come without its body.
func decodeFields(body []byte, list pdufield.List) (pdufield.Map, TLVs, error) {
	r := bytes.NewBuffer(body)
	fields, err := list.Decode(r)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return fields, decodeTLVs(r.Bytes()), nil
}

func text(s string) pdufield.Body { return &pdufield.Variable{Data: []byte(s)} }
func octet(b byte) pdufield.Body  { return &pdufield.Fixed{Data: b} }

func textOf(m pdufield.Map, name pdufield.Name) string {
	if f, ok := m[name]; ok {
		return strings.TrimRight(string(f.(*pdufield.Variable).Data), "\x00")
	}
	return ""
}

func octetOf(m pdufield.Map, name pdufield.Name) byte {
	if f, ok := m[name].(*pdufield.Fixed); ok {
		return f.Data
	}
	return 0
}
