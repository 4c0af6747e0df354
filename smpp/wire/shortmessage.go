package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
)

// messageFixed is the octets that every submit_sm and deliver_sm has: the NULs of five strings, and twelve fields of one.
const messageFixed = 5 + 12

// encodeMessage writes a submit_sm or deliver_sm (SMPP 3.4, 4.4.1 and 4.6.1) with one allocation.
func (m *Message) encodeMessage(h Header) ([]byte, error) {
	texts := [...]struct {
		name pdufield.Name
		s    string
	}{
		{pdufield.ServiceType, m.ServiceType}, {pdufield.SourceAddr, m.Source.Addr}, {pdufield.DestinationAddr, m.Dest.Addr},
		{pdufield.ScheduleDeliveryTime, m.ScheduleDelivery}, {pdufield.ValidityPeriod, m.Validity},
	}
	size := HeaderLen + messageFixed + len(m.ShortMessage) + m.TLVs.size()
	for _, t := range &texts {
		if strings.IndexByte(t.s, 0) >= 0 {
			return nil, fmt.Errorf("smpp: %s holds a NUL octet", t.name)
		}
		size += len(t.s)
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

// decodeMessage reads the body of a submit_sm or deliver_sm. The strings share one copy of the octets they stand in;
// ShortMessage and the values of the TLVs are parts of body.
func decodeMessage(body []byte) (*Message, error) {
	end, ok := mandatoryLen(body)
	if !ok {
		return nil, fmt.Errorf("%w: it ends before %s", ErrMalformed, pdufield.SMLength)
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
	m.TLVs = decodeTLVs(rest[n:])
	return m, nil
}

// mandatoryLen is the length of the fields up to sm_length; not ok when the body ends before.
func mandatoryLen(body []byte) (n int, ok bool) {
	// What stands behind each of the five strings: TON and NPI of either address; esm_class, protocol_id and priority_flag;
	// nothing; and the five octets that end with sm_length.
	for _, skip := range [...]int{2, 2, 3, 0, 5} {
		i := bytes.IndexByte(body[n:], 0)
		if i < 0 || n+i+1+skip > len(body) {
			return 0, false
		}
		n += i + 1 + skip
	}
	return n, true
}

// checked reads fields whose lengths were checked before; cursor, in operate.go, is for the rarer PDUs and checks itself.
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

// size is the octets that append writes.
func (t TLVs) size() (n int) {
	for _, p := range t {
		n += 4 + len(p.Value)
	}
	return n
}

// countTLVs is how many parameters scanTLVs finds.
func countTLVs(b []byte) (n int) {
	for ; len(b) >= 4; n++ {
		b = b[4+min(len(b)-4, int(binary.BigEndian.Uint16(b[2:]))):]
	}
	return n
}
