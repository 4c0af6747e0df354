package link

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestStatement: it has each PDU of the specification, those that are sent and taken with each of their
// fields, and each optional parameter.
func TestStatement(t *testing.T) {
	var out bytes.Buffer
	if err := Statement(&out, "otpgw"); err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(out.String(), "\n## ")
	for i, l := range wire.Layouts() {
		section := sections[i+1]
		if !strings.HasPrefix(section, l.Name+" [") {
			t.Fatalf("section %d is %.40q, want %s", i, section, l.Name)
		}
		if strings.Contains(section, "answered by generic_nack") || strings.Contains(section, "passed over, and counted") {
			continue
		}
		for _, f := range l.Fields {
			if !strings.Contains(section, fmt.Sprintf("\n| %s [%s] |", f.Name, f.Section)) {
				t.Errorf("%s has no %s", l.Name, f.Name)
			}
		}
	}
	for _, p := range wire.Parameters() {
		if !strings.Contains(sections[len(sections)-1], fmt.Sprintf("| 0x%04X | %s [", p.Tag, p.Name)) {
			t.Errorf("no %s", p.Name)
		}
	}
	for _, s := range wire.Statuses() {
		if !strings.Contains(out.String(), s.Name()) {
			t.Errorf("what %s means is not said", s.Name())
		}
	}
}

// TestSentFieldsAreWritten: a field of a submit_sm or bind has a value exactly where its row writes one, and
// a row that says 0 or empty writes none.
func TestSentFieldsAreWritten(t *testing.T) {
	all := Numbering{text.SenderNumber: 2}
	l := &Link{now: time.Now, cfg: Config{SystemID: "I", Password: "P", SystemType: "T", AddressRange: wire.Address{TON: 1, NPI: 1, Addr: "^4"},
		ServiceType: "OTP", SourceTON: all, SourceNPI: all, DestTON: all, DestNPI: all}}
	part := &text.Part{ESMClass: wire.ESMClassUDHI, DataCoding: 8, ShortMessage: []byte("\x05\x00\x03\x01\x02\x01\x00a")}
	m, err := l.submitSM(&queue.Outbound{From: "+14155552671", To: "+46700000001", Expires: time.Now().Add(time.Minute)}, part)
	if err != nil {
		t.Fatal(err)
	}
	check := func(c wire.Command, p interface {
		Encode(wire.Header) ([]byte, error)
	}, written map[string]bool) {
		raw, err := p.Encode(wire.Header{Command: c})
		if err != nil {
			t.Fatal(err)
		}
		for s := range wire.Spans(c, raw[wire.HeaderLen:]) {
			if set := len(bytes.Trim(s.Value, "\x00")) > 0; set != written[s.Name] {
				t.Errorf("%s of a %s is %q; its row writes it: %t", s.Name, c, s.Value, written[s.Name])
			}
		}
	}
	check(wire.BindTransceiver, l.cfg.bind(), writtenBy(t, bindFields))
	check(wire.SubmitSM, m, writtenBy(t, submitFields))
}

func writtenBy[T any](t *testing.T, rows []sentField[T]) map[string]bool {
	written := make(map[string]bool)
	for _, r := range rows {
		written[r.Name] = r.write != nil || r.Kind == wire.Length
		if none := r.does == zero || strings.HasPrefix(r.does, "empty:"); none == written[r.Name] || r.does == "" {
			t.Errorf("%s says %q, and is written: %t", r.Name, r.does, written[r.Name])
		}
	}
	return written
}

// TestTakenFieldsAreLookedAt: another value of a field makes another Incoming of a receipt or of a handset's
// message exactly where its row says that it is looked at; and a deliver_sm that ends before a field does is
// refused as it says.
func TestTakenFieldsAreLookedAt(t *testing.T) {
	now := time.Now()
	l := &Link{now: func() time.Time { return now }, deps: Deps{Sink: refusing{}}, log: zerolog.Nop()}
	change := map[string]func(m *wire.Message){
		"service_type": func(m *wire.Message) { m.ServiceType = "X" }, "source_addr_ton": func(m *wire.Message) { m.Source.TON = 5 },
		"source_addr_npi": func(m *wire.Message) { m.Source.NPI = 9 }, "source_addr": func(m *wire.Message) { m.Source.Addr = "99" },
		"dest_addr_ton": func(m *wire.Message) { m.Dest.TON = 5 }, "dest_addr_npi": func(m *wire.Message) { m.Dest.NPI = 9 },
		"destination_addr": func(m *wire.Message) { m.Dest.Addr = "99" }, "esm_class": func(m *wire.Message) { m.ESMClass ^= wire.ESMClassReceipt },
		"protocol_id": func(m *wire.Message) { m.ProtocolID = 9 }, "priority_flag": func(m *wire.Message) { m.Priority = 3 },
		"schedule_delivery_time": func(m *wire.Message) { m.ScheduleDelivery = "000000000500000R" },
		"validity_period":        func(m *wire.Message) { m.Validity = "000000000500000R" },
		"registered_delivery":    func(m *wire.Message) { m.RegisteredDelivery = 1 }, "replace_if_present_flag": func(m *wire.Message) { m.ReplaceIfPresent = 1 },
		"data_coding": func(m *wire.Message) { m.DataCoding = 8 }, "sm_default_msg_id": func(m *wire.Message) { m.DefaultMessageID = 1 },
		"sm_length": func(m *wire.Message) { m.ShortMessage = m.ShortMessage[:4] }, "short_message": func(m *wire.Message) { m.ShortMessage = []byte("other text") },
	}
	for _, f := range wire.LayoutOf(wire.DeliverSM).Fields {
		differs := false
		for _, esm := range []byte{0, wire.ESMClassReceipt} {
			m := wire.Message{Source: wire.Address{TON: 1, Addr: "46700000001"}, Dest: wire.Address{TON: 1, Addr: "1000"}, ESMClass: esm, ShortMessage: []byte("id:7 stat:DELIVRD")}
			before := l.decode(&m)
			change[f.Name](&m)
			differs = differs || !reflect.DeepEqual(before, l.decode(&m))
		}
		if _, said := takenFields[f.Name]; said != differs {
			t.Errorf("%s: its row says that it is looked at: %t; another value makes a difference: %t", f.Name, said, differs)
		}
	}
	m := wire.Message{ShortMessage: []byte("text"), TLVs: wire.TLVs{{Tag: wire.TagMessagePayload, Value: []byte("text")}}}
	b := &bind{link: l, name: "x"}
	for _, c := range []wire.Command{wire.DeliverSM, wire.DataSM} {
		raw, err := m.Encode(wire.Header{Command: c})
		if err != nil {
			t.Fatal(err)
		}
		for s := range wire.Spans(c, raw[wire.HeaderLen:]) {
			want := statusUnreadable
			if s.TLV {
				want = statusNotStored // it is read as far as it goes
			}
			f := wire.Frame{Header: wire.Header{Command: c}, Body: raw[wire.HeaderLen : wire.HeaderLen+s.To-1]}
			if got := b.store(context.Background(), f); got != want {
				t.Errorf("a %s that ends in %s is answered %s, want %s", c, s.Name, got, want)
			}
		}
	}
}

// TestParametersAreLookedAt: the rows of optional parameters of receipts and handsets' messages are those
// that change what comes of one.
func TestParametersAreLookedAt(t *testing.T) {
	now := time.Now()
	l := &Link{now: func() time.Time { return now }}
	sar := wire.TLVs{{Tag: wire.TagSarMsgRefNum, Value: []byte{0, 9}}, {Tag: wire.TagSarTotalSegments, Value: []byte{3}}, {Tag: wire.TagSarSegmentSeqnum, Value: []byte{2}}}
	for _, p := range wire.Parameters() {
		m := wire.Message{TLVs: append(wire.TLVs{}, sar...)}
		before := l.decode(&m)
		value := bytes.Repeat([]byte{1}, max(p.Min, 1))
		found := false
		for i := range m.TLVs {
			if m.TLVs[i].Tag == p.Tag {
				m.TLVs[i].Value, found = []byte{1}, true
			}
		}
		if !found {
			m.TLVs = append(m.TLVs, wire.TLV{Tag: p.Tag, Value: value})
		}
		after := l.decode(&m)
		before.TLVs, after.TLVs = nil, nil
		_, said := parameterRows[p.Tag]
		said = said && p.Tag != wire.TagScInterfaceVersion && p.Tag != wire.TagNetworkErrorCode // of a bind's answer; read by package dlr
		if differs := !reflect.DeepEqual(before, after); differs != said {
			t.Errorf("%s: its row says that it is looked at: %t; it makes a difference: %t", p.Name, said, differs)
		}
	}
}
