package wire

import (
	"bytes"
	"fmt"

	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
)

// The judges of the code that submit_sm and deliver_sm have of their own: the layout, and go-smpp's fields.

// LayoutEncode is Message.Encode of a submit_sm or deliver_sm by the layout.
func LayoutEncode(m *Message, h Header) ([]byte, error) {
	return encode(h, LayoutOf(SubmitSM), m.submitRefs(), m.TLVs)
}

// LayoutDecode is DecodeMessage of a submit_sm or deliver_sm by the layout.
func LayoutDecode(f Frame) (*Message, error) {
	m := &Message{}
	tlvs, err := decodeAll(f.Body, LayoutOf(SubmitSM), m.submitRefs())
	if err != nil {
		return nil, err
	}
	m.TLVs = tlvs
	return m, nil
}

func (m *Message) submitRefs() []any {
	refs := append([]any{&m.ServiceType}, append(m.Source.refs(), m.Dest.refs()...)...)
	return append(refs, m.contentRefs()...)
}

var oracleFields = pdufield.List{
	pdufield.ServiceType, pdufield.SourceAddrTON, pdufield.SourceAddrNPI, pdufield.SourceAddr,
	pdufield.DestAddrTON, pdufield.DestAddrNPI, pdufield.DestinationAddr, pdufield.ESMClass,
	pdufield.ProtocolID, pdufield.PriorityFlag, pdufield.ScheduleDeliveryTime, pdufield.ValidityPeriod,
	pdufield.RegisteredDelivery, pdufield.ReplaceIfPresentFlag, pdufield.DataCoding, pdufield.SMDefaultMsgID,
	pdufield.SMLength, pdufield.ShortMessage,
}

// OracleEncode is Message.Encode by go-smpp.
func OracleEncode(m *Message, h Header) ([]byte, error) {
	if len(m.ShortMessage) > MaxShortMessage {
		return nil, fmt.Errorf("too long")
	}
	text := func(s string) pdufield.Body { return &pdufield.Variable{Data: []byte(s)} }
	octet := func(b byte) pdufield.Body { return &pdufield.Fixed{Data: b} }
	fields := pdufield.Map{
		pdufield.ServiceType:          text(m.ServiceType),
		pdufield.SourceAddrTON:        octet(m.Source.TON),
		pdufield.SourceAddrNPI:        octet(m.Source.NPI),
		pdufield.SourceAddr:           text(m.Source.Addr),
		pdufield.DestAddrTON:          octet(m.Dest.TON),
		pdufield.DestAddrNPI:          octet(m.Dest.NPI),
		pdufield.DestinationAddr:      text(m.Dest.Addr),
		pdufield.ESMClass:             octet(m.ESMClass),
		pdufield.ProtocolID:           octet(m.ProtocolID),
		pdufield.PriorityFlag:         octet(m.Priority),
		pdufield.ScheduleDeliveryTime: text(m.ScheduleDelivery),
		pdufield.ValidityPeriod:       text(m.Validity),
		pdufield.RegisteredDelivery:   octet(m.RegisteredDelivery),
		pdufield.ReplaceIfPresentFlag: octet(m.ReplaceIfPresent),
		pdufield.DataCoding:           octet(m.DataCoding),
		pdufield.SMDefaultMsgID:       octet(m.DefaultMessageID),
		pdufield.SMLength:             octet(byte(len(m.ShortMessage))),
		pdufield.ShortMessage:         &pdufield.SM{Data: m.ShortMessage},
	}
	var body bytes.Buffer
	for _, name := range oracleFields {
		if v, ok := fields[name].(*pdufield.Variable); ok && bytes.IndexByte(v.Data, 0) >= 0 {
			return nil, fmt.Errorf("%s holds a NUL octet", name)
		}
		if err := fields[name].SerializeTo(&body); err != nil {
			return nil, err
		}
	}
	b, err := m.TLVs.append(append(appendHeader(nil, h), body.Bytes()...))
	if err != nil {
		return nil, err
	}
	return finish(b), nil
}

// OracleDecode is DecodeMessage by go-smpp.
func OracleDecode(f Frame) (*Message, error) {
	r := bytes.NewBuffer(f.Body)
	m, err := oracleFields.Decode(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, ok := m[pdufield.SMLength]; !ok {
		return nil, ErrMalformed
	}
	text := func(name pdufield.Name) string {
		return string(bytes.TrimRight(m[name].(*pdufield.Variable).Data, "\x00"))
	}
	octet := func(name pdufield.Name) byte { return m[name].(*pdufield.Fixed).Data }
	msg := &Message{
		ServiceType:        text(pdufield.ServiceType),
		Source:             Address{octet(pdufield.SourceAddrTON), octet(pdufield.SourceAddrNPI), text(pdufield.SourceAddr)},
		Dest:               Address{octet(pdufield.DestAddrTON), octet(pdufield.DestAddrNPI), text(pdufield.DestinationAddr)},
		ESMClass:           octet(pdufield.ESMClass),
		ProtocolID:         octet(pdufield.ProtocolID),
		Priority:           octet(pdufield.PriorityFlag),
		ScheduleDelivery:   text(pdufield.ScheduleDeliveryTime),
		Validity:           text(pdufield.ValidityPeriod),
		RegisteredDelivery: octet(pdufield.RegisteredDelivery),
		ReplaceIfPresent:   octet(pdufield.ReplaceIfPresentFlag),
		DataCoding:         octet(pdufield.DataCoding),
		DefaultMessageID:   octet(pdufield.SMDefaultMsgID),
	}
	msg.TLVs, _ = readTLVs(r.Bytes())
	if sm, ok := m[pdufield.ShortMessage].(*pdufield.SM); ok {
		msg.ShortMessage = sm.Data
	}
	return msg, nil
}
