package behave

import (
	"regexp"
	"strings"

	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Submit is a message that a client submits, as rules see it.
type Submit struct {
	Account  string // system_id
	Command  wire.Command
	PDU      *wire.Message
	Part     text.Part
	Alphabet text.Alphabet // of data_coding 0

	alone *string // the text of the part alone, once somebody asked
}

// Text is the text of the part alone.
func (in *Submit) Text() string {
	if in.alone == nil {
		p := in.Part
		p.Number, p.Total = 1, 1
		s, _ := text.Join([]text.Part{p}, in.Alphabet) // the best that can be read
		in.alone = &s
	}
	return *in.alone
}

// From is the sender as people write it.
func (in *Submit) From() string {
	return text.ReadAddress(in.PDU.Source.TON, in.PDU.Source.Addr, in.Alphabet)
}

// To is the destination.
func (in *Submit) To() string { return in.PDU.Dest.Addr }

// Number is a phone number as it is compared: "+" is left out. In the query of a URL that is not escaped it
// became a space.
func Number(s string) string { return strings.TrimLeft(strings.TrimSpace(s), "+ ") }

// maxPattern is the longest pattern, in octets.
const maxPattern = 200

// compiled is a rule ready to match.
type compiled struct {
	Rule
	to, from, text *regexp.Regexp
	tries          map[uint64]int // by message, with PerMessage
}

func compile(r Rule) (*compiled, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	c := &compiled{Rule: r}
	c.Match.To = Number(r.Match.To)
	for _, p := range []struct {
		field, pattern string
		to             **regexp.Regexp
	}{
		{"match.toPattern", r.Match.ToPattern, &c.to},
		{"match.fromPattern", r.Match.FromPattern, &c.from},
		{"match.textPattern", r.Match.TextPattern, &c.text},
	} {
		if p.pattern == "" {
			continue
		}
		if len(p.pattern) > maxPattern {
			return nil, Wrong(p.field, "is longer than %d octets", maxPattern)
		}
		re, err := regexp.Compile(p.pattern)
		if err != nil {
			return nil, Wrong(p.field, "is no RE2 pattern: %v", err)
		}
		*p.to = re
	}
	return c, nil
}

// matches reports whether the rule is for the message, whatever its count and share.
func (c *compiled) matches(in *Submit) bool {
	m := &c.Match
	to, from := Number(in.To()), in.From()
	switch {
	case m.Account != "" && m.Account != in.Account,
		m.To != "" && !strings.HasPrefix(to, m.To),
		m.From != "" && Number(m.From) != Number(from),
		m.Command != "" && m.Command != commandNames[in.Command],
		c.to != nil && !c.to.MatchString(to),
		c.from != nil && !c.from.MatchString(from):
		return false
	}
	if m.Text == "" && c.text == nil {
		return true
	}
	body := in.Text()
	return (m.Text == "" || strings.Contains(body, m.Text)) && (c.text == nil || c.text.MatchString(body))
}

// commandNames are the commands that submit messages.
var commandNames = map[wire.Command]string{
	wire.SubmitSM: "submit_sm", wire.DataSM: "data_sm", wire.SubmitMulti: "submit_multi",
}
