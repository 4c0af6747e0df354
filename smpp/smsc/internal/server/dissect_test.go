package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// show writes fields as name=value(meaning), without those of the header.
func show(fs []smsc.Field) string {
	var s []string
	for _, f := range fs[min(4, len(fs)):] {
		v := f.Name + "=" + f.Value
		if f.Meaning != "" {
			v += "(" + f.Meaning + ")"
		}
		s = append(s, v)
	}
	return strings.Join(s, " ")
}

func encode(t testing.TB, cmd wire.Command, p interface {
	Encode(wire.Header) ([]byte, error)
}) []byte {
	t.Helper()
	b, err := p.Encode(wire.Header{Command: cmd, Sequence: 5})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDissect(t *testing.T) {
	dest := wire.Address{TON: 1, NPI: 1, Addr: "49"}
	m := &wire.Message{ServiceType: "OTP", Source: wire.Address{TON: 5, Addr: "Bank"}, Dest: dest, ESMClass: 0x40,
		RegisteredDelivery: 1, DataCoding: 8, ShortMessage: []byte("\x05\x00\x03\x07\x02\x01\x04\x14"),
		TLVs: wire.TLVs{{Tag: 0x0427, Value: []byte{2}}, {Tag: 0x1400, Value: []byte("1234")}, {Tag: 0x9999, Value: []byte{0xFF, 1, 2}}}}
	tests := []struct {
		name string
		raw  []byte
		want string
	}{
		{"submit_sm", encode(t, wire.SubmitSM, m), "service_type=OTP source_addr_ton=5(alphanumeric) source_addr_npi=0(unknown) source_addr=Bank " +
			"dest_addr_ton=1(international) dest_addr_npi=1(ISDN (E.163/E.164)) destination_addr=49 " +
			"esm_class=64(default mode, user data header) protocol_id=0 priority_flag=0 schedule_delivery_time= validity_period= " +
			"registered_delivery=1(receipt on success and failure) replace_if_present_flag=0 data_coding=8(UCS2) sm_default_msg_id=0 " +
			"sm_length=8 short_message=0500030702010414(Д) message_state=2(DELIVRD) vendor 0x1400=31323334(1234) 0x9999=ff0102"},
		{"data_sm", encode(t, wire.DataSM, &wire.Message{Dest: dest, TLVs: wire.TLVs{{Tag: 0x0424, Value: []byte("hi")}}}),
			"service_type= source_addr_ton=0(unknown) source_addr_npi=0(unknown) source_addr= dest_addr_ton=1(international) " +
				"dest_addr_npi=1(ISDN (E.163/E.164)) destination_addr=49 esm_class=0(default mode) registered_delivery=0(no receipt) " +
				"data_coding=0(GSM7) message_payload=6869(hi)"},
		{"bind", encode(t, wire.BindTransceiver, wire.Bind{SystemID: "a", Password: "b", InterfaceVersion: 0x34}),
			"system_id=a password=b system_type= interface_version=52(3.4) addr_ton=0(unknown) addr_npi=0(unknown) address_range="},
		{"submit_multi", encode(t, wire.SubmitMulti, &wire.Multi{Dests: []wire.Address{dest}, Lists: []string{"all"}})[:0:0], ""},
		{"submit_multi_resp", encode(t, wire.SubmitMultiResp, wire.MultiResp{MessageID: "7", Refused: []wire.Unsuccess{{Dest: dest, Status: 0x0B}}}),
			"message_id=7 no_unsuccess=1 dest_addr_ton=1(international) dest_addr_npi=1(ISDN (E.163/E.164)) destination_addr=49 " +
				"error_status_code=11(ESME_RINVDSTADR)"},
		{"cut TLV", append(encode(t, wire.SubmitSMResp, wire.MessageResp{MessageID: "7"}), 4, 0x24, 0, 9, 'x'),
			"message_id=7 message_payload=78(it is cut: it says it has 9 octets)"},
		{"no NUL", wire.Frame{Header: wire.Header{Command: wire.SubmitSMResp}, Body: []byte("7")}.Bytes(), "message_id=7(its NUL is missing)"},
		{"stray NUL", append(encode(t, wire.SubmitSMResp, wire.MessageResp{MessageID: "7"}), 0), "message_id=7 undecoded=00"},
		{"unknown command", wire.Frame{Header: wire.Header{Command: 0x111}, Body: []byte{1, 2}}.Bytes(), "undecoded=0102"},
		{"enquire_link", wire.Frame{Header: wire.Header{Command: wire.EnquireLink}}.Bytes(), ""},
		{"replace_sm", encode(t, wire.ReplaceSM, wire.Replace{MessageID: "7", ShortMessage: []byte("new")}),
			"message_id=7 source_addr_ton=0(unknown) source_addr_npi=0(unknown) source_addr= schedule_delivery_time= validity_period= " +
				"registered_delivery=0(no receipt) sm_default_msg_id=0 sm_length=3 short_message=6e6577(new)"},
	}
	for _, tt := range tests {
		if got := show(smsc.Dissect(tt.raw)); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
	head := smsc.Dissect(tests[0].raw)
	if got := fmt.Sprint(head[1].Meaning, " ", head[2].Meaning, " ", head[3].Value); got != "submit_sm ESME_ROK 5" {
		t.Errorf("header %s", got)
	}
}

// FuzzDissect: whatever the octets, the fields follow one another and cover them all.
func FuzzDissect(f *testing.F) {
	f.Add(encode(f, wire.SubmitSM, esmetest.Message("491", "hello")))
	f.Add(encode(f, wire.SubmitMulti, &wire.Multi{Dests: []wire.Address{{Addr: "1"}}, Lists: []string{"x"}}))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		at := 0
		for _, field := range smsc.Dissect(b) {
			if field.Offset != at {
				t.Fatalf("%s is at %d, want %d", field.Name, field.Offset, at)
			}
			at += field.Length
		}
		if at != len(b) {
			t.Fatalf("the fields cover %d of %d octets", at, len(b))
		}
	})
}

func TestPDUs(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{KeepPDUs: 6})
	live, stop := srv.TapPDUs(100)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	id := e.Submit(esmetest.Message("491", "x"))
	e.Receipt()
	var names []string
	await.That(t, "all six are there", func() bool {
		names = nil
		for _, p := range srv.PDUs(smsc.PDUFilter{}) {
			names = append(names, fmt.Sprintf("%s %v", p.Command, p.Out))
		}
		return len(names) == 6
	})
	if got := strings.Join(names, ", "); got != "bind_transceiver false, bind_transceiver_resp true, submit_sm false, submit_sm_resp true, deliver_sm true, deliver_sm_resp false" {
		t.Errorf("got %s", got)
	}
	all := srv.PDUs(smsc.PDUFilter{})
	if p := all[0]; strings.Contains(string(p.Raw), "secret") || !strings.Contains(show(p.Fields), "password=******") || p.Session != "s1" || p.Account != "a" {
		t.Errorf("the bind is shown as %+v", p)
	}
	if p := all[3]; show(p.Fields) != "message_id="+id || p.Length != len(p.Raw) || p.Status != "ESME_ROK" {
		t.Errorf("the answer is shown as %+v", p)
	}
	for name, tt := range map[string]struct {
		f    smsc.PDUFilter
		want int
	}{
		"session": {smsc.PDUFilter{Session: "s1"}, 6}, "another": {smsc.PDUFilter{Session: "s2"}, 0}, "command": {smsc.PDUFilter{Command: "submit_sm"}, 1},
		"after": {smsc.PDUFilter{After: all[3].ID}, 2}, "limit": {smsc.PDUFilter{Limit: 2}, 2},
	} {
		if got := srv.PDUs(tt.f); len(got) != tt.want || tt.want == 2 && got[1].ID != all[5].ID {
			t.Errorf("%s: %d", name, len(got))
		}
	}
	for i := range 6 {
		if p := <-live; p.ID != all[i].ID || strings.Contains(string(p.Raw), "secret") {
			t.Errorf("live %d is %+v", i, p)
		}
	}
	e.Submit(esmetest.Message("491", "y"))
	if p := srv.PDUs(smsc.PDUFilter{}); len(p) != 6 || p[0].ID == all[0].ID {
		t.Errorf("%d are kept", len(p))
	}
	stop()
	for range live {
	}
	stop()
}

// TestSegments: the parts of a message with their header or TLVs, and every field.
func TestSegments(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	body := strings.Repeat("Ваш код 4711 ", 12)
	for i, long := range []text.Long{text.LongUDH8, text.LongUDH16, text.LongSAR} {
		to := fmt.Sprint("4917", i)
		ms := esmetest.Messages(to, body, text.Options{Long: long})
		for n := range ms { // the last first
			e.Submit(ms[len(ms)-1-n])
		}
		m, ok := srv.Message(esmetest.Wait(t, srv, to).ID)
		if !ok || len(m.Segments) != len(ms) || m.Text != body {
			t.Fatalf("%s: %+v", long, m)
		}
		var all string
		for n, s := range m.Segments {
			all += s.Text
			if s.Part != n+1 || s.Parts != len(ms) || s.MessageID != m.MessageIDs[n] || s.Command != "submit_sm" || s.Session != "s1" || len(s.Fields) < 20 {
				t.Errorf("%s: segment %+v", long, s)
			}
			switch long {
			case text.LongSAR:
				if s.SAR == nil || s.UDH != nil || s.SAR.Part != n+1 || s.SAR.Parts != len(ms) || s.SAR.Ref != 0x1234 {
					t.Errorf("%s: SAR %+v", long, s.SAR)
				}
			default:
				want := fmt.Sprintf("part %d of %d, reference %d", n+1, len(ms), map[text.Long]int{text.LongUDH8: 0x34, text.LongUDH16: 0x1234}[long])
				if s.UDH == nil || s.SAR != nil || s.UDH.Elements[0].Meaning != want {
					t.Errorf("%s: header %+v, want %q", long, s.UDH, want)
				}
			}
		}
		if all != body {
			t.Errorf("%s: the segments say %q", long, all)
		}
	}
}

// TestFilters: number, sender, text, after, and anywhere.
func TestFilters(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	send := func(from, to, body string) string {
		m := esmetest.Message(to, body)
		m.Source.Addr = from
		return e.Submit(m)
	}
	send("Bank", "491", "First code")
	id := send("Shop", "492", "Втори код")
	send("Bank", "+491", "third")
	if _, err := srv.InjectMO(esmetest.Patient(t), smsc.MO{From: "491", To: "Bank", Text: "answer"}); err != nil {
		t.Fatal(err)
	}
	first := srv.Messages(smsc.Filter{})[2]
	for name, tt := range map[string]struct {
		f    smsc.Filter
		want string
	}{
		"all": {smsc.Filter{}, "third,Втори код,First code"}, "MO too": {smsc.Filter{MO: true}, "answer,third,Втори код,First code"},
		"to": {smsc.Filter{To: "+491"}, "third,First code"}, "from": {smsc.Filter{From: "bank"}, "third,First code"},
		"text": {smsc.Filter{Text: "КОД"}, "Втори код"}, "after an id": {smsc.Filter{After: first.ID}, "third,Втори код"},
		"a conversation": {smsc.Filter{Number: "+491", MO: true}, "answer,third,First code"},
		"query, sender":  {smsc.Filter{Query: "shop"}, "Втори код"}, "query, number": {smsc.Filter{Query: "+492"}, "Втори код"},
		"query, text": {smsc.Filter{Query: "THIRD"}, "third"}, "query, id": {smsc.Filter{Query: id}, "Втори код"},
		"all of it": {smsc.Filter{To: "491", From: "Bank", Text: "first"}, "First code"}, "limit": {smsc.Filter{Limit: 1}, "third"},
		"no after": {smsc.Filter{After: "nonsense"}, ""},
	} {
		var got []string
		for _, m := range srv.Messages(tt.f) {
			got = append(got, m.Text)
		}
		if s := strings.Join(got, ","); s != tt.want {
			t.Errorf("%s: %q, want %q", name, s, tt.want)
		}
	}
	if m, err := srv.WaitFor(esmetest.Patient(t), smsc.Filter{To: "491", Text: "THIRD"}); err != nil || m.Text != "third" {
		t.Errorf("WaitFor: %+v, %v", m, err)
	}
	if m := esmetest.Wait(t, srv, "491"); m.Text != "First code" {
		t.Errorf("Wait behind it: %+v", m)
	}
}
