package wire

import (
	"fmt"

	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
)

// The oracle: submit_sm and deliver_sm by go-smpp's fields, as this package wrote and read them before it had code of its
// own for the two.

var messageFields = pdufield.List{
	pdufield.ServiceType, pdufield.SourceAddrTON, pdufield.SourceAddrNPI, pdufield.SourceAddr,
	pdufield.DestAddrTON, pdufield.DestAddrNPI, pdufield.DestinationAddr, pdufield.ESMClass,
	pdufield.ProtocolID, pdufield.PriorityFlag, pdufield.ScheduleDeliveryTime, pdufield.ValidityPeriod,
	pdufield.RegisteredDelivery, pdufield.ReplaceIfPresentFlag, pdufield.DataCoding, pdufield.SMDefaultMsgID,
	pdufield.SMLength, pdufield.ShortMessage,
}

// OracleEncode is Message.Encode by go-smpp.
func OracleEncode(m *Message, h Header) ([]byte, error) {
	if len(m.ShortMessage) > maxShortMessage {
		return nil, fmt.Errorf("too long")
	}
	return encodeFields(h, messageFields, pdufield.Map{
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
	}, m.TLVs)
}

// OracleDecode is DecodeMessage by go-smpp.
func OracleDecode(f Frame) (*Message, error) {
	m, tlvs, err := decodeFields(f.Body, messageFields)
	if err != nil {
		return nil, err
	}
	if _, ok := m[pdufield.SMLength]; !ok {
		return nil, ErrMalformed
	}
	msg := &Message{
		ServiceType:        textOf(m, pdufield.ServiceType),
		Source:             addressOf(m, pdufield.SourceAddrTON, pdufield.SourceAddrNPI, pdufield.SourceAddr),
		Dest:               addressOf(m, pdufield.DestAddrTON, pdufield.DestAddrNPI, pdufield.DestinationAddr),
		ESMClass:           octetOf(m, pdufield.ESMClass),
		ProtocolID:         octetOf(m, pdufield.ProtocolID),
		Priority:           octetOf(m, pdufield.PriorityFlag),
		ScheduleDelivery:   textOf(m, pdufield.ScheduleDeliveryTime),
		Validity:           textOf(m, pdufield.ValidityPeriod),
		RegisteredDelivery: octetOf(m, pdufield.RegisteredDelivery),
		ReplaceIfPresent:   octetOf(m, pdufield.ReplaceIfPresentFlag),
		DataCoding:         octetOf(m, pdufield.DataCoding),
		DefaultMessageID:   octetOf(m, pdufield.SMDefaultMsgID),
		TLVs:               tlvs,
	}
	if sm, ok := m[pdufield.ShortMessage].(*pdufield.SM); ok {
		msg.ShortMessage = sm.Data
	}
	return msg, nil
}
