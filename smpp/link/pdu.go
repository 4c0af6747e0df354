package link

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// submitSM builds the PDU of one part (SMPP 3.4, 4.4.1).
func (l *Link) submitSM(m *queue.Outbound, p *text.Part) (*wire.Message, error) {
	pdu := &wire.Message{
		ServiceType:        l.cfg.ServiceType,
		ESMClass:           p.ESMClass,
		Validity:           l.cfg.validity(m.Expires, l.now()),
		RegisteredDelivery: 1, // a receipt for success and failure (5.2.17)
		DataCoding:         p.DataCoding,
		ShortMessage:       p.ShortMessage,
	}
	if err := l.cfg.address(pdu, m.From, m.To); err != nil {
		return nil, err
	}
	pdu.TLVs = append(pdu.TLVs, p.TLVs...)
	pdu.TLVs = append(pdu.TLVs, l.cfg.Parameters(m.TLVs)...)
	return pdu, nil
}

// Parameters are the optional parameters that the carrier gets with a message that brings some of its own: those win over the
// link's.
func (c *Config) Parameters(own map[uint16][]byte) (all []TLV) {
	for _, t := range c.TLVs {
		if _, twice := own[t.Tag]; !twice {
			all = append(all, t)
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(own)) {
		all = append(all, TLV{Tag: tag, Value: own[tag]})
	}
	return c.Chain.appendTo(all)
}

// address sets the addresses of a PDU, as the carrier wants them.
func (c *Config) address(pdu *wire.Message, from, to string) error {
	alphabet := c.SenderAlphabet
	if alphabet == "" || alphabet == "link" {
		alphabet = c.Alphabet
	}
	s, err := text.SenderAddress(from, text.Alphabet(alphabet))
	if err != nil {
		return err
	}
	pdu.Source = wire.Address{TON: c.SourceTON.of(s.Kind, s.TON), NPI: c.SourceNPI.of(s.Kind, s.NPI), Addr: s.Addr}
	ton, npi, number := text.DestinationAddress(to)
	pdu.Dest = wire.Address{TON: c.DestTON.of(s.Kind, ton), NPI: c.DestNPI.of(s.Kind, npi), Addr: number}
	return nil
}

// validity is a validity_period that ends no later than the PIN.
func (c *Config) validity(expires, now time.Time) string {
	switch c.Validity {
	case ValidityOff:
		return ""
	case ValidityAbsolute:
		return absolute(expires)
	}
	return relative(expires.Sub(now))
}

// relative is a relative time (SMPP 3.4, 7.1.1): whole seconds, rounded down, at least one. A PIN lives at most half an hour, so
// days and more are zero.
func relative(rest time.Duration) string {
	s := max(1, int(rest/time.Second))
	return fmt.Sprintf("%06d%02d%02d%02d000R", 0, s/3600, s/60%60, s%60)
}

// absolute is an absolute time, in UTC: the 00+ at its end is the difference to that (7.1.1.1).
func absolute(t time.Time) string { return t.UTC().Format("060102150405") + "000+" }
