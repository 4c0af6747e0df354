package server_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestTexts(t *testing.T) {
	const (
		cyrillic = "Ваш код 4711"
		emoji    = "Code 4711 👍🏽"
	)
	long := func(s string) string { return strings.Repeat(s+" ", 30) }
	tests := []struct {
		name, body string
		options    text.Options
		encoding   text.Encoding
		parts      int
	}{
		{"GSM", "Your code is 4711 {€}", text.Options{}, text.GSM7, 1},
		{"empty", "", text.Options{}, text.GSM7, 1},
		{"Cyrillic", cyrillic, text.Options{}, text.UCS2, 1},
		{"emoji", emoji, text.Options{}, text.UCS2, 1},
		{"long GSM, 8-bit reference", long("code 4711 [x]"), text.Options{Long: text.LongUDH8}, text.GSM7, 4},
		{"long GSM, 16-bit reference", long("code 4711 [x]"), text.Options{Long: text.LongUDH16}, text.GSM7, 4},
		{"long GSM, SAR", long("code 4711 [x]"), text.Options{Long: text.LongSAR}, text.GSM7, 4},
		{"long GSM, message_payload", long("code 4711 [x]"), text.Options{Long: text.LongPayload}, text.GSM7, 4},
		{"long Cyrillic", long(cyrillic), text.Options{}, text.UCS2, 6},
		{"long emoji", long(emoji), text.Options{Long: text.LongUDH16}, text.UCS2, 7},
		{"Latin-1", "Überweisung 4711 ×", text.Options{Alphabet: text.AlphabetLatin1}, text.Latin1, 1},
	}
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to := fmt.Sprint(4917000 + i)
			ms := esmetest.Messages(to, tt.body, tt.options)
			ids := make([]string, len(ms))
			for _, n := range rand.Perm(len(ms)) {
				ids[n] = e.Submit(ms[n])
			}
			got := esmetest.Wait(t, srv, to)
			if got.Text != tt.body {
				t.Errorf("text %q\nwant %q", got.Text, tt.body)
			}
			if got.Encoding != tt.encoding || got.Parts != tt.parts || got.Problem != "" || got.Incomplete {
				t.Errorf("got %s in %d parts, problem %q; want %s in %d", got.Encoding, got.Parts, got.Problem, tt.encoding, tt.parts)
			}
			if strings.Join(got.MessageIDs, " ") != strings.Join(ids, " ") {
				t.Errorf("message ids %v, answered %v", got.MessageIDs, ids)
			}
			if got.From != "Verify" || got.To != to || got.Account != "a" || got.Bind != smsc.Transceiver || got.DataCoding != ms[0].DataCoding {
				t.Errorf("got %+v", got)
			}
			if tt.body != "" && got.Code != "4711" {
				t.Errorf("code %q", got.Code)
			}
		})
	}
}

// TestPartsInterleaved: two messages to one number, and one to another, with all their parts mixed; one part
// comes twice.
func TestPartsInterleaved(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	first := esmetest.Messages("1", strings.Repeat("a", 300), text.Options{Long: text.LongUDH16})
	second := esmetest.Messages("1", strings.Repeat("b", 400), text.Options{Long: text.LongUDH16}) // three parts, not two
	third := esmetest.Messages("2", strings.Repeat("c", 300), text.Options{Long: text.LongUDH16})
	for _, m := range []*wire.Message{first[1], second[2], third[0], second[2], second[0], first[0], third[1], second[1]} {
		e.Submit(m)
	}
	var got []string
	for _, m := range srv.Messages(smsc.Filter{}) {
		got = append(got, fmt.Sprintf("%s %c%d", m.To, m.Text[0], len(m.Text)))
	}
	if want := "1 b400,2 c300,1 a300"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestReferenceUsedAgain: a sender that gave up a message uses its reference for another.
func TestReferenceUsedAgain(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	old := esmetest.Messages("1", strings.Repeat("a", 300), text.Options{})
	e.Submit(old[0])
	for _, m := range esmetest.Messages("1", strings.Repeat("b", 300), text.Options{}) {
		e.Submit(m)
	}
	ms := srv.Messages(smsc.Filter{To: "+1"})
	if len(ms) != 2 || ms[0].Incomplete || ms[0].Text != strings.Repeat("b", 300) {
		t.Fatalf("got %+v", ms)
	}
	if !ms[1].Incomplete || ms[1].Text != strings.Repeat("a", 153) || ms[1].Parts != 2 || ms[1].MessageIDs[1] != "" {
		t.Errorf("the unfinished one is %+v", ms[1])
	}
	if got := esmetest.Wait(t, srv, "1"); got.Incomplete {
		t.Error("a wait returned an incomplete message")
	}
}

func TestBrokenHeaderIsKept(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	m := esmetest.Message("1", "hello")
	m.ESMClass, m.ShortMessage = wire.ESMClassUDHI, []byte("\x40hello")
	e.Submit(m)
	if got := esmetest.Wait(t, srv, "1"); got.Problem == "" || !strings.HasSuffix(got.Text, "hello") {
		t.Errorf("got %+v", got)
	}
}

func TestDataSM(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	m := esmetest.Message("1", "code 4711")
	m.TLVs = wire.TLVs{{Tag: wire.TagMessagePayload, Value: m.ShortMessage}}
	f := e.Must(wire.DataSM, m)
	if f.Command != wire.DataSMResp || f.Status != wire.StatusOK {
		t.Fatalf("answered %s %s", f.Command, f.Status)
	}
	if got := esmetest.Wait(t, srv, "1"); got.Text != "code 4711" || got.MessageIDs[0] != wire.DecodeMessageResp(f).MessageID {
		t.Errorf("got %+v", got)
	}
	e.Receipt()
}

func TestIDsAreUnique(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{})
	seen := map[string]bool{}
	for range 2 {
		e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
		for range 50 {
			id := e.Submit(esmetest.Message("1", "x"))
			if seen[id] || strings.Trim(id, "0123456789") != "" {
				t.Fatalf("message id %q", id)
			}
			seen[id] = true
		}
	}
}

// TestKeepsTheNewest: with keep 5 of 12 messages the last five stay, newest first.
func TestKeepsTheNewest(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{Keep: 5})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	for i := range 12 {
		e.Submit(esmetest.Message(fmt.Sprint(i%2), fmt.Sprint("n", i)))
	}
	list := func(f smsc.Filter) (s string) {
		for _, m := range srv.Messages(f) {
			s += m.Text + " "
		}
		return s
	}
	tests := []struct {
		name   string
		filter smsc.Filter
		want   string
	}{
		{"all", smsc.Filter{}, "n11 n10 n9 n8 n7 "},
		{"limit", smsc.Filter{Limit: 2}, "n11 n10 "},
		{"one number", smsc.Filter{To: "+1"}, "n11 n9 n7 "},
		{"one number, limit", smsc.Filter{To: "0", Limit: 1}, "n10 "},
		{"no such number", smsc.Filter{To: "2"}, ""},
	}
	for _, tt := range tests {
		if got := list(tt.filter); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if n := srv.Clear(); n != 5 {
		t.Errorf("cleared %d", n)
	}
	e.Submit(esmetest.Message("1", "after"))
	if got := list(smsc.Filter{}); got != "after " {
		t.Errorf("after clear: %q", got)
	}
}

func TestOutcomes(t *testing.T) {
	outcomes := make(chan smsc.Outcome, 1)
	var info smsc.SubmitInfo
	srv := esmetest.Start(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		info = i
		return <-outcomes
	}})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "alice")

	outcomes <- smsc.Outcome{Status: wire.StatusThrottled}
	if f := e.Must(wire.SubmitSM, esmetest.Message("1", "refused")); f.Status != wire.StatusThrottled || len(f.Body) != 0 {
		t.Errorf("answered %s with %d octets of body", f.Status, len(f.Body))
	}
	if len(srv.Messages(smsc.Filter{})) != 0 {
		t.Error("a refused message was kept")
	}
	e.None(20 * time.Millisecond)
	if info.Account != "alice" || info.Bind != smsc.Transceiver || info.From != "Verify" || info.To != "1" ||
		info.Text != "refused" || info.Part != 1 || info.Parts != 1 || info.PDU == nil || info.Encoding != text.GSM7 {
		t.Errorf("the hook saw %+v", info)
	}

	outcomes <- smsc.Outcome{MessageID: "0A1B"}
	if id := e.Submit(esmetest.Message("1", "x")); id != "0A1B" {
		t.Errorf("message id %q", id)
	}
	if r := e.Receipt(); !strings.HasPrefix(string(r.ShortMessage), "id:0A1B ") {
		t.Errorf("receipt %q", r.ShortMessage)
	}

	outcomes <- smsc.Outcome{Delay: 50 * time.Millisecond}
	began := time.Now()
	e.Submit(esmetest.Message("1", "late"))
	if d := time.Since(began); d < 50*time.Millisecond {
		t.Errorf("answered after %s", d)
	}
	e.Receipt()

	outcomes <- smsc.Outcome{NoReceipt: true}
	e.Submit(esmetest.Message("1", "no receipt"))
	e.None(20 * time.Millisecond)

	outcomes <- smsc.Outcome{Drop: true}
	if _, err := e.Do(esmetest.Patient(t), wire.SubmitSM, esmetest.Message("9", "dropped")); !errors.Is(err, session.ErrPeerGone) && err == nil {
		t.Errorf("a dropped connection answered: %v", err)
	}
	if got := esmetest.Wait(t, srv, "9"); got.Text != "dropped" {
		t.Errorf("got %+v", got)
	}
}

func TestNoAnswer(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome { return smsc.Outcome{NoAnswer: i.Text == "silent"} }})
	conn := esmetest.RawBound(t, srv)
	defer conn.Close()
	for i, body := range []string{"silent", "x"} {
		b, err := esmetest.Message("1", body).Encode(wire.Header{Command: wire.SubmitSM, Sequence: uint32(10 + i)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := wire.ReadFrame(conn); err != nil || f.Sequence != 11 {
		t.Errorf("the first answer has number %d, %v", f.Sequence, err)
	}
	if n := len(srv.Messages(smsc.Filter{})); n != 2 {
		t.Errorf("%d messages kept, want both", n)
	}
}

// TestDelayedAnswersDoNotBlock: a later submit is answered while an earlier answer waits.
func TestDelayedAnswersDoNotBlock(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		if i.Text == "slow" {
			return smsc.Outcome{Delay: time.Minute}
		}
		return smsc.Outcome{}
	}})
	conn := esmetest.RawBound(t, srv)
	defer conn.Close()
	b, _ := esmetest.Message("1", "slow").Encode(wire.Header{Command: wire.SubmitSM, Sequence: 10})
	c, _ := esmetest.Message("1", "quick").Encode(wire.Header{Command: wire.SubmitSM, Sequence: 11})
	if _, err := conn.Write(append(b, c...)); err != nil {
		t.Fatal(err)
	}
	if f, err := wire.ReadFrame(conn); err != nil || f.Sequence != 11 {
		t.Errorf("number %d, %v", f.Sequence, err)
	}
}
