package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
)

// Address is an address with its type of number and numbering plan (SMPP 3.4, 5.2.5 and 5.2.6).
type Address struct {
	TON, NPI byte
	Addr     string
}

// Message is a submit_sm, deliver_sm or data_sm: the three that carry a short message (SMPP 3.4, 4.4.1, 4.6.1,
// 4.7.1). data_sm has neither ShortMessage nor the fields marked so.
type Message struct {
	ServiceType        string
	Source, Dest       Address
	ESMClass           byte
	ProtocolID         byte   // not in data_sm
	Priority           byte   // not in data_sm
	ScheduleDelivery   string // not in data_sm
	Validity           string // not in data_sm
	RegisteredDelivery byte
	ReplaceIfPresent   byte // not in data_sm
	DataCoding         byte
	DefaultMessageID   byte   // not in data_sm
	ShortMessage       []byte // with its user data header, at most 254 octets; not in data_sm
	TLVs               TLVs
}

// The bits of esm_class this project reads or writes (SMPP 3.4, 5.2.12).
const (
	ESMClassReceipt      = 0x04 // message type: delivery receipt
	ESMClassIntermediate = 0x20 // message type: intermediate notification
	ESMClassTypeMask     = 0x3C
	ESMClassUDHI         = 0x40 // short_message begins with a user data header
)

// maxShortMessage is the longest short_message (SMPP 3.4, 5.2.22).
const maxShortMessage = 254

var dataFields = pdufield.List{
	pdufield.ServiceType, pdufield.SourceAddrTON, pdufield.SourceAddrNPI, pdufield.SourceAddr,
	pdufield.DestAddrTON, pdufield.DestAddrNPI, pdufield.DestinationAddr, pdufield.ESMClass,
	pdufield.RegisteredDelivery, pdufield.DataCoding,
}

// Encode returns the PDU; the header's command says which of the three it is.
func (m *Message) Encode(h Header) ([]byte, error) {
	if len(m.ShortMessage) > maxShortMessage {
		return nil, fmt.Errorf("smpp: short_message is %d octets, at most %d fit", len(m.ShortMessage), maxShortMessage)
	}
	if h.Command != DataSM {
		return m.encodeMessage(h)
	}
	return encodeFields(h, dataFields, pdufield.Map{
		pdufield.ServiceType:        text(m.ServiceType),
		pdufield.SourceAddrTON:      octet(m.Source.TON),
		pdufield.SourceAddrNPI:      octet(m.Source.NPI),
		pdufield.SourceAddr:         text(m.Source.Addr),
		pdufield.DestAddrTON:        octet(m.Dest.TON),
		pdufield.DestAddrNPI:        octet(m.Dest.NPI),
		pdufield.DestinationAddr:    text(m.Dest.Addr),
		pdufield.ESMClass:           octet(m.ESMClass),
		pdufield.RegisteredDelivery: octet(m.RegisteredDelivery),
		pdufield.DataCoding:         octet(m.DataCoding),
	}, m.TLVs)
}

// DecodeMessage reads the body of a submit_sm, deliver_sm or data_sm. ErrMalformed when the fields up to the message
// are not all there. ShortMessage and the values of the TLVs are parts of f.Body.
func DecodeMessage(f Frame) (*Message, error) {
	if f.Command != DataSM {
		return decodeMessage(f.Body)
	}
	m, tlvs, err := decodeFields(f.Body, dataFields)
	if err != nil {
		return nil, err
	}
	if _, ok := m[pdufield.DataCoding]; !ok {
		return nil, fmt.Errorf("%w: it ends before %s", ErrMalformed, pdufield.DataCoding)
	}
	return &Message{
		ServiceType:        textOf(m, pdufield.ServiceType),
		Source:             addressOf(m, pdufield.SourceAddrTON, pdufield.SourceAddrNPI, pdufield.SourceAddr),
		Dest:               addressOf(m, pdufield.DestAddrTON, pdufield.DestAddrNPI, pdufield.DestinationAddr),
		ESMClass:           octetOf(m, pdufield.ESMClass),
		RegisteredDelivery: octetOf(m, pdufield.RegisteredDelivery),
		DataCoding:         octetOf(m, pdufield.DataCoding),
		TLVs:               tlvs,
	}, nil
}

func addressOf(m pdufield.Map, ton, npi, addr pdufield.Name) Address {
	return Address{TON: octetOf(m, ton), NPI: octetOf(m, npi), Addr: textOf(m, addr)}
}

// Payload returns the message's octets wherever they are: message_payload (SMPP 3.4, 5.3.2.32) or short_message.
func (m *Message) Payload() []byte {
	if len(m.ShortMessage) == 0 {
		if p, ok := m.TLVs.Get(TagMessagePayload); ok {
			return p
		}
	}
	return m.ShortMessage
}

// MessageResp is a submit_sm_resp, deliver_sm_resp or data_sm_resp (SMPP 3.4, 4.4.2, 4.6.2, 4.7.2).
type MessageResp struct {
	MessageID string
	TLVs      TLVs
}

// Encode returns the PDU; the header's command says which of the three it is.
func (r MessageResp) Encode(h Header) ([]byte, error) {
	if strings.IndexByte(r.MessageID, 0) >= 0 {
		return nil, errors.New("smpp: message_id holds a NUL octet")
	}
	b := appendHeader(make([]byte, 0, HeaderLen+len(r.MessageID)+1+r.TLVs.size()), h)
	b, err := r.TLVs.append(append(append(b, r.MessageID...), 0))
	if err != nil {
		return nil, err
	}
	return finish(b), nil
}

// DecodeMessageResp reads the body of a response to the three; an error response may have none, and a message_id may
// lack its NUL.
func DecodeMessageResp(f Frame) MessageResp {
	i := bytes.IndexByte(f.Body, 0)
	if i < 0 {
		return MessageResp{MessageID: string(f.Body)}
	}
	return MessageResp{MessageID: string(f.Body[:i]), TLVs: decodeTLVs(f.Body[i+1:])}
}
