package server_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestReceiptForm(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	id := e.Submit(esmetest.Message("491701234567", "Your code is 4711, valid for five minutes"))
	r := e.Receipt()
	form := regexp.MustCompile(`^id:` + id + ` sub:001 dlvrd:001 submit date:\d{10} done date:\d{10} stat:DELIVRD err:000 text:Your code is 4711, v$`)
	if !form.Match(r.ShortMessage) {
		t.Errorf("receipt %q", r.ShortMessage)
	}
	if r.ESMClass != wire.ESMClassReceipt || r.DataCoding != 0 {
		t.Errorf("esm_class 0x%02X, data_coding %d", r.ESMClass, r.DataCoding)
	}
	if want := (wire.Address{TON: 1, NPI: 1, Addr: "491701234567"}); r.Source != want {
		t.Errorf("source %+v", r.Source)
	}
	if want := (wire.Address{TON: 5, Addr: "Verify"}); r.Dest != want {
		t.Errorf("destination %+v", r.Dest)
	}
	if v, _ := r.TLVs.Get(wire.TagReceiptedMessageID); string(v) != id+"\x00" {
		t.Errorf("receipted_message_id %q", v)
	}
	if v, _ := r.TLVs.Get(wire.TagMessageState); string(v) != "\x02" {
		t.Errorf("message_state %v", v)
	}
	await.That(t, "the receipt is shown as answered", func() bool {
		rs := srv.Messages(smsc.Filter{})[0].Receipts
		return len(rs) == 1 && rs[0].Status == smsc.ReceiptAnswered && rs[0].State == smsc.Delivered && rs[0].MessageID == id && rs[0].Attempts == 1
	})
}

func TestReceiptTextIsASCII(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	e.Submit(esmetest.Message("1", "Код_4711 @ {x}"))
	if r := e.Receipt(); !strings.HasSuffix(string(r.ShortMessage), " text:????4711 ? ?x?") {
		t.Errorf("receipt %q", r.ShortMessage)
	}
}

func TestReceiptOnlyWhenAsked(t *testing.T) {
	tests := []struct {
		registered byte
		outcome    smsc.Outcome
		want       string
	}{
		{registered: 0},
		{registered: 1, want: "DELIVRD"},
		{registered: 2}, // failures only
		{registered: 3, want: "DELIVRD"},
		{registered: 0x11, want: "DELIVRD"},
		{registered: 0x0C}, // acknowledgements of the handset's user
		{registered: 1, outcome: smsc.Outcome{NoReceipt: true}},
		{registered: 0, outcome: smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Rejected}}}, want: "REJECTD"},
		{registered: 1, outcome: smsc.Outcome{Status: wire.StatusSubmitFail}},
		{registered: 1, outcome: smsc.Outcome{Status: wire.StatusSubmitFail, Receipts: []smsc.Receipt{{}}}, want: "DELIVRD"},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i, " registered_delivery ", tt.registered), func(t *testing.T) {
			t.Parallel()
			srv := esmetest.Start(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome { return tt.outcome }})
			e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
			m := esmetest.Message("1", "x")
			m.RegisteredDelivery = tt.registered
			e.Must(wire.SubmitSM, m)
			if tt.want == "" {
				e.None(50 * time.Millisecond)
				return
			}
			if r := e.Receipt(); !strings.Contains(string(r.ShortMessage), " stat:"+tt.want+" ") {
				t.Errorf("receipt %q", r.ShortMessage)
			}
		})
	}
}

func TestReceiptForEachPart(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	want := map[string]bool{}
	for _, m := range esmetest.Messages("1", strings.Repeat("x", 400), text.Options{}) {
		want[e.Submit(m)] = true
	}
	for range 3 {
		v, _ := e.Receipt().TLVs.Get(wire.TagReceiptedMessageID)
		id := strings.TrimRight(string(v), "\x00")
		if !want[id] {
			t.Errorf("receipt for %q", id)
		}
		delete(want, id)
	}
	if n := len(srv.Messages(smsc.Filter{})[0].Receipts); n != 3 {
		t.Errorf("the message shows %d receipts", n)
	}
}

func TestReceiptDelay(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{ReceiptDelay: 80 * time.Millisecond})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	began := time.Now()
	e.Submit(esmetest.Message("1", "x"))
	e.Receipt()
	if d := time.Since(began); d < 80*time.Millisecond {
		t.Errorf("came after %s", d)
	}
}

func TestReceiptOnAnotherBind(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	tx := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	stranger := esmetest.Bound(t, srv, wire.BindReceiver, "b")
	rx := esmetest.Bound(t, srv, wire.BindReceiver, "a")
	for range 20 {
		tx.Submit(esmetest.Message("1", "x"))
	}
	for range 20 {
		rx.Receipt()
	}
	tx.None(10 * time.Millisecond)
	stranger.None(10 * time.Millisecond)
}

func TestReceiptsAreHeld(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	tx := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	id := tx.Submit(esmetest.Message("1", "x"))
	await.That(t, "queued", func() bool {
		return srv.Messages(smsc.Filter{})[0].Receipts[0].Status == smsc.ReceiptQueued
	})
	if err := tx.Unbind(esmetest.Patient(t)); err != nil {
		t.Fatal(err)
	}
	rx := esmetest.Bound(t, srv, wire.BindReceiver, "a")
	if r := rx.Receipt(); !strings.HasPrefix(string(r.ShortMessage), "id:"+id+" ") {
		t.Errorf("receipt %q", r.ShortMessage)
	}
}

func TestReceiptIsSentAgain(t *testing.T) {
	tests := []struct {
		name     string
		statuses []wire.Status
		silent   int
		sent     int
		want     smsc.ReceiptStatus
	}{
		{"RX_T_APPN twice", []wire.Status{wire.StatusTempAppErr, wire.StatusTempAppErr}, 0, 3, smsc.ReceiptAnswered},
		{"no answer", nil, 1, 2, smsc.ReceiptAnswered},
		{"queue full", []wire.Status{wire.StatusMsgQFul}, 0, 2, smsc.ReceiptAnswered},
		{"permanent", []wire.Status{wire.StatusPermAppErr}, 0, 1, smsc.ReceiptFailed},
		{"never taken", []wire.Status{0x64, 0x64, 0x64, 0x64, 0x64, 0x64}, 0, 5, smsc.ReceiptFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := esmetest.Start(t, smsc.Config{ReceiptRetry: 5 * time.Millisecond, ResponseTimeout: 100 * time.Millisecond})
			e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
			e.Answers(tt.silent, tt.statuses...)
			e.Submit(esmetest.Message("1", "x"))
			first := string(e.Receipt().ShortMessage)
			for range tt.sent - 1 {
				if again := string(e.Receipt().ShortMessage); again[:20] != first[:20] {
					t.Errorf("sent %q, then %q", first, again)
				}
			}
			var r smsc.ReceiptInfo
			await.That(t, string(tt.want), func() bool {
				r = srv.Messages(smsc.Filter{})[0].Receipts[0]
				return r.Status == tt.want
			})
			if r.Attempts != tt.sent {
				t.Errorf("%d attempts, want %d", r.Attempts, tt.sent)
			}
			e.None(30 * time.Millisecond)
		})
	}
}

// TestReceiptTries: an SMSC that is set to try for long keeps a receipt over an outage of its peer, asking at
// first soon and then ever less, but at least each half minute.
func TestReceiptTries(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{ReceiptRetry: time.Millisecond, ReceiptTries: 8, ResponseTimeout: 100 * time.Millisecond})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	e.Answers(0, 0x64, 0x08, 0x64, 0x58, 0x64, 0x64)
	e.Submit(esmetest.Message("1", "x"))
	for range 7 {
		e.Receipt()
	}
	await.That(t, "answered", func() bool {
		r := srv.Messages(smsc.Filter{})[0].Receipts[0]
		return r.Status == smsc.ReceiptAnswered && r.Attempts == 7
	})
}

// TestReceiptSurvivesItsBind: a receipt on its way while the bind ends goes out on the next one.
func TestReceiptSurvivesItsBind(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	first := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	first.Answers(1)
	first.Submit(esmetest.Message("1", "x"))
	sent := first.Receipt()
	first.Close(smsc.ErrClosed)
	second := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	if again := second.Receipt(); string(again.ShortMessage[:20]) != string(sent.ShortMessage[:20]) {
		t.Errorf("sent %q, then %q", sent.ShortMessage, again.ShortMessage)
	}
}

func TestReceiptsOfAnOutcome(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		return smsc.Outcome{Receipts: []smsc.Receipt{
			{State: smsc.Enroute}, // those of one time keep their order
			{State: smsc.Undeliverable, Err: "069"},
			{State: smsc.Undeliverable, Err: "069", Delay: 20 * time.Millisecond},
			{StateText: "BUFFRED", Delay: 20 * time.Millisecond},
		}}
	}})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	e.Submit(esmetest.Message("1", "x"))
	for _, want := range []struct {
		text  string
		state string
	}{
		{"dlvrd:000 .* stat:ENROUTE err:000 ", "\x01"},
		{" stat:UNDELIV err:069 ", "\x05"},
		{" stat:UNDELIV err:069 ", "\x05"},
		{" stat:BUFFRED err:001 ", ""},
	} {
		r := e.Receipt()
		if !regexp.MustCompile(want.text).Match(r.ShortMessage) {
			t.Errorf("receipt %q, want %q", r.ShortMessage, want.text)
		}
		if v, _ := r.TLVs.Get(wire.TagMessageState); string(v) != want.state {
			t.Errorf("message_state %v", v)
		}
	}
}

// TestEarlyReceipt: the receipt is on the wire before the answer.
func TestEarlyReceipt(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		return smsc.Outcome{Receipts: []smsc.Receipt{{Early: true}, {State: smsc.Deleted}}}
	}})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	for range 20 {
		e.Submit(esmetest.Message("1", "x"))
		select {
		case r := <-e.Delivered:
			if !strings.Contains(string(r.ShortMessage), "DELIVRD") {
				t.Errorf("receipt %q", r.ShortMessage)
			}
		default:
			t.Fatal("the answer came before the receipt")
		}
		if r := e.Receipt(); !strings.Contains(string(r.ShortMessage), "DELETED") {
			t.Errorf("receipt %q", r.ShortMessage)
		}
	}
}

// TestEarlyReceiptNotAnswered: a client that answers the receipt only behind its submit_sm gets that answer
// all the same.
func TestEarlyReceiptNotAnswered(t *testing.T) {
	t.Parallel()
	srv := esmetest.Start(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		return smsc.Outcome{Receipts: []smsc.Receipt{{Early: true}}}
	}})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	e.Answers(1)
	began := time.Now()
	e.Submit(esmetest.Message("1", "x"))
	if d := time.Since(began); d < 900*time.Millisecond || d > 3*time.Second {
		t.Errorf("answered after %s, want about a second", d)
	}
}

// TestEarlyReceiptWithoutReceiver: nobody can take the receipt, so the answer does not wait for it.
func TestEarlyReceiptWithoutReceiver(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		return smsc.Outcome{Receipts: []smsc.Receipt{{Early: true}}}
	}})
	tx := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	began := time.Now()
	tx.Submit(esmetest.Message("1", "x"))
	if d := time.Since(began); d > 500*time.Millisecond {
		t.Errorf("answered after %s", d)
	}
	esmetest.Bound(t, srv, wire.BindReceiver, "a").Receipt()
}

// TestDelayedAnswerOfAnEndedBind: the message was taken, so its receipt comes although the answer could not
// be sent.
func TestDelayedAnswerOfAnEndedBind(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		return smsc.Outcome{Delay: 50 * time.Millisecond}
	}})
	conn := esmetest.RawBound(t, srv)
	b, _ := esmetest.Message("1", "x").Encode(wire.Header{Command: wire.SubmitSM, Sequence: 10})
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	esmetest.Wait(t, srv, "1")
	conn.Close()
	esmetest.Bound(t, srv, wire.BindReceiver, "raw").Receipt()
}

// TestReceiptThatCannotBeEncoded is given up, and stops nothing.
func TestReceiptThatCannotBeEncoded(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		if i.Text == "long" {
			return smsc.Outcome{MessageID: strings.Repeat("9", 300)}
		}
		return smsc.Outcome{}
	}})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	e.Submit(esmetest.Message("1", "long"))
	e.Submit(esmetest.Message("2", "x"))
	e.Receipt()
	await.That(t, "the receipt failed", func() bool {
		return srv.Messages(smsc.Filter{To: "1"})[0].Receipts[0].Status == smsc.ReceiptFailed
	})
}
