package behave_test

import (
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestReceiptRules: each field of a rule's receipt, seen by the client.
func TestReceiptRules(t *testing.T) {
	tests := []struct {
		name, receipt string
		registered    byte
		want          string
	}{
		{"state", `{"state":"UNDELIV"}`, 1, "UNDELIV/001"},
		{"state and err", `{"state":"REJECTD","err":"42"}`, 1, "REJECTD/42"},
		{"any word", `{"stateText":"PURPLE","err":"x9"}`, 1, "PURPLE/x9"},
		{"none", `{"none":true}`, 1, ""},
		{"not asked for", `{"state":"UNDELIV"}`, 0, ""},
		{"always", `{"state":"UNDELIV","always":true}`, 0, "UNDELIV/001"},
		{"failures only, a failure", `{"state":"EXPIRED"}`, 2, "EXPIRED/001"},
		{"failures only, a success", `{}`, 2, ""},
		{"successes only, a failure", `{"state":"EXPIRED"}`, 3, ""},
		{"three times", `{"copies":3}`, 1, "DELIVRD/000 DELIVRD/000 DELIVRD/000"},
		{"intermediate", `{"intermediate":["ENROUTE","ACCEPTD"]}`, 1, "ENROUTE/000 ACCEPTD/000 DELIVRD/000"},
		{"intermediate, with a delay", `{"intermediate":["ENROUTE","ACCEPTD"],"delay":"90ms"}`, 1, "ENROUTE/000 ACCEPTD/000 DELIVRD/000"},
		{"out of order", `{"outOfOrder":true}`, 1, "DELIVRD/000 ENROUTE/000"},
		{"out of order, named", `{"outOfOrder":true,"state":"UNDELIV","intermediate":["ACCEPTD","ENROUTE"]}`, 1, "UNDELIV/001 ACCEPTD/000 ENROUTE/000"},
		{"twice and out of order", `{"outOfOrder":true,"copies":2}`, 1, "DELIVRD/000 DELIVRD/000 ENROUTE/000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := esmetest.WithRules(t, `{"receipt":`+tt.receipt+`}`)
			e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
			m := esmetest.Message("1", "x")
			m.RegisteredDelivery = tt.registered
			e.Submit(m)
			n := len(strings.Fields(tt.want))
			if got := e.States(n); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			e.None(40 * time.Millisecond)
		})
	}
}

func TestReceiptRuleEarly(t *testing.T) {
	srv := esmetest.WithRules(t, `{"receipt":{"early":true,"copies":2}}`)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	e.Submit(esmetest.Message("1", "x"))
	select {
	case <-e.Delivered:
	default:
		t.Fatal("the answer came before the receipt")
	}
	e.Receipt()
	e.None(20 * time.Millisecond)
}

func TestReceiptRuleOfARefusedMessage(t *testing.T) {
	srv := esmetest.WithRules(t, `{"submit":{"status":"RSUBMITFAIL"},"receipt":{"state":"REJECTD","always":true}}`)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	if f := e.Must(wire.SubmitSM, esmetest.Message("1", "x")); f.Status != wire.StatusSubmitFail {
		t.Errorf("answered %s", f.Status)
	}
	if got := e.States(1); got != "REJECTD/001" {
		t.Errorf("got %s", got)
	}
}

// TestReceiptTimes: what the API shows of a receipt: when it was made, sent, answered, by which session, and
// its text.
func TestReceiptTimes(t *testing.T) {
	srv := esmetest.WithRules(t, `{"id":"slow","receipt":{"delay":"30ms","intermediate":["ENROUTE"]}}`)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	e.Submit(esmetest.Message("1", "x"))
	e.States(2)
	var m smsc.Message
	await.That(t, "both are answered", func() bool {
		m = srv.Messages(smsc.Filter{})[0]
		return len(m.Receipts) == 2 && m.Receipts[1].Status == smsc.ReceiptAnswered
	})
	if m.Rule != "slow" {
		t.Errorf("decided by %q", m.Rule)
	}
	last := m.Receipts[1]
	if d := last.Sent.Sub(last.Made); d < 30*time.Millisecond || last.Answered.Before(last.Sent) {
		t.Errorf("made %s, sent %s, answered %s", last.Made, last.Sent, last.Answered)
	}
	if last.Session != srv.Sessions()[0].ID || !strings.Contains(last.Text, "stat:DELIVRD") {
		t.Errorf("got %+v", last)
	}
}
