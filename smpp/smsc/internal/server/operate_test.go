package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestQuerySM(t *testing.T) {
	srv := esmetest.WithRules(t, `{"match":{"text":"late"},"receipt":{"state":"EXPIRED","delay":"600ms"}}`)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	source := wire.Address{TON: 5, Addr: "Verify"}
	query := func(id string, from wire.Address) (wire.QueryResp, wire.Status) {
		t.Helper()
		f := e.Must(wire.QuerySM, wire.Query{MessageID: id, Source: from})
		if f.Command != wire.QuerySMResp {
			t.Fatalf("answered by %s", f.Command)
		}
		if f.Status != wire.StatusOK {
			return wire.QueryResp{}, f.Status
		}
		r, err := wire.DecodeQueryResp(f)
		if err != nil {
			t.Fatal(err)
		}
		return r, f.Status
	}
	id := e.Submit(esmetest.Message("1", "late"))
	if r, _ := query(id, source); r.State != 1 || r.FinalDate != "" || r.MessageID != id {
		t.Errorf("before: %+v", r)
	}
	e.Receipt()
	if r, _ := query(id, source); r.State != 3 || len(r.FinalDate) != 16 || r.Error == 0 {
		t.Errorf("behind: %+v", r)
	}
	if r, _ := query(e.Submit(esmetest.Message("1", "x")), wire.Address{}); r.State != 2 {
		t.Errorf("delivered at once: %+v", r)
	}
	if _, s := query("nonsense", source); s != 0x67 {
		t.Errorf("an id of nothing was answered %s", s)
	}
	if _, s := query(id, wire.Address{Addr: "Other"}); s != 0x67 {
		t.Errorf("another sender was answered %s", s)
	}
	if f := esmetest.Bound(t, srv, wire.BindTransceiver, "b").Must(wire.QuerySM, wire.Query{MessageID: id, Source: source}); f.Status != 0x67 {
		t.Errorf("another account was answered %s", f.Status)
	}
	if f := e.Must(wire.QuerySM, wire.RawBody("x")); f.Status != wire.StatusInvCmdLen {
		t.Errorf("a cut one was answered %s", f.Status)
	}
	if f := esmetest.Bound(t, srv, wire.BindReceiver, "a").Must(wire.QuerySM, wire.Query{MessageID: id}); f.Status != wire.StatusInvBindSts {
		t.Errorf("a receiver was answered %s", f.Status)
	}
}

func TestCancelSM(t *testing.T) {
	srv := esmetest.WithRules(t, `{"match":{"text":"late"},"receipt":{"delay":"800ms"}}`)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	source, dest := wire.Address{TON: 5, Addr: "Verify"}, wire.Address{TON: 1, NPI: 1, Addr: "1"}
	cancel := func(id string) wire.Status {
		t.Helper()
		return e.Must(wire.CancelSM, wire.Cancel{MessageID: id, Source: source, Dest: dest}).Status
	}
	id := e.Submit(esmetest.Message("1", "late"))
	if s := cancel(id); s != wire.StatusOK {
		t.Errorf("answered %s", s)
	}
	if s := cancel(id); s != 0x11 {
		t.Errorf("the second time: %s", s)
	}
	if got := e.States(1); got != "DELETED/001" {
		t.Errorf("receipt %s", got)
	}
	done := e.Submit(esmetest.Message("1", "x"))
	e.Receipt()
	if s := cancel(done); s != 0x11 {
		t.Errorf("a delivered one: %s", s)
	}
	if s := cancel("nonsense"); s != wire.StatusInvMsgID {
		t.Errorf("an id of nothing: %s", s)
	}
	e.Submit(esmetest.Message("1", "late"))
	e.Submit(esmetest.Message("1", "late"))
	e.Submit(esmetest.Message("2", "late"))
	if s := cancel(""); s != wire.StatusOK {
		t.Errorf("all from one to one: %s", s)
	}
	if got := e.States(3); strings.Count(got, "DELETED") != 2 || strings.Count(got, "DELIVRD") != 1 {
		t.Errorf("receipts %s", got)
	}
}

func TestReplaceSM(t *testing.T) {
	srv := esmetest.WithRules(t, `{"match":{"text":"late"},"receipt":{"delay":"10s"}}`)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	source := wire.Address{TON: 5, Addr: "Verify"}
	replace := func(id, body string) wire.Status {
		t.Helper()
		return e.Must(wire.ReplaceSM, wire.Replace{MessageID: id, Source: source, ShortMessage: []byte(body)}).Status
	}
	id := e.Submit(esmetest.Message("1", "late 1111"))
	if s := replace(id, "code 2222"); s != wire.StatusOK {
		t.Errorf("answered %s", s)
	}
	if m := esmetest.Wait(t, srv, "1"); m.Text != "code 2222" || m.Code != "2222" || !m.Replaced || m.MessageIDs[0] != id {
		t.Errorf("got %+v", m)
	}
	if m, ok := srv.Message(srv.Messages(smsc.Filter{})[0].ID); !ok || len(m.Segments) != 2 || m.Segments[1].Command != "replace_sm" || m.Segments[1].Text != "code 2222" || m.Segments[1].MessageID != id {
		t.Errorf("segments %+v", m.Segments)
	}
	done := e.Submit(esmetest.Message("1", "x"))
	if s := replace(done, "y"); s != 0x13 {
		t.Errorf("a delivered one: %s", s)
	}
	if s := replace("nonsense", "y"); s != wire.StatusInvMsgID {
		t.Errorf("an id of nothing: %s", s)
	}
}

func TestSubmitMulti(t *testing.T) {
	srv := esmetest.WithRules(t, `{"match":{"to":"48"},"submit":{"status":"RINVDSTADR"}}`, `{"match":{"to":"47"},"receipt":{"state":"UNDELIV"}}`)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	m := &wire.Multi{Message: *esmetest.Message("", "code 4711")}
	for _, n := range []string{"491", "481", "471"} {
		m.Dests = append(m.Dests, wire.Address{TON: 1, NPI: 1, Addr: n})
	}
	f := e.Must(wire.SubmitMulti, m)
	r, err := wire.DecodeMultiResp(f)
	if err != nil || f.Status != wire.StatusOK || r.MessageID == "" || len(r.Refused) != 1 || r.Refused[0].Dest.Addr != "481" ||
		r.Refused[0].Status != wire.StatusInvDstAdr {
		t.Fatalf("answered %s %+v, %v", f.Status, r, err)
	}
	got, stat := map[string]bool{}, regexp.MustCompile(`stat:\w+ err:\w+`)
	for range 2 {
		d := e.Receipt()
		if !strings.HasPrefix(string(d.ShortMessage), "id:"+r.MessageID+" ") {
			t.Errorf("receipt %q", d.ShortMessage)
		}
		got[d.Source.Addr+" "+stat.FindString(string(d.ShortMessage))] = true
	}
	if !got["491 stat:DELIVRD err:000"] || !got["471 stat:UNDELIV err:001"] {
		t.Errorf("receipts %v", got)
	}
	for _, n := range []string{"491", "471"} {
		if w := esmetest.Wait(t, srv, n); w.Code != "4711" {
			t.Errorf("%s got %+v", n, w)
		}
	}
	if len(srv.Messages(smsc.Filter{To: "481"})) != 0 {
		t.Error("the refused one was kept")
	}
	for name, tt := range map[string]struct {
		pdu  session.PDU
		want wire.Status
	}{
		"nobody":    {&wire.Multi{Message: m.Message}, 0x33},
		"a list":    {&wire.Multi{Message: m.Message, Lists: []string{"all"}}, 0x34},
		"cut":       {wire.RawBody("\x00\x00\x00a\x00\x05"), wire.StatusInvCmdLen},
		"all wrong": {&wire.Multi{Message: m.Message, Dests: m.Dests[1:2]}, wire.StatusInvDstAdr},
	} {
		if f := e.Must(wire.SubmitMulti, tt.pdu); f.Status != tt.want {
			t.Errorf("%s: answered %s, want %s", name, f.Status, tt.want)
		}
	}
}

func TestTLS(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{TLSAddr: "127.0.0.1:0"})
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(srv.TLSCertificate()) {
		t.Fatalf("certificate %q", srv.TLSCertificate())
	}
	conn, err := tls.Dial("tcp", srv.TLSAddr(), &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	e := esmetest.Over(t, conn)
	if _, err := e.Bind(esmetest.Patient(t), wire.BindTransceiver, wire.Bind{SystemID: "a"}); err != nil {
		t.Fatal(err)
	}
	e.Submit(esmetest.Message("1", "over TLS"))
	e.Receipt()
	if s := srv.Sessions(); len(s) != 1 || !s[0].TLS {
		t.Errorf("sessions %+v", s)
	}
	esmetest.Bound(t, srv, wire.BindTransceiver, "a").Submit(esmetest.Message("1", "and without"))
	if _, err := tls.Dial("tcp", srv.TLSAddr(), &tls.Config{RootCAs: x509.NewCertPool()}); err == nil {
		t.Error("a client that does not trust it was connected")
	}
}

// TestOutbind: the SMSC connects, says who it is, and the ESME binds over that connection.
func TestOutbind(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	tx := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	got := make(chan *esmetest.Client, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		f, err := wire.ReadFrame(conn)
		o, bad := wire.DecodeOutbind(f)
		if err != nil || bad != nil || f.Command != wire.Outbind || o.SystemID != "smsc" || o.Password != "pw" {
			t.Errorf("got %+v %+v, %v, %v", f, o, err, bad)
		}
		e := esmetest.Over(t, conn)
		if _, err := e.Bind(esmetest.Patient(t), wire.BindReceiver, wire.Bind{SystemID: "a"}); err != nil {
			t.Error(err)
		}
		got <- e
	}()
	info, err := srv.Outbind(esmetest.Patient(t), ln.Addr().String(), "smsc", "pw")
	if err != nil || info.Account != "a" || info.Bind != smsc.Receiver {
		t.Fatalf("%+v, %v", info, err)
	}
	e := <-got
	tx.Submit(esmetest.Message("1", "x"))
	e.Receipt()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := srv.Outbind(ctx, ln.Addr().String(), "smsc", "pw"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("to somebody who does not bind: %v", err)
	}
}

func TestInjectMO(t *testing.T) {
	long := strings.Repeat("Отговор 4711 ", 20)
	tests := []struct {
		name  string
		mo    smsc.MO
		parts int
		cmd   wire.Command
	}{
		{"short", smsc.MO{From: "+491701234567", To: "12345", Text: "STOP"}, 1, wire.DeliverSM},
		{"long", smsc.MO{From: "491701234567", To: "12345", Text: long}, 4, wire.DeliverSM},
		{"long by SAR", smsc.MO{From: "491701234567", To: "12345", Text: long, Long: text.LongSAR}, 4, wire.DeliverSM},
		{"long by payload", smsc.MO{From: "491701234567", To: "12345", Text: long, Long: text.LongPayload}, 1, wire.DeliverSM},
		{"data_sm", smsc.MO{From: "491701234567", To: "12345", Text: "Да", DataSM: true}, 1, wire.DataSM},
		{"by name", smsc.MO{Account: "a", From: "Bank", To: "491701234567", Text: "hi"}, 1, wire.DeliverSM},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := esmetest.Start(t, smsc.Config{})
			e := esmetest.Bound(t, srv, wire.BindReceiver, "a")
			res, err := srv.InjectMO(esmetest.Patient(t), tt.mo)
			if err != nil || res.Status != smsc.ReceiptAnswered || res.Parts != tt.parts || res.Account != "a" {
				t.Fatalf("%+v, %v", res, err)
			}
			var parts []text.Part
			for range tt.parts {
				m := e.Receipt()
				if m.ESMClass&wire.ESMClassTypeMask != 0 || m.Source.Addr != strings.TrimLeft(tt.mo.From, "+") || m.Dest.Addr != tt.mo.To {
					t.Errorf("got %+v", m)
				}
				p, err := text.ParsePart(m.ESMClass, m.DataCoding, m.ShortMessage, m.TLVs)
				if err != nil {
					t.Fatal(err)
				}
				parts = append(parts, p)
			}
			if got, err := text.Join(parts, ""); err != nil || got != tt.mo.Text {
				t.Errorf("got %q, %v", got, err)
			}
			if e.Command() != tt.cmd {
				t.Errorf("came by command 0x%X", uint32(e.Command()))
			}
			if n := len(srv.Messages(smsc.Filter{})); n != 0 {
				t.Errorf("%d messages without MO", n)
			}
			m, ok := srv.Message(res.ID)
			if !ok || m.Direction != smsc.MobileOriginated || m.Text != tt.mo.Text || len(m.Segments) != tt.parts || len(m.Receipts) != tt.parts {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestInjectMOWithoutReceiver(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	if _, err := srv.InjectMO(esmetest.Patient(t), smsc.MO{From: "491", To: "1", Text: "x"}); !errors.Is(err, smsc.ErrNoReceiver) {
		t.Errorf("for nobody: %v", err)
	}
	tx := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	res, err := srv.InjectMO(esmetest.Patient(t), smsc.MO{From: "491", To: "1", Text: "held"})
	if err != nil || res.Status != smsc.ReceiptQueued {
		t.Errorf("%+v, %v", res, err)
	}
	tx.None(20 * time.Millisecond)
	if m := esmetest.Bound(t, srv, wire.BindReceiver, "a").Receipt(); string(m.ShortMessage) != "held" {
		t.Errorf("got %q", m.ShortMessage)
	}
	for field, mo := range map[string]smsc.MO{
		"from": {To: "1"}, "to": {From: "1"}, "account": {Account: "nobody", From: "1", To: "1"},
		"long": {From: "1", To: "1", Text: strings.Repeat("x", 200), Long: "maybe"}, "text": {From: "1", To: "1", Text: "\xff"},
	} {
		_, err := srv.InjectMO(esmetest.Patient(t), mo)
		var f *smsc.FieldError
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("%+v: %v, want the field %s", mo, err, field)
		}
	}
}

func TestInjectMORefused(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindReceiver, "a")
	e.Answers(0, wire.StatusPermAppErr)
	res, err := srv.InjectMO(esmetest.Patient(t), smsc.MO{From: "491", To: "1", Text: "x"})
	if err != nil || res.Status != smsc.ReceiptFailed || !strings.Contains(res.Answer, "RX_P_APPN") {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestSessions(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	open := esmetest.Connect(t, srv)
	await.That(t, "the connection is there", func() bool { return len(srv.Sessions()) == 1 })
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	e.Submit(esmetest.Message("491", "x"))
	e.Receipt()
	await.That(t, "the receipt is counted", func() bool { return srv.Sessions()[1].Delivered == 1 })
	s := srv.Sessions()
	if len(s) != 2 || s[0].State != "open" || s[0].Account != "" || s[1].State != "bound" || s[1].Account != "a" ||
		s[1].Bind != smsc.Transceiver || s[1].Submits != 1 || s[1].Remote != e.Session.RemoteAddr().String() && s[1].Remote == "" {
		t.Errorf("sessions %+v", s)
	}
	if err := srv.Unbind(esmetest.Patient(t), s[1].ID); err != nil {
		t.Errorf("unbind: %v", err)
	}
	<-e.Ended
	if err := e.Err(); !errors.Is(err, session.ErrUnbound) {
		t.Errorf("it ended with %v", err)
	}
	if err := srv.CloseSession(s[0].ID); err != nil {
		t.Error(err)
	}
	<-open.Ended
	await.That(t, "none is there", func() bool { return len(srv.Sessions()) == 0 })
	if err := srv.CloseSession(s[0].ID); !errors.Is(err, smsc.ErrNoSession) {
		t.Errorf("close: %v", err)
	}
	if err := srv.Unbind(esmetest.Patient(t), "x"); !errors.Is(err, smsc.ErrNoSession) {
		t.Errorf("unbind: %v", err)
	}
}
