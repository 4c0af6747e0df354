package behave_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestMagic: what a client sees of each number, over a real connection. A number without a case here fails
// the test.
func TestMagic(t *testing.T) {
	const ok = wire.StatusOK
	states := func(want string) func(*testing.T, *esmetest.Client, *smsc.Server, string) {
		return func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			e.Submit(esmetest.Message(to, "x"))
			if got := e.States(len(strings.Fields(want))); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			e.None(40 * time.Millisecond)
		}
	}
	refused := func(want ...wire.Status) func(*testing.T, *esmetest.Client, *smsc.Server, string) {
		return func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			for i, s := range want {
				if f := e.Must(wire.SubmitSM, esmetest.Message(to, "x")); f.Status != s {
					t.Errorf("try %d was answered %s, want %s", i+1, f.Status, s)
				}
			}
		}
	}
	ids := func(answer, receipt func(string) bool) func(*testing.T, *esmetest.Client, *smsc.Server, string) {
		return func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			id := e.Submit(esmetest.Message(to, "x"))
			v, _ := e.Receipt().TLVs.Get(wire.TagReceiptedMessageID)
			for n, err := strconv.ParseInt(strings.TrimRight(string(v), "\x00"), 10, 64); err == nil && strconv.FormatInt(n, 16) == id && !strings.ContainsAny(id, "abcdef"); n, err = strconv.ParseInt(strings.TrimRight(string(v), "\x00"), 10, 64) {
				id = e.Submit(esmetest.Message(to, "x")) // its hexadecimal form has no letter to be known by
				v, _ = e.Receipt().TLVs.Get(wire.TagReceiptedMessageID)
			}
			if r := strings.TrimRight(string(v), "\x00"); !answer(id) || !receipt(r) {
				t.Errorf("%q in the answer, %q in the receipt", id, r)
			}
		}
	}
	decimal := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	hexa := func(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == "" && !decimal(s) }
	broken := func(want error) func(*testing.T, *esmetest.Client, *smsc.Server, string) {
		return func(t *testing.T, e *esmetest.Client, srv *smsc.Server, to string) {
			f, err := e.Do(esmetest.Patient(t), wire.SubmitSM, esmetest.Message(to, "x"))
			if err == nil && want != nil {
				t.Errorf("answered %s", f.Status)
			}
			<-e.Ended
			esmetest.Wait(t, srv, to)
		}
	}
	tests := map[string]func(*testing.T, *esmetest.Client, *smsc.Server, string){
		"9001": states("UNDELIV/001"), "9002": states("EXPIRED/002"), "9003": states("REJECTD/003"), "9004": states(""),
		"9005": refused(wire.StatusThrottled, ok, wire.StatusThrottled, ok), "9006": refused(wire.StatusInvDstAdr),
		"9007": func(t *testing.T, e *esmetest.Client, srv *smsc.Server, to string) {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			if _, err := e.Do(ctx, wire.SubmitSM, esmetest.Message(to, "x")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want no answer", err)
			}
			esmetest.Wait(t, srv, to)
		},
		"9008": broken(session.ErrPeerGone),
		"9009": states("DELIVRD/000 DELIVRD/000"),
		"9010": func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			e.Submit(esmetest.Message(to, "x"))
			select {
			case <-e.Delivered:
			default:
				t.Error("the answer came before the receipt")
			}
		},
		"9011": func(t *testing.T, e *esmetest.Client, srv *smsc.Server, to string) {
			e.Submit(esmetest.Message(to, "x"))
			e.None(50 * time.Millisecond)
			if r := srv.Messages(smsc.Filter{})[0].Receipts; len(r) != 1 || r[0].Status != smsc.ReceiptScheduled {
				t.Errorf("receipts %+v", r)
			}
		},
		"9012": states("ENROUTE/000 ACCEPTD/000 DELIVRD/000"), "9013": states("DELIVRD/000 ENROUTE/000"),
		"9014": ids(hexa, decimal), "9015": ids(decimal, hexa),
		"9016": states("UNKNOWN/016"), "9017": states("DELETED/017"),
		"9018": func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			id := e.Submit(esmetest.Message(to, "x"))
			r := e.Receipt()
			if v, _ := r.TLVs.Get(wire.TagReceiptedMessageID); len(r.Payload()) != 0 || string(v) != id+"\x00" {
				t.Errorf("receipt %+v", r)
			}
		},
		"9019": func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			e.Submit(esmetest.Message(to, "x"))
			if got := e.States(1); got != "DELIVRD/000" || e.Command() != wire.DataSM {
				t.Errorf("got %s by command 0x%X", got, uint32(e.Command()))
			}
		},
		"9020": refused(wire.StatusMsgQFul, ok), "9021": refused(wire.StatusSysErr, ok), "9022": refused(wire.StatusSubmitFail),
		"9023": func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			began := time.Now()
			e.Submit(esmetest.Message(to, "x"))
			if d := time.Since(began); d < 2*time.Second {
				t.Errorf("answered after %s", d)
			}
		},
		"9024": func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			if f := e.Must(wire.SubmitSM, esmetest.Message(to, "x")); f.Command != wire.GenericNack || f.Status != wire.StatusSysErr {
				t.Errorf("answered %s %s", f.Command, f.Status)
			}
		},
		"9025": func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			if f := e.Must(wire.SubmitSM, esmetest.Message(to, "x")); !decimal(string(f.Body)) {
				t.Errorf("body %q", f.Body)
			}
		},
		"9026": refused(ok), "9027": broken(session.ErrPeerGone), "9028": broken(nil),
		"9029": ids(func(s string) bool { return len(s) == 36 }, func(s string) bool { return len(s) == 36 }),
		"9030": func(t *testing.T, e *esmetest.Client, _ *smsc.Server, to string) {
			e.Submit(esmetest.Message(to, "x"))
			if r := e.Receipt(); r.DataCoding != 8 || !strings.HasPrefix(string(r.Payload()), "\x00i\x00d\x00:") {
				t.Errorf("receipt %+v", r)
			}
		},
	}
	for _, n := range smsc.Magic() {
		t.Run(n.Digits+" "+n.What, func(t *testing.T) {
			t.Parallel()
			test, ok := tests[n.Digits]
			if !ok {
				t.Fatal("there is no test for it")
			}
			srv := esmetest.Start(t, smsc.Config{})
			test(t, esmetest.Bound(t, srv, wire.BindTransceiver, "a"), srv, "+49170000"+n.Digits)
		})
	}
}

// TestMagicIsTheLastWord: rules and the hook come first, short codes and other numbers are meant by none, and
// it can be turned off.
func TestMagicIsTheLastWord(t *testing.T) {
	ask := func(srv *smsc.Server, to string) wire.Status {
		return esmetest.Bound(t, srv, wire.BindTransmitter, "a").Must(wire.SubmitSM, esmetest.Message(to, "x")).Status
	}
	on := esmetest.Start(t, smsc.Config{})
	if s := ask(on, "9006"); s != wire.StatusOK {
		t.Errorf("a short code was answered %s", s)
	}
	if s := ask(on, "491700090060"); s != wire.StatusOK {
		t.Errorf("another number was answered %s", s)
	}
	if s := ask(on, "491700009006"); s != wire.StatusInvDstAdr {
		t.Errorf("9006 was answered %s", s)
	}
	if s := ask(esmetest.Start(t, smsc.Config{NoMagic: true}), "491700009006"); s != wire.StatusOK {
		t.Errorf("without magic: %s", s)
	}
	if s := ask(esmetest.WithRules(t, `{"match":{"to":"49"}}`), "491700009006"); s != wire.StatusOK {
		t.Errorf("with a rule: %s", s)
	}
	hook := func(smsc.SubmitInfo) smsc.Outcome { return smsc.Outcome{} }
	if s := ask(esmetest.Start(t, smsc.Config{OnSubmit: hook}), "491700009006"); s != wire.StatusOK {
		t.Errorf("with a hook: %s", s)
	}
}
