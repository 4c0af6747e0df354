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
	alphabet := l.cfg.SenderAlphabet
	if alphabet == "" || alphabet == "link" {
		alphabet = l.cfg.Alphabet
	}
	sender, err := text.SenderAddress(m.From, text.Alphabet(alphabet))
	if err != nil {
		return nil, err
	}
	s := &submission{cfg: &l.cfg, now: l.now(), m: m, part: p, sender: sender}
	for _, f := range submitFields {
		if f.write != nil {
			f.write(s)
		}
	}
	s.pdu.TLVs = append(s.pdu.TLVs, p.TLVs...)
	s.pdu.TLVs = append(s.pdu.TLVs, l.cfg.Parameters(m.TLVs)...)
	return &s.pdu, nil
}

// Parameters are the optional parameters that the carrier gets with a message that brings some of its own:
// those win over the link's.
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

// relative is a relative time (SMPP 3.4, 7.1.1): whole seconds, rounded down, at least one. A PIN lives at
// most half an hour, so days and more are zero.
func relative(rest time.Duration) string {
	s := max(1, int(rest/time.Second))
	return fmt.Sprintf("%06d%02d%02d%02d000R", 0, s/3600, s/60%60, s%60)
}

// absolute is an absolute time, in UTC: the 00+ at its end is the difference to that (7.1.1.1).
func absolute(t time.Time) string { return t.UTC().Format("060102150405") + "000+" }
