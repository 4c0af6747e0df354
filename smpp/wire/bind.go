package wire

import (
	"bytes"

	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
)

// Version34 is interface_version for SMPP 3.4 (5.2.4).
const Version34 = 0x34

// Bind is a bind_transmitter, bind_receiver or bind_transceiver (SMPP 3.4, 4.1).
type Bind struct {
	SystemID, Password, SystemType string
	InterfaceVersion               byte
	AddressRange                   Address // the addresses a receiver serves
}

var bindFields = pdufield.List{
	pdufield.SystemID, pdufield.Password, pdufield.SystemType, pdufield.InterfaceVersion,
	pdufield.AddrTON, pdufield.AddrNPI, pdufield.AddressRange,
}

// Encode returns the PDU; the header's command says which bind it is.
func (p Bind) Encode(h Header) ([]byte, error) {
	return encodeFields(h, bindFields, pdufield.Map{
		pdufield.SystemID:         text(p.SystemID),
		pdufield.Password:         text(p.Password),
		pdufield.SystemType:       text(p.SystemType),
		pdufield.InterfaceVersion: octet(p.InterfaceVersion),
		pdufield.AddrTON:          octet(p.AddressRange.TON),
		pdufield.AddrNPI:          octet(p.AddressRange.NPI),
		pdufield.AddressRange:     text(p.AddressRange.Addr),
	}, nil)
}

// DecodeBind reads the body of a bind request.
func DecodeBind(f Frame) (Bind, error) {
	m, _, err := decodeFields(f.Body, bindFields)
	if err != nil {
		return Bind{}, err
	}
	if _, ok := m[pdufield.Password]; !ok {
		return Bind{}, ErrMalformed
	}
	return Bind{
		SystemID:         textOf(m, pdufield.SystemID),
		Password:         textOf(m, pdufield.Password),
		SystemType:       textOf(m, pdufield.SystemType),
		InterfaceVersion: octetOf(m, pdufield.InterfaceVersion),
		AddressRange:     addressOf(m, pdufield.AddrTON, pdufield.AddrNPI, pdufield.AddressRange),
	}, nil
}

// BindResp is the answer to a bind (SMPP 3.4, 4.1.2).
type BindResp struct {
	SystemID string
	TLVs     TLVs
}

// Encode returns the PDU; the header's command says which bind it answers.
func (p BindResp) Encode(h Header) ([]byte, error) {
	return encodeFields(h, pdufield.List{pdufield.SystemID}, pdufield.Map{pdufield.SystemID: text(p.SystemID)}, p.TLVs)
}

// DecodeBindResp reads the body of a bind response; an error response may have none.
func DecodeBindResp(f Frame) BindResp {
	i := bytes.IndexByte(f.Body, 0)
	if i < 0 {
		return BindResp{SystemID: string(f.Body)}
	}
	return BindResp{SystemID: string(f.Body[:i]), TLVs: decodeTLVs(f.Body[i+1:])}
}
