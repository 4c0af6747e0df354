package server_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestSenderInTheAlphabet: the octets of a sender's name are read in the alphabet that the server was told,
// wherever it is shown: 0x5F is an underscore in ASCII and Latin-1, and a section sign in the GSM alphabet,
// whose underscore is 0x11.
func TestSenderInTheAlphabet(t *testing.T) {
	for alphabet, names := range map[text.Alphabet]map[string]string{
		text.AlphabetASCII:      {"My_Shop": "My_Shop"},
		text.AlphabetLatin1:     {"My_Shop": "My_Shop", "Caf\xE9": "Café"},
		text.AlphabetGSM7:       {"My\x11Shop": "My_Shop", "My_Shop": "My§Shop", "Caf\x05": "Café"},
		text.AlphabetGSM7Packed: {"My\x11Shop": "My_Shop"},
		"":                      {"My\x11Shop": "My_Shop"},
	} {
		srv := esmetest.Start(t, smsc.Config{Alphabet: alphabet})
		e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
		for octets, want := range names {
			m := esmetest.Message("491701234567", "x")
			m.Source.Addr = octets
			id := e.Submit(m)
			got := esmetest.Wait(t, srv, "491701234567")
			if got.From != want {
				t.Errorf("%s: % X is shown as %q, want %q", alphabet, octets, got.From, want)
			}
			if n := len(srv.Messages(smsc.Filter{From: want})); n != 1 {
				t.Errorf("%s: %d messages from %s are found", alphabet, n, want)
			}
			pdu := srv.PDUs(smsc.PDUFilter{Command: "submit_sm", Limit: 1})[0]
			if whole, _ := srv.Message(got.ID); pdu.From != want || senderOf(pdu.Fields) != want || senderOf(whole.Segments[0].Fields) != want {
				t.Errorf("%s: the PDU is from %q, its field %q", alphabet, pdu.From, senderOf(pdu.Fields))
			}
			if r := e.Receipt(); r.Dest.Addr != octets || !strings.HasPrefix(string(r.ShortMessage), "id:"+id) {
				t.Errorf("%s: the receipt goes to % X", alphabet, r.Dest.Addr)
			}
		}
	}
}

// senderOf is the sender as the field of a PDU shows it: its meaning, when that is another than its octets.
func senderOf(fields []smsc.Field) string {
	for _, f := range fields {
		if f.Name == "source_addr" {
			return cmp.Or(f.Meaning, f.Value)
		}
	}
	return ""
}

// TestTextInTheAlphabet: what data_coding 0 carries is read in the alphabet wherever it is shown.
func TestTextInTheAlphabet(t *testing.T) {
	for alphabet, want := range map[text.Alphabet]string{text.AlphabetASCII: "a_b", text.AlphabetLatin1: "a_b", text.AlphabetGSM7: "a§b"} {
		srv := esmetest.Start(t, smsc.Config{Alphabet: alphabet})
		e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
		m := esmetest.Message("491701234567", "")
		m.ShortMessage = []byte("a_b")
		e.Submit(m)
		got := esmetest.Wait(t, srv, "491701234567")
		whole, _ := srv.Message(got.ID)
		pdu := srv.PDUs(smsc.PDUFilter{Command: "submit_sm"})[0]
		if got.Text != want || whole.Segments[0].Text != want || pdu.Text != want {
			t.Errorf("%s: %q, in its PDU %q, in the list %q; want %q", alphabet, got.Text, whole.Segments[0].Text, pdu.Text, want)
		}
	}
}

// TestPartsOfAPayload: a message_payload counts as many SMS as a network makes of it.
func TestPartsOfAPayload(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	for _, c := range []struct {
		coding byte
		octets int
		want   int
	}{
		{0, 160, 1}, {0, 161, 2}, {0, 306, 2}, {0, 307, 3}, {0, 500, 4}, {3, 500, 4}, {8, 140, 1}, {8, 142, 2}, {8, 500, 4},
		{4, 140, 1}, {4, 141, 2}, {6, 70, 1}, {6, 71, 2}, {0, 1, 1},
	} {
		m := esmetest.Message("491701234567", "")
		m.DataCoding, m.ShortMessage = c.coding, nil
		m.TLVs = wire.TLVs{{Tag: wire.TagMessagePayload, Value: []byte(strings.Repeat("\x00a", c.octets)[:c.octets])}}
		id := e.Submit(m)
		got := esmetest.Wait(t, srv, "491701234567")
		if got.Parts != c.want || len(got.MessageIDs) != 1 || got.MessageIDs[0] != id {
			t.Errorf("%d octets with data_coding %d are %d parts, want %d", c.octets, c.coding, got.Parts, c.want)
		}
		whole, ok := srv.Message(got.ID)
		if !ok || len(whole.Segments) != 1 || whole.Segments[0].Part != 1 || whole.Segments[0].Parts != 1 || whole.Segments[0].Missing {
			t.Errorf("its one PDU is shown as %+v", whole.Segments)
		}
	}
}
