package link_test

import (
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestCarrierWantsItSo: what a link sets of a submit_sm, as it comes to the SMSC, by kind of sender.
func TestCarrierWantsItSo(t *testing.T) {
	t.Parallel()
	usual := map[string]wire.Message{
		"Verify":       {Source: wire.Address{TON: 5, NPI: 0, Addr: "Verify"}, Dest: wire.Address{TON: 1, NPI: 1, Addr: "46700000001"}},
		"12345":        {Source: wire.Address{TON: 3, NPI: 0, Addr: "12345"}, Dest: wire.Address{TON: 1, NPI: 1, Addr: "46700000001"}},
		"+14155552671": {Source: wire.Address{TON: 1, NPI: 1, Addr: "14155552671"}, Dest: wire.Address{TON: 1, NPI: 1, Addr: "46700000001"}},
	}
	for _, c := range []struct {
		name   string
		change func(*link.Config)
		want   func(from string, m *wire.Message)
	}{
		{"as usual", nil, func(string, *wire.Message) {}},
		{"service type", func(c *link.Config) { c.ServiceType = "OTP" }, func(_ string, m *wire.Message) { m.ServiceType = "OTP" }},
		{"numbering of all", func(c *link.Config) {
			all := func(v byte) link.Numbering {
				return link.Numbering{text.SenderName: v, text.SenderShort: v, text.SenderNumber: v}
			}
			c.SourceTON, c.SourceNPI, c.DestTON, c.DestNPI = all(0), all(9), all(2), all(8)
		}, func(_ string, m *wire.Message) { m.Source.TON, m.Source.NPI, m.Dest.TON, m.Dest.NPI = 0, 9, 2, 8 }},
		{"numbering by kind of sender", func(c *link.Config) {
			c.SourceTON, c.DestNPI = link.Numbering{text.SenderShort: 6}, link.Numbering{text.SenderName: 0}
		}, func(from string, m *wire.Message) {
			switch from {
			case "12345":
				m.Source.TON = 6
			case "Verify":
				m.Dest.NPI = 0
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan wire.Message, 1)
			r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome { got <- *s.PDU; return smsc.Outcome{} }})
			r.start(r.config(c.change))
			for from, want := range usual {
				r.publish("+46700000001", "code", func(m *queue.Outbound) { m.From, m.Expires = from, m.Created.Add(2*time.Minute) })
				c.want(from, &want)
				m := next(t, got)
				if m.Source != want.Source || m.Dest != want.Dest || m.ServiceType != want.ServiceType || !strings.HasSuffix(m.Validity, "000R") {
					t.Errorf("from %s: %+v, want %+v", from, m, want)
				}
			}
		})
	}
}

// TestValidityPeriod: relative, absolute in UTC, or none; never longer than the PIN lives.
func TestValidityPeriod(t *testing.T) {
	t.Parallel()
	for v, want := range map[link.Validity]func(string, time.Time) bool{
		"":                    func(s string, _ time.Time) bool { return s == "000000000459000R" || s == "000000000458000R" },
		link.ValidityRelative: func(s string, _ time.Time) bool { return s == "000000000459000R" || s == "000000000458000R" },
		link.ValidityAbsolute: func(s string, end time.Time) bool { return s == end.UTC().Format("060102150405")+"000+" },
		link.ValidityOff:      func(s string, _ time.Time) bool { return s == "" },
	} {
		t.Run("validity "+string(v), func(t *testing.T) {
			t.Parallel()
			got := make(chan string, 1)
			r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome { got <- s.PDU.Validity; return smsc.Outcome{} }})
			l, _ := r.start(r.config(func(c *link.Config) { c.Validity = v }))
			r.up(l)
			var end time.Time
			r.publish("+46700000001", "code", func(m *queue.Outbound) { m.Expires = m.Created.Add(5 * time.Minute); end = m.Expires })
			if s := next(t, got); !want(s, end) {
				t.Errorf("validity_period is %q for a PIN that ends %s", s, end.UTC())
			}
		})
	}
}

// TestStatusOfTheAccount: a status that speaks of the account, the carrier or nobody knows what goes to the
// other link before it is final, and without another link it is final at once. A link's own table comes
// first.
func TestStatusOfTheAccount(t *testing.T) {
	t.Parallel()
	for status, classes := range map[wire.Status]map[wire.Status]link.Class{
		0x401: nil, 0xFF: nil, 0x4A1: nil, 0x4FF: nil, 0x0B: {0x0B: link.OtherLink},
	} {
		t.Run(status.String(), func(t *testing.T) {
			t.Parallel()
			refuse := smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome { return smsc.Outcome{Status: status} }}
			r := newRig(t, refuse)
			primary := r.config(func(c *link.Config) { c.Name, c.Classes = "primary", classes })
			alone := r.link(primary)
			stop := r.run(alone)
			id := r.put("+46700000001", "code")
			if f := next(t, r.sink.refused); f.Message.ID != id || f.Status != status {
				t.Errorf("refused: %+v", f)
			}
			stop()
			second := startSecond(t, smsc.Config{})
			p, b := r.link(primary), r.link(r.config(func(c *link.Config) {
				c.Name, c.Addr, c.Routes = "backup", second.Addr(), []link.Route{{Name: queuetest.Route, Priority: 5}}
			}))
			link.Introduce([]*link.Link{p, b})
			r.run(b)
			r.run(p)
			r.up(p, b)
			r.put("+46700000002", "code")
			if a := next(t, r.sink.accepted); a.Link != "backup" {
				t.Errorf("taken by %s", a.Link)
			}
			r.drained()
			if len(r.sink.refused) > 0 {
				t.Error("refused as well")
			}
		})
	}
}

// TestBindRefusedForNow: after a broken line the carrier still holds the old connection for some seconds; the
// bind is tried again from a second up. Only wrong credentials wait a minute.
func TestBindRefusedForNow(t *testing.T) {
	t.Parallel()
	for status, soon := range map[wire.Status]bool{
		wire.StatusBindFail: true, wire.StatusAlreadyBound: true, wire.StatusSysErr: true, 0x4FF: true,
		wire.StatusInvPaswd: false, wire.StatusInvSysID: false, wire.StatusInvSysTyp: false,
	} {
		t.Run(status.String(), func(t *testing.T) {
			t.Parallel()
			l, began := refusedBind(t, pdu(wire.BindTransceiverResp, status, 1))
			st := l.Status()[0]
			wait := st.RetryAt.Sub(began)
			if soon && (wait < time.Second || wait > 10*time.Second || st.State != "waiting") || !soon && (wait < 50*time.Second || st.State != "refused") {
				t.Errorf("%s, tried again after %s", st.State, wait)
			}
			if !strings.Contains(st.Error, status.String()) || st.Advice == "" {
				t.Errorf("told as %q, advice %q", st.Error, st.Advice)
			}
		})
	}
}

// TestNackOfABind: a generic_nack, whatever its sequence and status, is told as such.
func TestNackOfABind(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"answer":     pdu(wire.GenericNack, wire.StatusInvCmdID, 1),
		"status 0":   pdu(wire.GenericNack, 0, 1),
		"sequence 0": pdu(wire.GenericNack, wire.StatusInvCmdID, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, _ := refusedBind(t, b)
			st := l.Status()[0]
			if st.State != "waiting" || !strings.Contains(st.Error, "generic_nack") || !strings.Contains(st.Advice, "generic_nack") {
				t.Errorf("%+v", st)
			}
		})
	}
}
