package wire

import "slices"

// MaxDests is the most destinations of a submit_multi (SMPP 3.4, 5.2.24).
const MaxDests = 254

// The values of dest_flag (SMPP 3.4, 5.2.25).
const (
	DestAddress byte = 1
	DestList    byte = 2 // a distribution list
)

// Multi is a submit_multi (SMPP 3.4, 4.5.1): a message to several destinations. Its Message has no Dest.
type Multi struct {
	Message
	Dests []Address
	Lists []string // names of distribution lists
}

func (m *Multi) refs(dests *destinations) []any {
	return slices.Concat([]any{&m.ServiceType}, m.Source.refs(), []any{dests}, m.contentRefs())
}

// destination is an entry of the list of a submit_multi.
type destination struct {
	flag byte
	Address
	list string
}

type destinations []destination

func (d *destinations) len() int { return len(*d) }

func (d *destinations) at(i int) []any {
	e := &(*d)[i]
	return []any{&e.flag, &e.TON, &e.NPI, &e.Addr, &e.list}
}

func (d *destinations) add() []any {
	*d = append(*d, destination{})
	return d.at(len(*d) - 1)
}

// DecodeMulti reads the body of a submit_multi.
func DecodeMulti(f Frame) (*Multi, error) {
	m, dests := &Multi{}, destinations{}
	tlvs, err := decodeAll(f.Body, LayoutOf(SubmitMulti), m.refs(&dests))
	if err != nil {
		return nil, err
	}
	for _, d := range dests {
		if d.flag == DestList {
			m.Lists = append(m.Lists, d.list)
			continue
		}
		m.Dests = append(m.Dests, d.Address)
	}
	m.TLVs = tlvs
	return m, nil
}

// Encode returns the PDU.
func (m *Multi) Encode(h Header) ([]byte, error) {
	dests := make(destinations, 0, len(m.Dests)+len(m.Lists))
	for _, a := range m.Dests {
		dests = append(dests, destination{flag: DestAddress, Address: a})
	}
	for _, l := range m.Lists {
		dests = append(dests, destination{flag: DestList, list: l})
	}
	return encode(h, LayoutOf(SubmitMulti), m.refs(&dests), m.TLVs)
}

// Unsuccess is a destination that a submit_multi was refused for (SMPP 3.4, 4.5.2).
type Unsuccess struct {
	Dest   Address
	Status Status
}

type unsuccesses []Unsuccess

func (u *unsuccesses) len() int { return len(*u) }

func (u *unsuccesses) at(i int) []any {
	e := &(*u)[i]
	return []any{&e.Dest.TON, &e.Dest.NPI, &e.Dest.Addr, &e.Status}
}

func (u *unsuccesses) add() []any {
	*u = append(*u, Unsuccess{})
	return u.at(len(*u) - 1)
}

// MultiResp is a submit_multi_resp.
type MultiResp struct {
	MessageID string
	Refused   []Unsuccess
}

func (r *MultiResp) refs() []any { return []any{&r.MessageID, (*unsuccesses)(&r.Refused)} }

// Encode returns the PDU.
func (r MultiResp) Encode(h Header) ([]byte, error) {
	return encode(h, LayoutOf(SubmitMultiResp), r.refs(), nil)
}

// DecodeMultiResp reads the body of a submit_multi_resp.
func DecodeMultiResp(f Frame) (r MultiResp, err error) {
	_, err = decodeAll(f.Body, LayoutOf(SubmitMultiResp), r.refs())
	return r, err
}
