package wire

import "slices"

// Query is a query_sm (SMPP 3.4, 4.8.1).
type Query struct {
	MessageID string
	Source    Address
}

func (q *Query) refs() []any { return append([]any{&q.MessageID}, q.Source.refs()...) }

// DecodeQuery reads the body of a query_sm.
func DecodeQuery(f Frame) (q Query, err error) {
	_, err = decodeAll(f.Body, LayoutOf(QuerySM), q.refs())
	return q, err
}

// Encode returns the PDU.
func (q Query) Encode(h Header) ([]byte, error) { return encode(h, LayoutOf(QuerySM), q.refs(), nil) }

// QueryResp is a query_sm_resp (SMPP 3.4, 4.8.2).
type QueryResp struct {
	MessageID string
	FinalDate string // empty while there is no final state
	State     MessageState
	Error     byte
}

func (r *QueryResp) refs() []any {
	return []any{&r.MessageID, &r.FinalDate, (*byte)(&r.State), &r.Error}
}

// Encode returns the PDU.
func (r QueryResp) Encode(h Header) ([]byte, error) {
	return encode(h, LayoutOf(QuerySMResp), r.refs(), nil)
}

// DecodeQueryResp reads the body of a query_sm_resp.
func DecodeQueryResp(f Frame) (r QueryResp, err error) {
	_, err = decodeAll(f.Body, LayoutOf(QuerySMResp), r.refs())
	return r, err
}

// Cancel is a cancel_sm (SMPP 3.4, 4.9.1).
type Cancel struct {
	ServiceType  string
	MessageID    string // empty: all from Source to Dest
	Source, Dest Address
}

func (p *Cancel) refs() []any {
	return slices.Concat([]any{&p.ServiceType, &p.MessageID}, p.Source.refs(), p.Dest.refs())
}

// DecodeCancel reads the body of a cancel_sm.
func DecodeCancel(f Frame) (p Cancel, err error) {
	_, err = decodeAll(f.Body, LayoutOf(CancelSM), p.refs())
	return p, err
}

// Encode returns the PDU.
func (p Cancel) Encode(h Header) ([]byte, error) { return encode(h, LayoutOf(CancelSM), p.refs(), nil) }

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

func (r *Replace) refs() []any {
	return slices.Concat([]any{&r.MessageID}, r.Source.refs(),
		[]any{&r.ScheduleDelivery, &r.Validity, &r.RegisteredDelivery, &r.DefaultMessageID, &r.ShortMessage})
}

// DecodeReplace reads the body of a replace_sm.
func DecodeReplace(f Frame) (r Replace, err error) {
	_, err = decodeAll(f.Body, LayoutOf(ReplaceSM), r.refs())
	return r, err
}

// Encode returns the PDU.
func (r Replace) Encode(h Header) ([]byte, error) {
	return encode(h, LayoutOf(ReplaceSM), r.refs(), nil)
}
