package wire

import (
	"bytes"
	"fmt"
	"strings"
)

// submit_sm and deliver_sm, of which every OTP takes several, are written with one allocation and read with
// two. The order of their fields stands here a second time for that; what can follow from the layout does,
// and FuzzAgainstGoSMPP holds the rest to it.

// messageRuns are the strings of the two, each with the integers that always follow it, up to the next string
// or short_message.
var messageRuns = func() (out []run) {
	for _, f := range LayoutOf(SubmitSM).Fields {
		switch f.Kind {
		case CString:
			out = append(out, run{name: f.Name})
		case Uint8, Length:
			out[len(out)-1].integers++
		}
	}
	return out
}()

type run struct {
	name     string
	integers int
}

// messageFixed is the octets that every one has: the NULs of the strings, and the integers.
var messageFixed = func() (n int) {
	for _, r := range messageRuns {
		n += 1 + r.integers
	}
	return n
}()

// encodeMessage writes a submit_sm or deliver_sm (SMPP 3.4, 4.4.1 and 4.6.1) with one allocation.
func (m *Message) encodeMessage(h Header) ([]byte, error) {
	if len(m.ShortMessage) > MaxShortMessage {
		return nil, fmt.Errorf("smpp: short_message is %d octets, at most %d fit", len(m.ShortMessage), MaxShortMessage)
	}
	size := HeaderLen + messageFixed + len(m.ShortMessage) + m.TLVs.size()
	for i, s := range [...]string{m.ServiceType, m.Source.Addr, m.Dest.Addr, m.ScheduleDelivery, m.Validity} {
		if strings.IndexByte(s, 0) >= 0 {
			return nil, fmt.Errorf("smpp: %s holds a NUL octet", messageRuns[i].name)
		}
		size += len(s)
	}
	b := appendHeader(make([]byte, 0, size), h)
	b = append(append(b, m.ServiceType...), 0)
	b = append(append(append(b, m.Source.TON, m.Source.NPI), m.Source.Addr...), 0)
	b = append(append(append(b, m.Dest.TON, m.Dest.NPI), m.Dest.Addr...), 0)
	b = append(b, m.ESMClass, m.ProtocolID, m.Priority)
	b = append(append(b, m.ScheduleDelivery...), 0)
	b = append(append(b, m.Validity...), 0)
	b = append(b, m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMessageID, byte(len(m.ShortMessage)))
	b, err := m.TLVs.append(append(b, m.ShortMessage...))
	if err != nil {
		return nil, err
	}
	return finish(b), nil
}

// decodeMessage reads the body of a submit_sm or deliver_sm. The strings share one copy of the octets they
// stand in; ShortMessage and the values of the TLVs are parts of body.
func decodeMessage(body []byte) (*Message, error) {
	end, ok := mandatoryLen(body)
	if !ok {
		return nil, fmt.Errorf("%w: it ends before short_message", ErrMalformed)
	}
	rest, n := body[end:], int(body[end-1])
	if n > len(rest) {
		return nil, fmt.Errorf("%w: short_message is %d octets, it says %d", ErrMalformed, len(rest), n)
	}
	m := new(Message)
	c := checked(body[:end])
	m.ServiceType = c.text()
	m.Source = Address{TON: c.octet(), NPI: c.octet(), Addr: c.text()}
	m.Dest = Address{TON: c.octet(), NPI: c.octet(), Addr: c.text()}
	m.ESMClass, m.ProtocolID, m.Priority = c.octet(), c.octet(), c.octet()
	m.ScheduleDelivery, m.Validity = c.text(), c.text()
	m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMessageID = c.octet(), c.octet(), c.octet(), c.octet()
	m.ShortMessage = rest[:n:n]
	m.TLVs, _ = readTLVs(rest[n:])
	return m, nil
}

// mandatoryLen is the length of the fields up to sm_length; not ok when the body ends before.
func mandatoryLen(body []byte) (n int, ok bool) {
	for _, r := range messageRuns {
		i := bytes.IndexByte(body[n:], 0)
		if i < 0 || n+i+1+r.integers > len(body) {
			return 0, false
		}
		n += i + 1 + r.integers
	}
	return n, true
}

// checked reads fields whose lengths were checked before.
type checked string

func (c *checked) octet() byte {
	b := (*c)[0]
	*c = (*c)[1:]
	return b
}

// text reads up to a NUL and skips it.
func (c *checked) text() string {
	i := strings.IndexByte(string(*c), 0)
	s := string(*c)[:i]
	*c = (*c)[i+1:]
	return s
}
