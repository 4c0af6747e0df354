package wire

import (
	"encoding/binary"
	"fmt"
)

// TLV is one optional parameter.
type TLV struct {
	Tag   uint16
	Value []byte
}

// TLVs are the optional parameters of a PDU in their order.
type TLVs []TLV

// Get returns the first parameter with that tag.
func (t TLVs) Get(tag uint16) ([]byte, bool) {
	for _, p := range t {
		if p.Tag == tag {
			return p.Value, true
		}
	}
	return nil, false
}

func (t TLVs) append(b []byte) ([]byte, error) {
	for _, p := range t {
		if len(p.Value) > 0xFFFF {
			return nil, fmt.Errorf("smpp: TLV 0x%04X is %d octets, at most 65535 fit", p.Tag, len(p.Value))
		}
		b = binary.BigEndian.AppendUint16(b, p.Tag)
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.Value)))
		b = append(b, p.Value...)
	}
	return b, nil
}

// size is the octets that append writes.
func (t TLVs) size() (n int) {
	for _, p := range t {
		n += tlvHeader + len(p.Value)
	}
	return n
}

// tlvHeader is the octets of a tag and a length.
const tlvHeader = 4

// readTLVs reads what is behind the mandatory fields. Some SMSCs put a stray NUL there: when the octets only
// make whole parameters without it, it is skipped.
func readTLVs(b []byte) (t TLVs, skipped int) {
	t, whole := scanTLVs(b)
	if !whole && len(b) > 0 && b[0] == 0 {
		if u, ok := scanTLVs(b[1:]); ok {
			return u, 1
		}
	}
	return t, 0
}

// scanTLVs reads parameters until the octets end; whole is false when the last one was cut. A cut value is
// kept as far as it goes.
func scanTLVs(b []byte) (t TLVs, whole bool) {
	if n := countTLVs(b); n > 0 {
		t = make(TLVs, 0, n)
	}
	for len(b) >= tlvHeader {
		p := TLV{Tag: binary.BigEndian.Uint16(b)}
		n := int(binary.BigEndian.Uint16(b[2:]))
		b = b[tlvHeader:]
		if n > len(b) {
			p.Value = b
			return append(t, p), false
		}
		p.Value, b = b[:n:n], b[n:]
		t = append(t, p)
	}
	return t, len(b) == 0
}

// countTLVs is how many parameters scanTLVs finds.
func countTLVs(b []byte) (n int) {
	for ; len(b) >= tlvHeader; n++ {
		b = b[tlvHeader+min(len(b)-tlvHeader, int(binary.BigEndian.Uint16(b[2:]))):]
	}
	return n
}
