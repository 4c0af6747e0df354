package conform_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/conform"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// place is one row that a proof shows.
type place struct {
	t     *testing.T
	pdu   conform.PDU
	field string
}

// proofs show what the simulator does with a field: by "PDU field", else by the field alone.
var proofs = map[string]func(place){
	"system_id": bindShows, "system_type": bindShows, "interface_version": versions,
	"addr_ton": bindTakes([]byte{1}), "addr_npi": bindTakes([]byte{1}), "address_range": ranges,
	"password": passwords,

	"service_type": keeps([]byte("WAP")), "source_addr_ton": keeps([]byte{5}), "source_addr_npi": keeps([]byte{8}),
	"source_addr": keeps([]byte("4915")), "dest_addr_ton": keeps([]byte{2}), "dest_addr_npi": keeps([]byte{9}),
	"destination_addr": keeps([]byte("4915")), "protocol_id": keeps([]byte{0x7F}), "priority_flag": keeps([]byte{3}),
	"esm_class": keeps([]byte{0x03}), "data_coding": keeps([]byte{3}), "sm_default_msg_id": keeps([]byte{0}),
	"sm_length": keeps([]byte{1}), "short_message": keeps([]byte("y")), "number_of_dests": keeps([]byte{1, 1, 1, 1, '4', '9', 0}),
	"schedule_delivery_time": schedules, "validity_period": expires, "registered_delivery": asks,
	"replace_if_present_flag": replaces,

	"query_sm message_id": chooses(wire.QuerySM, 0x67), "query_sm source_addr_ton": operates, "query_sm source_addr_npi": operates,
	"query_sm source_addr":   choosesBy(wire.QuerySM, "source_addr", 0x67),
	"cancel_sm service_type": operates, "cancel_sm message_id": chooses(wire.CancelSM, wire.StatusInvMsgID),
	"cancel_sm source_addr_ton": operates, "cancel_sm source_addr_npi": operates, "cancel_sm dest_addr_ton": operates,
	"cancel_sm dest_addr_npi": operates, "cancel_sm source_addr": choosesBy(wire.CancelSM, "source_addr", wire.StatusInvMsgID),
	"cancel_sm destination_addr": choosesBy(wire.CancelSM, "destination_addr", 0x11),
	"replace_sm message_id":      chooses(wire.ReplaceSM, wire.StatusInvMsgID), "replace_sm source_addr_ton": operates,
	"replace_sm source_addr_npi": operates, "replace_sm source_addr": choosesBy(wire.ReplaceSM, "source_addr", wire.StatusInvMsgID),
	"replace_sm schedule_delivery_time": rescheduled, "replace_sm validity_period": revalidated,
	"replace_sm registered_delivery": reasked, "replace_sm sm_default_msg_id": operates, "replace_sm sm_length": rewritten,
	"replace_sm short_message": rewritten,
}

// TestEachFieldDoesWhatItSays: each row of a request has a proof over a connection.
func TestEachFieldDoesWhatItSays(t *testing.T) {
	for _, p := range requests() {
		for _, f := range p.Fields {
			t.Run(p.Name+"/"+f.Name, func(t *testing.T) {
				t.Parallel()
				if f.Does == "" || f.Section == "" {
					t.Error("the row says nothing")
				}
				proof := proofs[p.Name+" "+f.Name]
				if proof == nil {
					proof = proofs[f.Name]
				}
				if proof == nil {
					t.Fatal("nothing shows what is done with it")
				}
				proof(place{t, p, f.Name})
			})
		}
	}
}

// keeps: the value is in the PDU as it is kept and shown.
func keeps(v []byte) func(place) {
	return func(p place) {
		srv := esmetest.Start(p.t, smsc.Config{})
		e := esmetest.Bound(p.t, srv, wire.BindTransceiver, "a")
		if s := ask(p.t, srv, e, p.pdu, body(p.pdu, p.field, v)); s != wire.StatusOK {
			p.t.Fatalf("refused with %s", s)
		}
		m, ok := srv.Message(srv.Messages(smsc.Filter{})[0].ID)
		if !ok || len(m.Segments) != 1 || m.Segments[0].Command != p.pdu.Name || !bytes.Contains(m.Segments[0].Raw, v) {
			p.t.Errorf("kept as %+v", m.Segments)
		}
		for _, f := range m.Segments[0].Fields {
			if f.Name == p.field {
				return
			}
		}
		p.t.Errorf("%s is not among the fields shown", p.field)
	}
}

func bindShows(p place) {
	srv := esmetest.Start(p.t, smsc.Config{})
	e := esmetest.Connect(p.t, srv)
	if f := e.Must(p.pdu.Command, wire.RawBody(body(p.pdu, p.field, []byte("shown")))); f.Status != wire.StatusOK {
		p.t.Fatalf("refused with %s", f.Status)
	}
	if in := srv.Sessions()[0]; in.Account != "shown" && in.SystemType != "shown" {
		p.t.Errorf("the session is %+v", in)
	}
}

// ranges: of two accounts that can receive, a message goes to the one whose receiver has its destination in
// its range.
func ranges(p place) {
	if p.pdu.Command == wire.BindTransmitter {
		bindTakes([]byte("^49"))(p)
		return
	}
	srv := esmetest.Start(p.t, smsc.Config{})
	for account, addresses := range map[string]string{"a": "", "b": "^777", "c": "^(888|999)$"} {
		e := esmetest.Connect(p.t, srv)
		f := e.Must(p.pdu.Command, wire.Bind{SystemID: account, InterfaceVersion: 0x34, AddressRange: wire.Address{Addr: addresses}})
		if f.Status != wire.StatusOK {
			p.t.Fatal(f.Status)
		}
	}
	for to, want := range map[string]string{"777": "b", "7770": "b", "999": "c", "9990": "a", "123": "a"} {
		res, err := srv.InjectMO(esmetest.Patient(p.t), smsc.MO{From: "4917", To: to, Text: "x"})
		if err != nil || res.Account != want {
			p.t.Errorf("to %s: %+v, %v, want account %s", to, res, err, want)
		}
	}
}

func bindTakes(v []byte) func(place) {
	return func(p place) {
		srv := esmetest.Start(p.t, smsc.Config{})
		if s := ask(p.t, srv, nil, p.pdu, body(p.pdu, p.field, v)); s != wire.StatusOK {
			p.t.Errorf("refused with %s", s)
		}
	}
}

// passwords: the account's, and a configured one may be longer than the specification has it.
func passwords(p place) {
	srv := esmetest.Start(p.t, smsc.Config{Accounts: map[string]string{"a": "longer than eight", "b": "short"}})
	with := func(id, password string) wire.Status {
		e := esmetest.Connect(p.t, srv)
		return e.Must(p.pdu.Command, wire.Bind{SystemID: id, Password: password, InterfaceVersion: 0x34}).Status
	}
	for _, c := range []struct {
		id, password string
		want         wire.Status
	}{
		{"a", "longer than eight", wire.StatusOK}, {"a", "longer than nine!", wire.StatusInvPaswd}, {"b", "short", wire.StatusOK},
		{"b", "longer than eight", wire.StatusInvPaswd}, {"b", "", wire.StatusInvPaswd},
	} {
		if s := with(c.id, c.password); s != c.want {
			p.t.Errorf("%s with %q: %s, want %s", c.id, c.password, s, c.want)
		}
	}
}

// versions: a bind of SMPP 3.3 gets no optional parameters, neither in its answer, nor in receipts and
// messages, and no data_sm.
func versions(p place) {
	for version, tlvs := range map[byte]bool{0: true, 0x33: false, 0x30: false, 0x34: true, 0x50: true} {
		srv := esmetest.Start(p.t, smsc.Config{})
		e := esmetest.Connect(p.t, srv)
		f := e.Must(p.pdu.Command, wire.Bind{SystemID: "a", InterfaceVersion: version})
		if got := wire.DecodeBindResp(f).TLVs; f.Status != wire.StatusOK || (len(got) > 0) != tlvs {
			p.t.Errorf("0x%02X: %s, answered with %v", version, f.Status, got)
		}
		if p.pdu.Command == wire.BindTransmitter {
			continue
		}
		sender := esmetest.Bound(p.t, srv, wire.BindTransmitter, "a")
		for _, format := range smsc.ReceiptFormats() {
			rule := smsc.Rule{Receipt: smsc.ReceiptRule{Format: format, DataSM: format == smsc.FormatUpper}}
			if err := srv.Rules().Replace([]smsc.Rule{rule}); err != nil {
				p.t.Fatal(err)
			}
			sender.Submit(esmetest.Message("4917", "x"))
			r := e.Receipt()
			if !tlvs && (len(r.TLVs) > 0 || len(r.ShortMessage) == 0 || e.Command() != wire.DeliverSM) {
				p.t.Errorf("0x%02X, %s: %s with %q and %v", version, format, e.Command(), r.ShortMessage, r.TLVs)
			}
		}
		for _, long := range []text.Long{text.LongUDH8, text.LongSAR, text.LongPayload} {
			mo := smsc.MO{From: "4917", To: "1", Text: strings.Repeat("long ", 50), DataSM: long == text.LongSAR, Long: long}
			res, err := srv.InjectMO(esmetest.Patient(p.t), mo)
			if err != nil {
				p.t.Fatal(err)
			}
			for range res.Parts {
				if m := e.Receipt(); !tlvs && (len(m.TLVs) > 0 || e.Command() != wire.DeliverSM) {
					p.t.Errorf("0x%02X: a message with %v by %s", version, m.TLVs, e.Command())
				}
			}
		}
	}
}

// schedules: the message is there when its time has come, its receipt behind that, and cancelled it never is.
func schedules(p place) {
	srv := esmetest.Start(p.t, smsc.Config{})
	e := esmetest.Bound(p.t, srv, wire.BindTransceiver, "a")
	began := time.Now()
	submit := func(when string) {
		p.t.Helper()
		b := body(p.pdu, p.field, []byte(when))
		b = bytes.Replace(b, []byte(when+"\x00\x00\x00"), []byte(when+"\x00\x00\x01"), 1) // registered_delivery
		if s := ask(p.t, srv, e, p.pdu, b); s != wire.StatusOK {
			p.t.Fatalf("refused with %s", s)
		}
	}
	submit("000000000001000R")
	submit(began.Add(time.Second).UTC().Format("060102150405") + "500+")
	if n := len(srv.Messages(smsc.Filter{})); n != 0 {
		p.t.Errorf("%d messages are there already", n)
	}
	for range 2 {
		e.Receipt()
	}
	if d := time.Since(began); d < time.Second {
		p.t.Errorf("the receipts came after %s", d)
	}
	for _, m := range srv.Messages(smsc.Filter{}) {
		if m.Time.Before(began) || len(m.Receipts) != 1 {
			p.t.Errorf("got %+v", m)
		}
	}
	if n := len(srv.Messages(smsc.Filter{})); n != 2 {
		p.t.Errorf("%d messages came", n)
	}
}

// expires: what is delivered later than its validity is EXPIRED then.
func expires(p place) {
	srv := esmetest.Start(p.t, smsc.Config{ReceiptDelay: 3 * time.Second})
	e := esmetest.Bound(p.t, srv, wire.BindTransceiver, "a")
	began := time.Now()
	b := body(p.pdu, p.field, []byte("000000000001000R"))
	b = bytes.Replace(b, []byte("R\x00\x00"), []byte("R\x00\x01"), 1)
	if s := ask(p.t, srv, e, p.pdu, b); s != wire.StatusOK {
		p.t.Fatalf("refused with %s", s)
	}
	if got := e.States(1); got != "EXPIRED/001" {
		p.t.Errorf("receipt %s", got)
	}
	if d := time.Since(began); d < time.Second || d > 2900*time.Millisecond {
		p.t.Errorf("it came after %s", d)
	}
}

// asks: which receipts are asked for, and a notification before.
func asks(p place) {
	for registered, want := range map[byte]string{0: "", 1: "DELIVRD/000", 2: "", 3: "DELIVRD/000", 0x11: "ENROUTE/000 DELIVRD/000"} {
		srv := esmetest.Start(p.t, smsc.Config{ReceiptDelay: 40 * time.Millisecond})
		e := esmetest.Bound(p.t, srv, wire.BindTransceiver, "a")
		if s := ask(p.t, srv, e, p.pdu, body(p.pdu, p.field, []byte{registered})); s != wire.StatusOK {
			p.t.Fatalf("refused with %s", s)
		}
		if got := e.States(len(strings.Fields(want))); got != want {
			p.t.Errorf("0x%02X: %s, want %s", registered, got, want)
		}
		if want == "" {
			e.None(100 * time.Millisecond)
		}
	}
}

// replaces: the message before it that is not delivered yet gives way.
func replaces(p place) {
	srv := esmetest.Start(p.t, smsc.Config{ReceiptDelay: 300 * time.Millisecond})
	e := esmetest.Bound(p.t, srv, wire.BindTransceiver, "a")
	first := body(p.pdu, "registered_delivery", []byte{1})
	second := body(p.pdu, p.field, []byte{1})
	for _, b := range [][]byte{first, second} {
		if s := ask(p.t, srv, e, p.pdu, b); s != wire.StatusOK {
			p.t.Fatalf("refused with %s", s)
		}
	}
	if got := e.States(1); got != "DELETED/001" {
		p.t.Errorf("receipt of the first %s", got)
	}
}

// pending is a server with a message that is not delivered yet, and its id.
func pending(p place) (*smsc.Server, *esmetest.Client, string) {
	srv := esmetest.Start(p.t, smsc.Config{ReceiptDelay: 2 * time.Second})
	e := esmetest.Bound(p.t, srv, wire.BindTransceiver, "a")
	m := esmetest.Message("491701234567", "first text")
	m.Source = wire.Address{TON: 1, Addr: "4917"}
	return srv, e, e.Submit(m)
}

// operation is the request for that message, with one field changed; service_type is empty, as the message's
// is.
func (p place) operation(id, field string, v []byte) []byte {
	fields := p.pdu
	right := body(fields, field, v)
	if field == "message_id" {
		return right
	}
	i := 0
	if fields.Command == wire.CancelSM {
		i = 1 // behind service_type
		if field == "service_type" {
			i = len(v) + 1
		}
	}
	return append(append(append([]byte{}, right[:i]...), id...), right[i+1:]...)
}

// operates: the right value, and the operation is done.
func operates(p place) {
	srv, e, id := pending(p)
	if s := ask(p.t, srv, e, p.pdu, p.operation(id, "", nil)); s != wire.StatusOK {
		p.t.Errorf("answered %s", s)
	}
}

// chooses: another message id finds nothing.
func chooses(_ wire.Command, want wire.Status) func(place) {
	return func(p place) {
		operates(p)
		srv, e, _ := pending(p)
		if s := ask(p.t, srv, e, p.pdu, p.operation("", "message_id", []byte("999"))); s != want {
			p.t.Errorf("another one was answered %s, want %s", s, want)
		}
	}
}

// choosesBy: another value of a field than the message's is refused.
func choosesBy(_ wire.Command, field string, want wire.Status) func(place) {
	return func(p place) {
		operates(p)
		srv, e, id := pending(p)
		if s := ask(p.t, srv, e, p.pdu, p.operation(id, field, []byte("4999"))); s != want {
			p.t.Errorf("another %s was answered %s, want %s", field, s, want)
		}
	}
}

// rewritten: the text and the receipt's are the new ones.
func rewritten(p place) {
	srv, e, id := pending(p)
	p.field = "sm_length"
	b := p.operation(id, "sm_length", []byte{8})
	b = append(b[:len(b)-1], "new text"...)
	if s := ask(p.t, srv, e, p.pdu, b); s != wire.StatusOK {
		p.t.Fatalf("answered %s", s)
	}
	if m := srv.Messages(smsc.Filter{})[0]; m.Text != "new text" || !m.Replaced {
		p.t.Errorf("the message is %+v", m)
	}
	if r := string(e.Receipt().ShortMessage); !strings.HasSuffix(r, "text:new text") {
		p.t.Errorf("the receipt is %q", r)
	}
}

func rescheduled(p place) {
	srv, e, id := pending(p)
	began := time.Now()
	if s := ask(p.t, srv, e, p.pdu, p.operation(id, p.field, []byte("000000000001000R"))); s != wire.StatusOK {
		p.t.Fatalf("answered %s", s)
	}
	e.Receipt()
	if d := time.Since(began); d < time.Second {
		p.t.Errorf("the receipt came after %s", d)
	}
	e.None(50 * time.Millisecond)
}

func revalidated(p place) {
	srv, e, id := pending(p)
	b := p.operation(id, "schedule_delivery_time", []byte("000000000002000R"))
	b = bytes.Replace(b, []byte("000000000002000R\x00"), []byte("000000000002000R\x00000000000002000R"), 1)
	if s := ask(p.t, srv, e, p.pdu, b); s != wire.StatusOK {
		p.t.Fatalf("answered %s", s)
	}
	if got := e.States(1); got != "EXPIRED/001" {
		p.t.Errorf("receipt %s", got)
	}
}

// reasked: registered_delivery 2 wants a receipt of a failure only.
func reasked(p place) {
	srv, e, id := pending(p)
	if s := ask(p.t, srv, e, p.pdu, p.operation(id, p.field, []byte{2})); s != wire.StatusOK {
		p.t.Fatalf("answered %s", s)
	}
	e.None(600 * time.Millisecond)
}

// TestUserMessageReference comes back in the receipts, and qos_time_to_live is the validity of a data_sm.
func TestUserMessageReference(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	m := esmetest.Message("4917", "x")
	m.TLVs = wire.TLVs{{Tag: wire.TagUserMessageReference, Value: []byte{0x12, 0x34}}}
	e.Submit(m)
	r := e.Receipt()
	if v, _ := r.TLVs.Get(wire.TagUserMessageReference); len(v) != 2 || binary.BigEndian.Uint16(v) != 0x1234 {
		t.Errorf("the receipt has %v", r.TLVs)
	}
	late := esmetest.Start(t, smsc.Config{ReceiptDelay: 5 * time.Second})
	e = esmetest.Bound(t, late, wire.BindTransceiver, "a")
	m = &wire.Message{Dest: m.Dest, RegisteredDelivery: 1, TLVs: wire.TLVs{
		{Tag: wire.TagMessagePayload, Value: []byte("x")}, {Tag: 0x0017, Value: []byte{0, 0, 0, 1}},
	}}
	if f := e.Must(wire.DataSM, m); f.Status != wire.StatusOK {
		t.Fatal(f.Status)
	}
	if got := e.States(1); got != "EXPIRED/001" {
		t.Errorf("receipt %s", got)
	}
}

// TestWhatIsSentIsAsItSays: the PDUs of the server have the fields of their rows, none longer than it says.
func TestWhatIsSentIsAsItSays(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	srv := esmetest.Start(t, smsc.Config{EnquireLink: 50 * time.Millisecond})
	for _, cmd := range []wire.Command{wire.BindTransmitter, wire.BindReceiver, wire.BindTransceiver} {
		esmetest.Bound(t, srv, cmd, "a")
	}
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	for _, p := range requests() {
		if !strings.HasPrefix(p.Name, "bind") {
			ask(t, srv, e, p, body(p, "registered_delivery", []byte{1}))
		}
	}
	if err := srv.Rules().Replace([]smsc.Rule{{Receipt: smsc.ReceiptRule{DataSM: true}}}); err != nil {
		t.Fatal(err)
	}
	e.Submit(esmetest.Message("4917", "x"))
	e.Must(wire.EnquireLink, wire.RawBody(nil))
	e.Must(0x12345, wire.RawBody(nil))
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, _ = srv.Outbind(ctx, ln.Addr().String(), "esme", "secret")
	await.That(t, "an enquire_link of ours", func() bool { return len(srv.PDUs(smsc.PDUFilter{Command: "enquire_link"})) > 1 })
	_ = e.Unbind(esmetest.Patient(t))
	other := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	go func() { _ = srv.Unbind(esmetest.Patient(t), srv.Sessions()[len(srv.Sessions())-1].ID) }()
	<-other.Ended
	seen := make(map[string]bool)
	for _, pdu := range srv.PDUs(smsc.PDUFilter{}) {
		if pdu.Out {
			seen[pdu.Command] = true
			checkSent(t, pdu)
		}
	}
	for _, p := range conform.PDUs {
		if p.Direction != conform.Received && !seen[p.Name] && p.Does != "is never sent" {
			t.Errorf("no %s was sent", p.Name)
		}
	}
}

func checkSent(t *testing.T, pdu smsc.PDU) {
	t.Helper()
	var row *conform.PDU
	for i, p := range conform.PDUs {
		if p.Name == pdu.Command {
			row = &conform.PDUs[i]
		}
	}
	if row == nil || row.Direction == conform.Received {
		t.Errorf("%s is not among what is sent", pdu.Command)
		return
	}
	fields := pdu.Fields[4:]
	if len(fields) == 0 && pdu.Status != "ESME_ROK" {
		return
	}
	for _, f := range row.Fields {
		if f.Kind == wire.Octets && len(fields) == 0 {
			return
		}
		if len(fields) == 0 || fields[0].Name != f.Name {
			t.Errorf("%s has no %s: %+v", pdu.Command, f.Name, pdu.Fields)
			return
		}
		if f.Kind == wire.CString && fields[0].Length > f.Max {
			t.Errorf("%s: %s is %d octets", pdu.Command, f.Name, fields[0].Length)
		}
		if fields = fields[1:]; f.Kind == wire.Count {
			return
		}
	}
	for _, f := range fields {
		if !f.TLV {
			t.Errorf("%s has %s, which no row has", pdu.Command, f.Name)
		}
	}
}
