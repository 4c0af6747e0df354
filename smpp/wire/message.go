package wire

import (
	"errors"
	"slices"
	"strings"
)

// Message is a submit_sm, deliver_sm or data_sm: the three that carry a short message (SMPP 3.4, 4.4.1,
// 4.6.1, 4.7.1). data_sm has neither ShortMessage nor the fields marked so.
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

// contentRefs are the places of the fields behind the addresses.
func (m *Message) contentRefs() []any {
	return []any{
		&m.ESMClass, &m.ProtocolID, &m.Priority, &m.ScheduleDelivery, &m.Validity, &m.RegisteredDelivery, &m.ReplaceIfPresent,
		&m.DataCoding, &m.DefaultMessageID, &m.ShortMessage,
	}
}

func (m *Message) dataRefs() []any {
	return slices.Concat([]any{&m.ServiceType}, m.Source.refs(), m.Dest.refs(),
		[]any{&m.ESMClass, &m.RegisteredDelivery, &m.DataCoding})
}

// Encode returns the PDU; the header's command says which of the three it is.
func (m *Message) Encode(h Header) ([]byte, error) {
	if h.Command != DataSM {
		return m.encodeMessage(h)
	}
	return encode(h, LayoutOf(DataSM), m.dataRefs(), m.TLVs)
}

// DecodeMessage reads the body of a submit_sm, deliver_sm or data_sm. ErrMalformed when the fields up to the
// message are not all there. ShortMessage and the values of the TLVs are parts of f.Body.
func DecodeMessage(f Frame) (*Message, error) {
	if f.Command != DataSM {
		return decodeMessage(f.Body)
	}
	m := &Message{}
	tlvs, err := decodeAll(f.Body, LayoutOf(DataSM), m.dataRefs())
	if err != nil {
		return nil, err
	}
	m.TLVs = tlvs
	return m, nil
}

// Payload returns the message's octets wherever they are: message_payload (SMPP 3.4, 5.3.2.32) or
// short_message.
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

// DecodeMessageResp reads the body of a response to the three; an error response may have none, and a
// message_id may lack its NUL.
func DecodeMessageResp(f Frame) (r MessageResp) {
	r.MessageID, r.TLVs = decodeID(f.Body)
	return r
}
