package behave_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// rule reads a rule as a configuration has it. TestRuleMatch: which messages a rule is for, over a real
// connection. The rule refuses, so the answer shows it.
func TestRuleMatch(t *testing.T) {
	tests := []struct {
		match string
		yes   []string // to from text
		no    []string
	}{
		{`{}`, []string{"491701 Verify x"}, nil},
		{`{"to":"4917"}`, []string{"4917 Verify x", "+491701 Verify x"}, []string{"4916 Verify x", "14917 Verify x"}},
		{`{"to":"+4917"}`, []string{"4917 Verify x"}, []string{"4916 Verify x"}},
		{`{"toPattern":"^49.*7$"}`, []string{"4917 Verify x", "+4917 Verify x"}, []string{"4918 Verify x"}},
		{`{"from":"Verify"}`, []string{"1 Verify x"}, []string{"1 Verify2 x", "1 verify x"}},
		{`{"fromPattern":"(?i)^ver"}`, []string{"1 verify x", "1 Verona x"}, []string{"1 Bank x"}},
		{`{"account":"alice"}`, []string{"1 Verify x"}, nil},
		{`{"account":"bob"}`, nil, []string{"1 Verify x"}},
		{`{"text":"code"}`, []string{"1 Verify your-code-1"}, []string{"1 Verify Code"}},
		{`{"textPattern":"[0-9]{4}"}`, []string{"1 Verify a1234b"}, []string{"1 Verify 123"}},
		{`{"command":"submit_sm"}`, []string{"1 Verify x"}, nil},
		{`{"command":"data_sm"}`, nil, []string{"1 Verify x"}},
		{`{"to":"49","text":"code"}`, []string{"491 V code"}, []string{"491 V x", "481 V code"}},
	}
	for _, tt := range tests {
		t.Run(tt.match, func(t *testing.T) {
			srv := esmetest.WithRules(t, `{"match":`+tt.match+`,"submit":{"status":"RSUBMITFAIL"}}`)
			e := esmetest.Bound(t, srv, wire.BindTransmitter, "alice")
			for want, list := range map[wire.Status][]string{wire.StatusSubmitFail: tt.yes, wire.StatusOK: tt.no} {
				for _, line := range list {
					f := strings.Fields(line)
					m := esmetest.Message(f[0], f[2])
					m.Source.Addr = f[1]
					if got := e.Must(wire.SubmitSM, m); got.Status != want {
						t.Errorf("%q was answered %s, want %s", line, got.Status, want)
					}
				}
			}
		})
	}
}

// TestRuleOrder: the first that matches wins, one that holds no longer or not for this one leaves it to the
// next.
func TestRuleOrder(t *testing.T) {
	srv := esmetest.WithRules(t,
		`{"id":"two","match":{"to":"49"},"count":2,"submit":{"status":"RTHROTTLED"}}`,
		`{"id":"again","match":{"to":"49"},"count":1,"perMessage":true,"submit":{"status":"RMSGQFUL"}}`,
		`{"id":"never","match":{"to":"49"},"share":0,"submit":{"status":"RSYSERR"}}`,
		`{"id":"always","match":{"to":"48"},"share":1,"submit":{"status":"RSYSERR"}}`,
	)
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	ask := func(to, text string) wire.Status { return e.Must(wire.SubmitSM, esmetest.Message(to, text)).Status }
	const throttled, full, ok = wire.StatusThrottled, wire.StatusMsgQFul, wire.StatusOK
	for i, tt := range []struct {
		to, text string
		want     wire.Status
	}{
		{"491", "a", throttled}, {"492", "b", throttled},
		{"491", "a", full}, {"491", "b", full}, {"491", "a", ok}, {"491", "b", ok}, {"491", "a", full}, {"491", "a", ok},
		{"481", "a", wire.StatusSysErr}, {"471", "a", ok},
	} {
		if got := ask(tt.to, tt.text); got != tt.want {
			t.Errorf("%d: %s %s was answered %s, want %s", i, tt.to, tt.text, got, tt.want)
		}
	}
	hits := map[string]uint64{}
	for _, r := range srv.Rules().List() {
		hits[r.ID] = r.Hits
	}
	if got := fmt.Sprint(hits); got != "map[again:3 always:1 never:0 two:2]" {
		t.Errorf("hits %s", got)
	}
}

func TestRulesChangeWhileItRuns(t *testing.T) {
	srv := esmetest.WithRules(t, `{"id":"base","submit":{"status":"RSYSERR"}}`)
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	rs := srv.Rules()
	want := func(s wire.Status) {
		t.Helper()
		if got := e.Must(wire.SubmitSM, esmetest.Message("1", "x")).Status; got != s {
			t.Errorf("answered %s, want %s", got, s)
		}
	}
	want(wire.StatusSysErr)
	added, err := rs.Add(smsc.Rule{Submit: smsc.SubmitRule{Status: smsc.Refuse(wire.StatusThrottled)}})
	if err != nil || added.ID == "" {
		t.Fatalf("added %+v, %v", added, err)
	}
	want(wire.StatusThrottled)
	if _, err := rs.Append(smsc.Rule{ID: "last"}); err != nil {
		t.Fatal(err)
	}
	added.Submit.Status = smsc.Refuse(wire.StatusMsgQFul)
	if _, err := rs.Add(added); err != nil { // in its place
		t.Fatal(err)
	}
	want(wire.StatusMsgQFul)
	if got, ok := rs.Get(added.ID); !ok || got.Hits != 1 {
		t.Errorf("got %+v, %v", got, ok)
	}
	if !rs.Delete(added.ID) || rs.Delete(added.ID) {
		t.Error("delete")
	}
	want(wire.StatusSysErr)
	if err := rs.Replace([]smsc.Rule{{ID: "x"}, {ID: "x"}}); err == nil || !strings.Contains(err.Error(), "rules[1].id") {
		t.Errorf("the same id twice: %v", err)
	}
	want(wire.StatusSysErr)
	if err := rs.Replace(nil); err != nil {
		t.Fatal(err)
	}
	want(wire.StatusOK)
	srv.Reset()
	want(wire.StatusSysErr)
}

// TestRuleFaultsNameTheField: what is wrong with a rule, by the field's path.
func TestRuleFaultsNameTheField(t *testing.T) {
	long := strings.Repeat("a", 201)
	tests := []struct{ js, field string }{
		{`{"count":-1}`, "count"},
		{`{"perMessage":true}`, "count"},
		{`{"share":1.5}`, "share"},
		{`{"share":-0.1}`, "share"},
		{`{"id":"a b"}`, "id"},
		{`{"nonsense":1}`, "nonsense"},
		{`{"match":{"nonsense":1}}`, "match.nonsense"},
		{`{"match":{"to":5}}`, "match.to"},
		{`{"count":1,"count":2}`, "count"},
		{`{"match":{"to":"49","To":"46"}}`, "match.To"},
		{`{"submit":{"status":"RTHROTTLED"},"submit":{}}`, "submit"},
		{`{"submit":{"delay":{"kind":"fixed","kind":"uniform"}}}`, "submit.delay.kind"},
		{`{"match":{"toPattern":"("}}`, "match.toPattern"},
		{`{"match":{"fromPattern":"["}}`, "match.fromPattern"},
		{`{"match":{"textPattern":"` + long + `"}}`, "match.textPattern"},
		{`{"match":{"command":"query_sm"}}`, "match.command"},
		{`{"submit":{"status":"NONSENSE"}}`, "submit.status"},
		{`{"submit":{"delay":"soon"}}`, "submit.delay"},
		{`{"submit":{"delay":{"kind":"uniform","min":"x","max":"1s"}}}`, "submit.delay.min"},
		{`{"submit":{"delay":"1s","faultFor":5}}`, "submit.faultFor"},
		{`{"receipt":{"delay":{"sort":"fixed"}}}`, "receipt.delay.sort"},
		{`{"receipt":{"state":"UNDELIVERED"}}`, "receipt.state"},
		{`{"receipt":{"intermediate":["BUFFERED"]}}`, "receipt.intermediate[0]"},
		{`{"receipt":{"stateText":"` + long + `"}}`, "receipt.stateText"},
		{`{"receipt":{"state":"UNDELIV","stateText":"x"}}`, "receipt.stateText"},
		{`{"submit":{"delay":{"kind":"uniform","min":"2s","max":"1s"}}}`, "submit.delay.min"},
		{`{"submit":{"delay":{"kind":"uniform"}}}`, "submit.delay.max"},
		{`{"submit":{"delay":{"kind":"normal"}}}`, "submit.delay.mean"},
		{`{"submit":{"delay":{"kind":"weird"}}}`, "submit.delay.kind"},
		{`{"submit":{"delay":"-1s"}}`, "submit.delay.value"},
		{`{"submit":{"delay":"48h"}}`, "submit.delay.value"},
		{`{"submit":{"close":"maybe"}}`, "submit.close"},
		{`{"submit":{"malformed":"maybe"}}`, "submit.malformed"},
		{`{"submit":{"fault":"maybe"}}`, "submit.fault"},
		{`{"submit":{"idFormat":"maybe"}}`, "submit.idFormat"},
		{`{"submit":{"messageId":"` + long + `"}}`, "submit.messageId"},
		{`{"submit":{"noAnswer":true,"fault":"reset"}}`, "submit"},
		{`{"receipt":{"copies":101}}`, "receipt.copies"},
		{`{"receipt":{"format":"maybe"}}`, "receipt.format"},
		{`{"receipt":{"idFormat":"maybe"}}`, "receipt.idFormat"},
		{`{"receipt":{"intermediate":["ENROUTE",""]}}`, "receipt.intermediate[1]"},
		{`{"receipt":{"state":"` + long + `"}}`, "receipt.state"},
		{`{"receipt":{"err":"` + long + `"}}`, "receipt.err"},
		{`{"receipt":{"none":true,"copies":2}}`, "receipt.none"},
		{`{"receipt":{"delay":{"kind":"exponential"}}}`, "receipt.delay.mean"},
		{`[]`, "body"},
		{`{} {}`, "body"},
	}
	for _, tt := range tests {
		_, err := smsc.ParseRule([]byte(tt.js))
		var f *smsc.FieldError
		if tt.field == "body" {
			if err == nil {
				t.Errorf("%s was taken", tt.js)
			}
			continue
		}
		if !errors.As(err, &f) || f.Field != tt.field || f.Reason == "" {
			t.Errorf("%s: %v, want the field %s", tt.js, err, tt.field)
		}
		_, err = smsc.ParseRules([]byte(`{"rules":[{},` + tt.js + `]}`))
		if !errors.As(err, &f) || f.Field != "rules[1]."+tt.field {
			t.Errorf("in a list: %v, want the field rules[1].%s", err, tt.field)
		}
	}
}

// TestRuleJSON: what is written is read again as the same.
func TestRuleJSON(t *testing.T) {
	for _, js := range []string{
		`{"match":{"to":"49"},"submit":{"status":"ESME_RTHROTTLED","delay":"250ms","messageId":"7"},"receipt":{"state":"UNDELIV","delay":{"kind":"uniform","min":"1s","max":"2s"}},"count":3,"share":0.5,"hits":0}`,
		`{"match":{},"submit":{"status":"0x403","close":"after","fault":"stall","faultFor":"1s"},"receipt":{"delay":{"kind":"normal","mean":"1s","dev":"10ms"},"intermediate":["ENROUTE"],"tlvOnly":true,"dataSm":true},"hits":0}`,
		`{"match":{},"submit":{},"receipt":{"delay":{"kind":"exponential","max":"9s","mean":"1s"},"format":"ucs2","idFormat":"hex"},"hits":0}`,
	} {
		b, err := json.Marshal(esmetest.Rule(t, js))
		if err != nil || string(b) != js {
			t.Errorf("got  %s, %v\nwant %s", b, err, js)
		}
	}
	for _, s := range []string{"ESME_RTHROTTLED", "RTHROTTLED", "throttled", "0x58", "88"} {
		if st, err := wire.ParseStatus(s); err != nil || st != wire.StatusThrottled {
			t.Errorf("%s is %v, %v", s, st, err)
		}
	}
	if rs, err := smsc.ParseRules([]byte(`[{"id":"a"},{"id":"b"}]`)); err != nil || len(rs) != 2 {
		t.Errorf("an array of rules: %v, %v", rs, err)
	}
}

// TestSeed: with one seed two runs are the same: shares, delays, message ids.
func TestSeed(t *testing.T) {
	run := func(seed uint64) (s string) {
		r := esmetest.Rule(t, `{"share":0.5,"submit":{"status":"RTHROTTLED"}}`)
		srv := esmetest.Start(t, smsc.Config{Seed: seed, Rules: []smsc.Rule{r}})
		e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
		for i := range 40 {
			f := e.Must(wire.SubmitSM, esmetest.Message("1", fmt.Sprint(i)))
			s += fmt.Sprintf("%d:%s ", f.Status, wire.DecodeMessageResp(f).MessageID)
		}
		return s
	}
	one, again, other := run(1), run(1), run(2)
	if one != again {
		t.Errorf("one seed, two runs:\n%s\n%s", one, again)
	}
	if one == other {
		t.Error("two seeds, one run")
	}
	if n := strings.Count(one, "88:"); n < 8 || n > 32 {
		t.Errorf("%d of 40 with a share of a half", n)
	}
}

// TestDelays: the four kinds, measured at the answer.
func TestDelays(t *testing.T) {
	tests := []struct {
		delay    string
		min, max time.Duration
	}{
		{`"60ms"`, 60 * time.Millisecond, 6 * time.Second},
		{`{"kind":"uniform","min":"40ms","max":"80ms"}`, 40 * time.Millisecond, 6 * time.Second},
		{`{"kind":"normal","mean":"60ms","dev":"1ms"}`, 50 * time.Millisecond, 6 * time.Second},
		{`{"kind":"exponential","mean":"10s","min":"30ms","max":"60ms"}`, 30 * time.Millisecond, 6 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.delay, func(t *testing.T) {
			t.Parallel()
			srv := esmetest.WithRules(t, `{"submit":{"delay":`+tt.delay+`},"receipt":{"delay":`+tt.delay+`}}`)
			e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
			began := time.Now()
			e.Submit(esmetest.Message("1", "x"))
			if d := time.Since(began); d < tt.min || d > tt.max {
				t.Errorf("answered after %s", d)
			}
			e.Receipt()
			if d := time.Since(began); d < 2*tt.min || d > 2*tt.max {
				t.Errorf("receipt after %s", d)
			}
		})
	}
}
