package link

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/wire"
)

// TestRedact: the lengths stay, what an engineer needs stays, and no secret does.
func TestRedact(t *testing.T) {
	message := func(cmd wire.Command, change func(*wire.Message)) []byte {
		m := &wire.Message{Source: wire.Address{TON: 5, Addr: "Verify"}, Dest: wire.Address{TON: 1, NPI: 1, Addr: "46700000001"}, RegisteredDelivery: 1}
		change(m)
		b, err := m.Encode(wire.Header{Command: cmd, Sequence: 7})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const secret = "SECRET 123456"
	receipt := "id:0123abc sub:001 dlvrd:001 submit date:2611230500 done date:2611230501 stat:DELIVRD err:000 text:" + secret
	bind, err := wire.Bind{SystemID: "acc", Password: "hunter2", SystemType: "VMA", InterfaceVersion: 0x34}.Encode(wire.Header{Command: wire.BindTransceiver})
	if err != nil {
		t.Fatal(err)
	}
	udh := []byte{5, 0, 3, 42, 2, 1}
	payload := func(m *wire.Message) {
		m.TLVs = wire.TLVs{{Tag: 0x1400, Value: []byte("1201")}, {Tag: wire.TagMessagePayload, Value: []byte(secret)}, {Tag: 0x1401, Value: []byte("1707")}}
	}
	cases := []struct {
		name  string
		pdu   []byte
		shown []string
	}{
		{"submit_sm", message(wire.SubmitSM, func(m *wire.Message) { m.ShortMessage = []byte(secret) }), []string{"Verify", "46700000001", strings.Repeat("*", len(secret))}},
		{"deliver_sm of a handset", message(wire.DeliverSM, func(m *wire.Message) { m.ShortMessage = []byte(secret) }), []string{"Verify"}},
		{"UCS-2", message(wire.SubmitSM, func(m *wire.Message) { m.DataCoding = 8; m.ShortMessage = []byte("\x00S\x00E\x00C\x00R\x00E\x00T") }), []string{"************"}},
		{"concatenation header", message(wire.SubmitSM, func(m *wire.Message) {
			m.ESMClass, m.ShortMessage = wire.ESMClassUDHI, append(bytes.Clone(udh), secret...)
		}), []string{string(udh) + strings.Repeat("*", len(secret))}},
		{"what is no header", message(wire.SubmitSM, func(m *wire.Message) {
			m.ESMClass, m.ShortMessage = wire.ESMClassUDHI, append([]byte{byte(len(secret))}, secret+secret...)
		}), []string{"Verify"}},
		{"message_payload", message(wire.SubmitSM, payload), []string{"1201", "1707", strings.Repeat("*", len(secret))}},
		{"data_sm", message(wire.DataSM, payload), []string{"1201", "46700000001", "1707"}},
		{"cut TLV", append(message(wire.SubmitSM, payload), 0x04, 0x24, 0xFF, 0xFF, 'S', 'E', 'C', 'R', 'E', 'T'), []string{"1201"}},
		{"stray NUL before message_payload", append(message(wire.SubmitSM, func(*wire.Message) {}), append([]byte{0, 4, 0x24, 0, 13}, secret...)...), []string{"Verify"}},
		{"receipt", message(wire.DeliverSM, func(m *wire.Message) { m.ESMClass, m.ShortMessage = 4, []byte(receipt) }),
			[]string{"id:0123abc sub:001 dlvrd:001 submit date:2611230500 done date:2611230501 stat:DELIVRD err:000 "}},
		{"receipt in message_payload", message(wire.DeliverSM, func(m *wire.Message) {
			m.ESMClass, m.TLVs = 4, wire.TLVs{{Tag: wire.TagMessagePayload, Value: []byte(receipt)}}
		}), []string{"id:0123abc", "stat:DELIVRD"}},
		{"receipt with the text first, and fields in it", message(wire.DeliverSM, func(m *wire.Message) {
			m.ESMClass, m.ShortMessage = 4, []byte("id:1 TEXT: id:"+secret+" err:SECRET stat:DELIVRD")
		}), []string{"id:1 "}},
		{"receipt with garbage", message(wire.DeliverSM, func(m *wire.Message) { m.ESMClass, m.ShortMessage = 4, []byte("123456 is SECRET id:77 stat:DELIVRD") }),
			[]string{"id:77 stat:DELIVRD"}},
		{"bind", bind, []string{"acc\x00*******\x00VMA\x00\x34"}},
		{"bind that is cut", append([]byte{0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1}, "acc\x00hunter2"...), []string{"acc\x00"}},
		{"outbind", append([]byte{0, 0, 0, 0, 0, 0, 0, 0x0B, 0, 0, 0, 0, 0, 0, 0, 1}, "acc\x00hunter2\x00"...), nil},
		{"unknown command", append([]byte{0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1}, secret...), nil},
		{"submit_sm_resp", append([]byte{0, 0, 0, 0, 0x80, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1}, "id-77\x00"...), []string{"id-77"}},
		{"enquire_link", []byte{0, 0, 0, 16, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 1}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := bytes.Clone(c.pdu)
			got := redact(c.pdu)
			if !bytes.Equal(before, c.pdu) {
				t.Error("the PDU itself was changed")
			}
			if len(got) != len(c.pdu) || !bytes.Equal(got[:wire.HeaderLen], c.pdu[:wire.HeaderLen]) {
				t.Errorf("%d octets, header %x", len(got), got[:wire.HeaderLen])
			}
			for _, hidden := range []string{"SECRET", "123456", "\x00S\x00E", "hunter2"} {
				if bytes.Contains(got, []byte(hidden)) {
					t.Errorf("%q is shown: %q", hidden, got)
				}
			}
			for _, shown := range c.shown {
				if !bytes.Contains(got, []byte(shown)) {
					t.Errorf("%q is not shown: %q", shown, got)
				}
			}
		})
	}
}

// FuzzRedact: no panic, every length kept, and whatever the octets, what the layout calls secret is masked
// but for the header and the fields of receipts that a text may begin with.
func FuzzRedact(f *testing.F) {
	f.Add([]byte{0, 0, 0, 17, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0})
	m := wire.Message{ShortMessage: []byte("SECRET"), ESMClass: 0x44, TLVs: wire.TLVs{{Tag: wire.TagMessagePayload, Value: []byte("SECRET")}}}
	for _, cmd := range []wire.Command{wire.SubmitSM, wire.DeliverSM, wire.DataSM} {
		b, err := m.Encode(wire.Header{Command: cmd})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < wire.HeaderLen {
			return
		}
		got := redact(b)
		if len(got) != len(b) {
			t.Fatalf("%d octets of %d", len(got), len(b))
		}
		command := wire.Command(binary.BigEndian.Uint32(b[4:]))
		var esm byte
		for s := range wire.Spans(command, b[wire.HeaderLen:]) { // the layout says where the secrets are
			if s.Name == "esm_class" {
				esm = byte(s.Uint())
			}
			shown := got[wire.HeaderLen+s.To-len(s.Value):][:len(s.Value)]
			if s.Kind == wire.CString && s.Whole {
				shown = got[wire.HeaderLen+s.From:][:len(s.Value)]
			}
			special := s.Secret == wire.Text && esm&(wire.ESMClassUDHI|wire.ESMClassTypeMask) != 0
			if s.Secret != wire.Public && !special && bytes.Count(shown, []byte{maskOctet}) != len(shown) {
				t.Fatalf("%s of a %s is shown: %q", s.Name, command, shown)
			}
		}
	})
}
