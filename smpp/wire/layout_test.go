package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/wire"
)

// written writes a PDU and shows it by its layout: name=value, in the order of the octets.
func written(t *testing.T, c wire.Command, p encoder) string {
	t.Helper()
	raw, err := p.Encode(wire.Header{Command: c, Sequence: 1})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	at := 0
	for s := range wire.Spans(c, raw[wire.HeaderLen:]) {
		if s.From != at || !s.Whole {
			t.Errorf("%s is at %d, want %d; whole: %t", s.Name, s.From, at, s.Whole)
		}
		at = s.To
		v := fmt.Sprint(s.Uint())
		if s.Kind == wire.CString || s.Kind == wire.Octets {
			v = string(s.Value)
		}
		out = append(out, s.Name+"="+v)
	}
	if at != len(raw)-wire.HeaderLen {
		t.Errorf("%d of %d octets are shown", at, len(raw)-wire.HeaderLen)
	}
	return strings.Join(out, " ")
}

// TestLayout: what the typed PDUs write is at the place and under the name that the layout has for it, and
// read back it is the same (TestOperationsThereAndBack, TestMessageRoundTrip, TestBindRoundTrip).
func TestLayout(t *testing.T) {
	a, b := wire.Address{TON: 1, NPI: 2, Addr: "A"}, wire.Address{TON: 3, NPI: 4, Addr: "B"}
	m := wire.Message{ServiceType: "T", Source: a, Dest: b, ESMClass: 5, ProtocolID: 6, Priority: 7, ScheduleDelivery: "S",
		Validity: "V", RegisteredDelivery: 8, ReplaceIfPresent: 9, DataCoding: 10, DefaultMessageID: 11, ShortMessage: []byte("hi"),
		TLVs: wire.TLVs{{Tag: wire.TagMessagePayload, Value: []byte("P")}, {Tag: 0x9999, Value: []byte("X")}}}
	const (
		source  = "source_addr_ton=1 source_addr_npi=2 source_addr=A "
		dest    = "dest_addr_ton=3 dest_addr_npi=4 destination_addr=B "
		content = "esm_class=5 protocol_id=6 priority_flag=7 schedule_delivery_time=S validity_period=V registered_delivery=8 " +
			"replace_if_present_flag=9 data_coding=10 sm_default_msg_id=11 sm_length=2 short_message=hi "
		tlvs = "message_payload=P =X"
		bind = "system_id=I password=W system_type=Y interface_version=52 addr_ton=1 addr_npi=2 address_range=A"
	)
	multi := wire.Multi{Message: m, Dests: []wire.Address{b}, Lists: []string{"L"}}
	request := wire.Bind{SystemID: "I", Password: "W", SystemType: "Y", InterfaceVersion: 0x34, AddressRange: a}
	id := wire.MessageResp{MessageID: "I"}
	for c, tt := range map[wire.Command]struct {
		pdu  encoder
		want string
	}{
		wire.BindTransmitter: {request, bind}, wire.BindReceiver: {request, bind}, wire.BindTransceiver: {request, bind},
		wire.BindTransmitterResp: {wire.BindResp{SystemID: "I"}, "system_id=I"}, wire.BindReceiverResp: {wire.BindResp{SystemID: "I"}, "system_id=I"},
		wire.BindTransceiverResp: {wire.BindResp{SystemID: "I", TLVs: wire.TLVs{{Tag: wire.TagScInterfaceVersion, Value: []byte("4")}}}, "system_id=I sc_interface_version=4"},
		wire.Outbind:             {wire.OutbindRequest{SystemID: "I", Password: "W"}, "system_id=I password=W"},
		wire.SubmitSM:            {&m, "service_type=T " + source + dest + content + tlvs}, wire.DeliverSM: {&m, "service_type=T " + source + dest + content + tlvs},
		wire.SubmitMulti:  {&multi, "service_type=T " + source + "number_of_dests=2 dest_flag=1 " + dest + "dest_flag=2 dl_name=L " + content + tlvs},
		wire.DataSM:       {&m, "service_type=T " + source + dest + "esm_class=5 registered_delivery=8 data_coding=10 " + tlvs},
		wire.SubmitSMResp: {id, "message_id=I"}, wire.DeliverSMResp: {id, "message_id=I"}, wire.DataSMResp: {id, "message_id=I"},
		wire.SubmitMultiResp: {wire.MultiResp{MessageID: "I", Refused: []wire.Unsuccess{{Dest: b, Status: 0x01020304}}},
			"message_id=I no_unsuccess=1 " + dest + "error_status_code=16909060"},
		wire.QuerySM:     {wire.Query{MessageID: "I", Source: a}, "message_id=I " + strings.TrimSpace(source)},
		wire.QuerySMResp: {wire.QueryResp{MessageID: "I", FinalDate: "D", State: wire.Expired, Error: 4}, "message_id=I final_date=D message_state=3 error_code=4"},
		wire.CancelSM:    {wire.Cancel{ServiceType: "T", MessageID: "I", Source: a, Dest: b}, "service_type=T message_id=I " + source + strings.TrimSpace(dest)},
		wire.ReplaceSM: {wire.Replace{MessageID: "I", Source: a, ScheduleDelivery: "S", Validity: "V", RegisteredDelivery: 8, DefaultMessageID: 9, ShortMessage: []byte("hi")},
			"message_id=I " + source + "schedule_delivery_time=S validity_period=V registered_delivery=8 sm_default_msg_id=9 sm_length=2 short_message=hi"},
		wire.AlertNotification: {wire.RawBody("\x01\x02A\x00\x03\x04B\x00"), source + "esme_addr_ton=3 esme_addr_npi=4 esme_addr=B"},
	} {
		if got := written(t, c, tt.pdu); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c, got, tt.want)
		}
	}
}

// TestLayoutsAreWhole: each command of the specification has one row, each field a name, a section and its
// size, and a Length is followed by what it measures.
func TestLayoutsAreWhole(t *testing.T) {
	names := map[string]bool{}
	for _, l := range wire.Layouts() {
		if l.Name == "" || l.Section == "" || names[l.Name] || l.Command.String() != l.Name || wire.LayoutOf(l.Command).Name != l.Name {
			t.Errorf("%+v", l)
		}
		names[l.Name] = true
		request := l.Command &^ wire.ResponseBit
		if wire.LayoutOf(request) == nil && l.Command != wire.GenericNack {
			t.Errorf("%s answers nothing", l.Name)
		}
		for i, f := range l.Fields {
			sized := f.Kind == wire.CString || f.Kind == wire.Octets || f.Kind == wire.Length || f.Kind == wire.Count
			if f.Name == "" || f.Section == "" || sized != (f.Max > 0) || (f.Kind == wire.Count) != (len(f.Each) > 0) {
				t.Errorf("%s: %+v", l.Name, f)
			}
			if f.Kind == wire.Length && l.Fields[i+1].Kind != wire.Octets {
				t.Errorf("%s: %s measures nothing", l.Name, f.Name)
			}
			if want := map[string]wire.Secrecy{"password": wire.Password, "short_message": wire.Text}[f.Name]; f.Secret != want {
				t.Errorf("%s: %s is secret as %d", l.Name, f.Name, f.Secret)
			}
		}
	}
	if len(names) != 27 {
		t.Errorf("%d commands", len(names))
	}
	if wire.ParameterOf(wire.TagMessagePayload).Secret != wire.Text || wire.ParameterOf(0x9999) != nil || wire.Command(0x111).String() != "0x00000111" {
		t.Error("message_payload, or what the specification does not have")
	}
}

// TestHidePasswords: whatever is cut off a bind or outbind, nothing of its password is left.
func TestHidePasswords(t *testing.T) {
	for c, p := range map[wire.Command]encoder{
		wire.BindTransceiver: wire.Bind{SystemID: "acc", Password: "hunter2"}, wire.BindReceiver: wire.Bind{SystemID: "acc", Password: "hunter2"},
		wire.BindTransmitter: wire.Bind{SystemID: "acc", Password: "hunter2"}, wire.Outbind: wire.OutbindRequest{SystemID: "acc", Password: "hunter2"},
	} {
		raw, err := p.Encode(wire.Header{Command: c})
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(raw) + 1 {
			cut := append([]byte{}, raw[:n]...)
			wire.HidePasswords(cut, '*')
			if body := string(cut[min(n, wire.HeaderLen):]); strings.ContainsAny(body, "hunter2") || strings.Count(body, "*") != min(max(n-wire.HeaderLen-4, 0), 7) {
				t.Fatalf("%s, %d octets: %q", c, n, body)
			}
		}
	}
	m := wire.Message{ShortMessage: []byte("hunter2")}
	raw, _ := m.Encode(wire.Header{Command: wire.SubmitSM})
	if wire.HidePasswords(raw, '*'); !strings.Contains(string(raw), "hunter2") {
		t.Error("a text was hidden too")
	}
}

// FuzzSpans: whatever the octets, the spans follow one another within the body, only the last is not whole,
// and what the typed decoders read is what they show.
func FuzzSpans(f *testing.F) {
	for _, b := range vectors(f) {
		f.Add(uint32(read(f, b).Command), b[wire.HeaderLen:])
	}
	f.Add(uint32(wire.SubmitMulti), []byte("\x00\x00\x00a\x00\x02\x01\x01\x01b\x00\x02l\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(uint32(wire.SubmitMultiResp), []byte("7\x00\x01\x01\x01b\x00\x00\x00\x00\x0b"))
	f.Fuzz(func(t *testing.T, command uint32, body []byte) {
		at, ended := 0, false
		for s := range wire.Spans(wire.Command(command), body) {
			if ended || s.From < at || s.To < s.From || s.To > len(body) || s.From > at+1 {
				t.Fatalf("%s from %d to %d behind %d of %d", s.Name, s.From, s.To, at, len(body))
			}
			at, ended = s.To, !s.Whole
		}
		frame := wire.Frame{Header: wire.Header{Command: wire.Command(command)}, Body: body}
		if frame.Command != wire.SubmitSM && frame.Command != wire.DeliverSM && frame.Command != wire.DataSM {
			return
		}
		m, err := wire.DecodeMessage(frame)
		if err != nil {
			return
		}
		for s := range wire.Spans(frame.Command, body) {
			switch {
			case s.Name == "short_message" && string(s.Value) != string(m.ShortMessage), s.Name == "destination_addr" && string(s.Value) != m.Dest.Addr,
				s.Name == "data_coding" && s.Value[0] != m.DataCoding:
				t.Fatalf("%s is %q, decoded %+v", s.Name, s.Value, m)
			case s.TLV:
				if len(m.TLVs) == 0 || m.TLVs[0].Tag != s.Tag || string(m.TLVs[0].Value) != string(s.Value) {
					t.Fatalf("0x%04X is %q, decoded %+v", s.Tag, s.Value, m.TLVs)
				}
				m.TLVs = m.TLVs[1:]
			}
		}
	})
}
