package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

const inASecond = "000000000001000R"

// TestScheduledMessages: until their time they can be queried, cancelled and replaced, and nobody sees them.
func TestScheduledMessages(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	source := wire.Address{TON: 5, Addr: "Verify"}
	scheduled := func(to, body string, o text.Options) (ids []string) {
		t.Helper()
		for _, m := range esmetest.Messages(to, body, o) {
			m.ScheduleDelivery = inASecond
			ids = append(ids, e.Submit(m))
		}
		return ids
	}
	long := strings.TrimSpace(strings.Repeat("long text 4711 ", 20))
	parts := scheduled("491701000001", long, text.Options{})
	cancelled := scheduled("491701000002", "never", text.Options{})[0]
	replaced := scheduled("491701000003", "old text", text.Options{})[0]
	plain := scheduled("491701000004", "code 4712", text.Options{})[0]

	if n := len(srv.Messages(smsc.Filter{})); n != 0 {
		t.Errorf("%d are there before their time", n)
	}
	query := e.Must(wire.QuerySM, wire.Query{MessageID: plain, Source: source})
	if r, err := wire.DecodeQueryResp(query); err != nil || r.State != 1 || r.FinalDate != "" {
		t.Errorf("before its time it is %+v, %v", r, err)
	}
	dest := wire.Address{TON: 1, NPI: 1, Addr: "491701000002"}
	if f := e.Must(wire.CancelSM, wire.Cancel{MessageID: cancelled, Source: source, Dest: dest}); f.Status != wire.StatusOK {
		t.Errorf("cancel: %s", f.Status)
	}
	if f := e.Must(wire.ReplaceSM, wire.Replace{MessageID: replaced, Source: source, ShortMessage: []byte("new text")}); f.Status != wire.StatusOK {
		t.Errorf("replace: %s", f.Status)
	}
	if f := e.Must(wire.ReplaceSM, wire.Replace{MessageID: parts[0], Source: source, ShortMessage: []byte("x")}); f.Status != 0x13 {
		t.Errorf("replace of a part: %s", f.Status)
	}
	for to, want := range map[string]string{"491701000001": long, "491701000003": "new text", "491701000004": "code 4712"} {
		if m := esmetest.Wait(t, srv, to); m.Text != want || m.Incomplete {
			t.Errorf("%s: %q, want %q", to, m.Text, want)
		}
	}
	states := map[string]int{}
	for range len(parts) + 3 {
		states[e.States(1)]++
	}
	if states["DELETED/001"] != 1 || states["DELIVRD/000"] != len(parts)+2 {
		t.Errorf("receipts %v", states)
	}
	if n := len(srv.Messages(smsc.Filter{To: "491701000002"})); n != 0 {
		t.Error("a message that was cancelled came")
	}
}

// TestResetForgetsTheScheduled: what was scheduled before a Clear or Reset does not come into the next test.
func TestResetForgetsTheScheduled(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	m := esmetest.Message("491701000001", "of the test before")
	m.ScheduleDelivery = inASecond
	e.Submit(m)
	srv.Reset()
	e.Receipt() // the receipts go on, and say that its time has come
	after := esmetest.Message("491701000001", "of this test")
	after.ScheduleDelivery = "000000000000000R"
	e.Submit(after)
	if got := esmetest.Wait(t, srv, "491701000001"); got.Text != "of this test" {
		t.Errorf("got %q", got.Text)
	}
	if n := len(srv.Messages(smsc.Filter{})); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// TestWhatARuleSaysOfAScheduledMessage: its delays begin at the time that the delivery is scheduled for.
func TestWhatARuleSaysOfAScheduledMessage(t *testing.T) {
	srv := esmetest.WithRules(t, `{"receipt":{"state":"UNDELIV","err":"027","delay":"300ms","intermediate":["ENROUTE"]}}`)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	m := esmetest.Message("491701000001", "x")
	m.ScheduleDelivery = inASecond
	began := time.Now()
	e.Submit(m)
	if got := e.States(2); got != "ENROUTE/000 UNDELIV/027" {
		t.Errorf("receipts %s", got)
	}
	if d := time.Since(began); d < 1300*time.Millisecond {
		t.Errorf("the last came after %s", d)
	}
}
