package link_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestEachPartThatDoesNotPassIsSentAgainAlone: of messages of ten parts each single one in turn does not pass
// at first, in whatever way, with room for one part in flight and for many. No other part goes twice.
func TestEachPartThatDoesNotPassIsSentAgainAlone(t *testing.T) {
	t.Parallel()
	const parts = 10
	status := func(st wire.Status) func(*script, wire.Frame) {
		return func(s *script, f wire.Frame) { s.write(pdu(wire.SubmitSMResp, st, f.Sequence)) }
	}
	for name, way := range map[string]struct {
		window int
		fail   func(s *script, f wire.Frame)
	}{
		"throttled":                       {100, status(wire.StatusThrottled)},
		"throttled, window 1":             {1, status(wire.StatusThrottled)},
		"queue full":                      {100, status(wire.StatusMsgQFul)},
		"a system error, window 1":        {1, status(wire.StatusSysErr)},
		"not answered":                    {100, func(*script, wire.Frame) {}},
		"a nack":                          {100, func(s *script, f wire.Frame) { s.write(pdu(wire.GenericNack, wire.StatusSysErr, f.Sequence)) }},
		"a nack of no request":            {100, func(s *script, _ wire.Frame) { s.write(pdu(wire.GenericNack, wire.StatusThrottled, 0)) }},
		"the response of another command": {100, func(s *script, f wire.Frame) { s.write(pdu(wire.DataSMResp, 0, f.Sequence, []byte("id\x00"))) }},
		"the number of another": {100, func(s *script, f wire.Frame) {
			s.take(wire.Frame{Header: wire.Header{Sequence: f.Sequence + 1<<20}}, "id")
		}},
		"throttled, and then taken": {100, func(s *script, f wire.Frame) {
			s.write(pdu(wire.SubmitSMResp, wire.StatusThrottled, f.Sequence))
			s.take(f, "late")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, smsc.Config{})
			c := newCarrier(t)
			r.run(r.link(c.config("carrier", func(c *link.Config) { c.Window = way.window })))
			s := next(t, c.binds)
			bad := make(map[string]byte)
			for part := range parts {
				to := fmt.Sprintf("467010000%02d", part)
				bad[to] = byte(part + 1)
				r.put("+"+to, strings.Repeat("0123456789", 15*parts))
			}
			seen := make(map[string]int)
			for taken := 0; taken < parts*parts; {
				f := next(t, s.submits)
				m, err := wire.DecodeMessage(f)
				if err != nil {
					t.Fatal(err)
				}
				to, part := m.Dest.Addr, m.ShortMessage[5]
				key := fmt.Sprint(to, " part ", part)
				if seen[key]++; part == bad[to] && seen[key] == 1 {
					way.fail(s, f)
					continue
				}
				taken++
				s.take(f, fmt.Sprint("id", to, part))
				if m.ShortMessage[4] != parts {
					t.Fatalf("%d parts", m.ShortMessage[4])
				}
			}
			r.drained()
			for key, n := range seen {
				to, part, _ := strings.Cut(key, " part ")
				want := 1
				if fmt.Sprint(bad[to]) == part {
					want = 2
				}
				if n != want {
					t.Errorf("%s went %d times, want %d", key, n, want)
				}
			}
			if len(s.submits) != 0 || len(r.sink.refused) != 0 {
				t.Errorf("%d submits more, %d refused", len(s.submits), len(r.sink.refused))
			}
		})
	}
}
