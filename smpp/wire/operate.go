package wire

import (
	"bytes"
	"fmt"
)

// The commands of SMPP 3.4 that only a server meets here, and outbind.
const (
	QuerySM         Command = 0x00000003
	QuerySMResp     Command = 0x80000003
	ReplaceSM       Command = 0x00000007
	ReplaceSMResp   Command = 0x80000007
	CancelSM        Command = 0x00000008
	CancelSMResp    Command = 0x80000008
	Outbind         Command = 0x0000000B
	SubmitMulti     Command = 0x00000021
	SubmitMultiResp Command = 0x80000021
)

// maxDests is the most destinations of a submit_multi (SMPP 3.4, 5.2.24).
const maxDests = 254

// fieldReader reads the fields of a body in their order. After a failure it gives zeros.
type fieldReader struct {
	b      []byte
	failed bool
}

func (c *fieldReader) octet() byte {
	if len(c.b) == 0 {
		c.failed = true
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *fieldReader) text() string {
	i := bytes.IndexByte(c.b, 0)
	if i < 0 {
		c.b, c.failed = nil, true
		return ""
	}
	v := string(c.b[:i])
	c.b = c.b[i+1:]
	return v
}

func (c *fieldReader) octets(n int) []byte {
	if n > len(c.b) {
		n, c.failed = len(c.b), true
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *fieldReader) address() Address {
	return Address{TON: c.octet(), NPI: c.octet(), Addr: c.text()}
}

func (c *fieldReader) err() error {
	if c.failed {
		return ErrMalformed
	}
	return nil
}

func appendText(b []byte, s string) []byte { return append(append(b, s...), 0) }

func appendAddress(b []byte, a Address) []byte { return appendText(append(b, a.TON, a.NPI), a.Addr) }

// Multi is a submit_multi (SMPP 3.4, 4.5.1): a message to several destinations. Its Message has no Dest.
type Multi struct {
	Message
	Dests []Address
	Lists []string // names of distribution lists
}

// DecodeMulti reads the body of a submit_multi.
func DecodeMulti(f Frame) (*Multi, error) {
	c := &fieldReader{b: f.Body}
	m := &Multi{}
	m.ServiceType, m.Source = c.text(), c.address()
	for range c.octet() {
		switch flag := c.octet(); {
		case c.failed:
			return nil, ErrMalformed
		case flag == 1: // SMPP 3.4, 5.2.25
			m.Dests = append(m.Dests, c.address())
		case flag == 2:
			m.Lists = append(m.Lists, c.text())
		default:
			return nil, fmt.Errorf("%w: dest_flag %d", ErrMalformed, flag)
		}
	}
	m.ESMClass, m.ProtocolID, m.Priority = c.octet(), c.octet(), c.octet()
	m.ScheduleDelivery, m.Validity = c.text(), c.text()
	m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMessageID = c.octet(), c.octet(), c.octet(), c.octet()
	m.ShortMessage = c.octets(int(c.octet()))
	if c.failed {
		return nil, ErrMalformed
	}
	m.TLVs = decodeTLVs(c.b)
	return m, nil
}

// Encode returns the PDU.
func (m *Multi) Encode(h Header) ([]byte, error) {
	if len(m.ShortMessage) > maxShortMessage || len(m.Dests)+len(m.Lists) > maxDests {
		return nil, fmt.Errorf("smpp: submit_multi of %d octets to %d destinations", len(m.ShortMessage), len(m.Dests)+len(m.Lists))
	}
	b := appendAddress(appendText(appendHeader(nil, h), m.ServiceType), m.Source)
	b = append(b, byte(len(m.Dests)+len(m.Lists)))
	for _, d := range m.Dests {
		b = appendAddress(append(b, 1), d)
	}
	for _, l := range m.Lists {
		b = appendText(append(b, 2), l)
	}
	b = append(b, m.ESMClass, m.ProtocolID, m.Priority)
	b = appendText(appendText(b, m.ScheduleDelivery), m.Validity)
	b = append(b, m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMessageID, byte(len(m.ShortMessage)))
	b, err := m.TLVs.append(append(b, m.ShortMessage...))
	if err != nil {
		return nil, err
	}
	return finish(b), nil
}

// Unsuccess is a destination that a submit_multi was refused for (SMPP 3.4, 4.5.2).
type Unsuccess struct {
	Dest   Address
	Status Status
}

// MultiResp is a submit_multi_resp.
type MultiResp struct {
	MessageID string
	Refused   []Unsuccess
}

// Encode returns the PDU.
func (r MultiResp) Encode(h Header) ([]byte, error) {
	b := append(appendText(appendHeader(nil, h), r.MessageID), byte(len(r.Refused)))
	for _, u := range r.Refused {
		s := uint32(u.Status)
		b = append(appendAddress(b, u.Dest), byte(s>>24), byte(s>>16), byte(s>>8), byte(s))
	}
	return finish(b), nil
}

// DecodeMultiResp reads the body of a submit_multi_resp.
func DecodeMultiResp(f Frame) (MultiResp, error) {
	c := &fieldReader{b: f.Body}
	r := MultiResp{MessageID: c.text()}
	for range c.octet() {
		u := Unsuccess{Dest: c.address()}
		for range 4 {
			u.Status = u.Status<<8 | Status(c.octet())
		}
		if c.failed {
			break
		}
		r.Refused = append(r.Refused, u)
	}
	return r, c.err()
}

// Query is a query_sm (SMPP 3.4, 4.8.1).
type Query struct {
	MessageID string
	Source    Address
}

// DecodeQuery reads the body of a query_sm.
func DecodeQuery(f Frame) (Query, error) {
	c := &fieldReader{b: f.Body}
	return Query{c.text(), c.address()}, c.err()
}

// Encode returns the PDU.
func (q Query) Encode(h Header) ([]byte, error) {
	return finish(appendAddress(appendText(appendHeader(nil, h), q.MessageID), q.Source)), nil
}

// QueryResp is a query_sm_resp (SMPP 3.4, 4.8.2).
type QueryResp struct {
	MessageID string
	FinalDate string // empty while there is no final state
	State     byte
	Error     byte
}

// Encode returns the PDU.
func (r QueryResp) Encode(h Header) ([]byte, error) {
	b := appendText(appendText(appendHeader(nil, h), r.MessageID), r.FinalDate)
	return finish(append(b, r.State, r.Error)), nil
}

// DecodeQueryResp reads the body of a query_sm_resp.
func DecodeQueryResp(f Frame) (QueryResp, error) {
	c := &fieldReader{b: f.Body}
	return QueryResp{c.text(), c.text(), c.octet(), c.octet()}, c.err()
}

// Cancel is a cancel_sm (SMPP 3.4, 4.9.1).
type Cancel struct {
	ServiceType  string
	MessageID    string // empty: all from Source to Dest
	Source, Dest Address
}

// DecodeCancel reads the body of a cancel_sm.
func DecodeCancel(f Frame) (Cancel, error) {
	c := &fieldReader{b: f.Body}
	return Cancel{c.text(), c.text(), c.address(), c.address()}, c.err()
}

// Encode returns the PDU.
func (p Cancel) Encode(h Header) ([]byte, error) {
	b := appendText(appendText(appendHeader(nil, h), p.ServiceType), p.MessageID)
	return finish(appendAddress(appendAddress(b, p.Source), p.Dest)), nil
}

// Replace is a replace_sm (SMPP 3.4, 4.10.1).
type Replace struct {
	MessageID          string
	Source             Address
	ScheduleDelivery   string
	Validity           string
	RegisteredDelivery byte
	DefaultMessageID   byte
	ShortMessage       []byte
}

// DecodeReplace reads the body of a replace_sm.
func DecodeReplace(f Frame) (Replace, error) {
	c := &fieldReader{b: f.Body}
	r := Replace{
		MessageID: c.text(), Source: c.address(), ScheduleDelivery: c.text(), Validity: c.text(),
		RegisteredDelivery: c.octet(), DefaultMessageID: c.octet(),
	}
	r.ShortMessage = c.octets(int(c.octet()))
	return r, c.err()
}

// Encode returns the PDU.
func (r Replace) Encode(h Header) ([]byte, error) {
	if len(r.ShortMessage) > maxShortMessage {
		return nil, fmt.Errorf("smpp: short_message is %d octets, at most %d fit", len(r.ShortMessage), maxShortMessage)
	}
	b := appendAddress(appendText(appendHeader(nil, h), r.MessageID), r.Source)
	b = appendText(appendText(b, r.ScheduleDelivery), r.Validity)
	b = append(b, r.RegisteredDelivery, r.DefaultMessageID, byte(len(r.ShortMessage)))
	return finish(append(b, r.ShortMessage...)), nil
}

// OutbindRequest is an outbind (SMPP 3.4, 4.1.7), by which an SMSC asks an ESME to bind as a receiver.
type OutbindRequest struct{ SystemID, Password string }

// DecodeOutbind reads the body of an outbind.
func DecodeOutbind(f Frame) (OutbindRequest, error) {
	c := &fieldReader{b: f.Body}
	return OutbindRequest{c.text(), c.text()}, c.err()
}

// Encode returns the PDU.
func (o OutbindRequest) Encode(h Header) ([]byte, error) {
	return finish(appendText(appendText(appendHeader(nil, h), o.SystemID), o.Password)), nil
}
