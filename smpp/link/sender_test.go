package link_test

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/text"
)

// TestSenderGoesOutInTheLinksAlphabet: a name's octets are those of the carrier's alphabet, and the
// simulator, which reads them by its own, shows the name.
func TestSenderGoesOutInTheLinksAlphabet(t *testing.T) {
	t.Parallel()
	for a, octets := range map[text.Alphabet]string{
		"": "My\x11Shop", text.AlphabetGSM7: "My\x11Shop", text.AlphabetASCII: "My_Shop", text.AlphabetLatin1: "My_Shop",
	} {
		t.Run("alphabet "+string(a), func(t *testing.T) {
			t.Parallel()
			raw := make(chan string, 1)
			r := newRig(t, smsc.Config{Alphabet: a, OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
				raw <- s.PDU.Source.Addr
				return smsc.Outcome{}
			}})
			r.start(r.config(func(c *link.Config) { c.Alphabet = string(a) }))
			r.publish("+46700000001", "code", func(m *queue.Outbound) {
				m.From, m.Expires = "My_Shop", m.Created.Add(2*time.Minute)
			})
			if got := next(t, raw); got != octets {
				t.Errorf("source_addr is %q, want %q", got, octets)
			}
			if m := r.wait("46700000001"); m.From != "My_Shop" {
				t.Errorf("the simulator shows %q", m.From)
			}
		})
	}
}
