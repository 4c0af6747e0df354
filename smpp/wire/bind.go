package wire

import (
	"bytes"
	"fmt"
)

// Version34 is interface_version for SMPP 3.4 (5.2.4).
const Version34 = 0x34

// Bind is a bind_transmitter, bind_receiver or bind_transceiver (SMPP 3.4, 4.1).
type Bind struct {
	SystemID, Password, SystemType string
	InterfaceVersion               byte
	AddressRange                   Address // the addresses a receiver serves
}

func (p *Bind) refs() []any {
	return append([]any{&p.SystemID, &p.Password, &p.SystemType, &p.InterfaceVersion}, p.AddressRange.refs()...)
}

// Encode returns the PDU; the header's command says which bind it is.
func (p Bind) Encode(h Header) ([]byte, error) {
	return encode(h, LayoutOf(BindTransceiver), p.refs(), nil)
}

// DecodeBind reads the body of a bind request. Behind the password it may end early: there are clients that
// leave out the rest.
func DecodeBind(f Frame) (p Bind, err error) {
	l := LayoutOf(BindTransceiver)
	read, _ := decode(f.Body, l, p.refs())
	if read < 2 {
		return Bind{}, fmt.Errorf("%w: it ends before %s does", ErrMalformed, l.Fields[read].Name)
	}
	return p, nil
}

// BindResp is the answer to a bind (SMPP 3.4, 4.1.2).
type BindResp struct {
	SystemID string
	TLVs     TLVs
}

// Encode returns the PDU; the header's command says which bind it answers.
func (p BindResp) Encode(h Header) ([]byte, error) {
	return encode(h, LayoutOf(BindTransceiverResp), []any{&p.SystemID}, p.TLVs)
}

// DecodeBindResp reads the body of a bind response; an error response may have none.
func DecodeBindResp(f Frame) (p BindResp) {
	p.SystemID, p.TLVs = decodeID(f.Body)
	return p
}

// decodeID reads the body of a response whose only field is a string. It may be missing, and so may its NUL.
func decodeID(body []byte) (id string, tlvs TLVs) {
	i := bytes.IndexByte(body, 0)
	if i < 0 {
		return string(body), nil
	}
	tlvs, _ = readTLVs(body[i+1:])
	return string(body[:i]), tlvs
}

// OutbindRequest is an outbind (SMPP 3.4, 4.1.7), by which an SMSC asks an ESME to bind as a receiver.
type OutbindRequest struct{ SystemID, Password string }

func (o *OutbindRequest) refs() []any { return []any{&o.SystemID, &o.Password} }

// DecodeOutbind reads the body of an outbind.
func DecodeOutbind(f Frame) (o OutbindRequest, err error) {
	_, err = decodeAll(f.Body, LayoutOf(Outbind), o.refs())
	return o, err
}

// Encode returns the PDU.
func (o OutbindRequest) Encode(h Header) ([]byte, error) {
	return encode(h, LayoutOf(Outbind), o.refs(), nil)
}
