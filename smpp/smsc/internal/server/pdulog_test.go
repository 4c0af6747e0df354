package server_test

import (
	"fmt"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestPDUsByNumber: requests and responses are found by a number, a part of one, and a message id, and say
// whom they are about; what a strict server refuses is said with the field.
func TestPDUsByNumber(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	id := e.Submit(esmetest.Message("491701234567", "Your code is 4711"))
	e.Receipt()
	e.Submit(esmetest.Message("48600100200", "other"))
	e.Receipt()
	refused := e.Must(wire.SubmitSM, &wire.Message{Dest: wire.Address{TON: 1, Addr: "49abc"}, Validity: "soon"})
	list := func(f smsc.PDUFilter) (s string) {
		for _, p := range srv.PDUs(f) {
			s += fmt.Sprintf("%s %s>%s %s|", p.Command, p.From, p.To, p.MessageID)
		}
		return s
	}
	whole := fmt.Sprintf("submit_sm Verify>491701234567 %[1]s|submit_sm_resp Verify>491701234567 %[1]s|"+
		"deliver_sm 491701234567>Verify %[1]s|deliver_sm_resp 491701234567>Verify %[1]s|", id)
	for name, tt := range map[string]struct {
		f    smsc.PDUFilter
		want string
	}{
		"number":           {smsc.PDUFilter{Number: "+491701234567"}, whole},
		"part of a number": {smsc.PDUFilter{Query: "17012345"}, whole},
		"message id":       {smsc.PDUFilter{Query: id}, whole},
		"and a command":    {smsc.PDUFilter{Number: "491701234567", Command: "submit_sm"}, "submit_sm Verify>491701234567 " + id + "|"},
		"the newest one":   {smsc.PDUFilter{Number: "491701234567", Limit: 1}, "deliver_sm_resp 491701234567>Verify " + id + "|"},
		"no such number":   {smsc.PDUFilter{Number: "4917012345"}, ""},
	} {
		await.That(t, name, func() bool { return list(tt.f) == tt.want })
	}
	for _, p := range srv.PDUs(smsc.PDUFilter{Query: "49abc"}) {
		if want := "destination_addr: what is no number: letters, whatever the TON"; p.Command == "submit_sm" && p.Breach != want {
			t.Errorf("breach %q, want %q", p.Breach, want)
		}
	}
	if p := srv.PDUs(smsc.PDUFilter{Command: "submit_sm", Number: "491701234567"})[0]; p.Text != "Your code is 4711" || p.Breach != "" || refused.Status != 0x0B {
		t.Errorf("got %+v; the wrong one was answered %s", p, refused.Status)
	}
}

// TestPagesOfMessages: each page begins where the one before it ended, and the total is of all pages.
func TestPagesOfMessages(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{Keep: 25})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	for i := range 30 {
		e.Submit(esmetest.Message(fmt.Sprint("4917", i%2), fmt.Sprint(i)))
	}
	var got []string
	f := smsc.Filter{Limit: 10}
	for {
		page, err := srv.Page(f)
		if err != nil || page.Total != 25 {
			t.Fatalf("total %d, %v", page.Total, err)
		}
		if len(page.Messages) == 0 {
			break
		}
		for _, m := range page.Messages {
			got = append(got, m.Text)
			f.Before = m.ID
		}
	}
	if len(got) != 25 || got[0] != "29" || got[24] != "5" {
		t.Errorf("got %v", got)
	}
	if page, err := srv.Page(smsc.Filter{To: "49171", Limit: 3}); err != nil || page.Total != 13 || len(page.Messages) != 3 {
		t.Errorf("of one number: %d of %d, %v", len(page.Messages), page.Total, err)
	}
	if page, _ := srv.Page(smsc.Filter{Before: "1"}); page.Total != 25 || len(page.Messages) != 0 {
		t.Errorf("before all: %d of %d", len(page.Messages), page.Total)
	}
	if _, err := srv.Page(smsc.Filter{Before: "soon"}); err == nil {
		t.Error("before is no id, and taken")
	}
}
