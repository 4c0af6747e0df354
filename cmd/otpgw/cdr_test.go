package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// record is a line of the records for billing.
type record struct {
	Type, Status, State, OtpID, App, Link, To, From, MessageID string
	Part, Parts, Attempts                                      int
	Code                                                       *int
	Price, Cost                                                float64
}

// records reads the complete files of a directory.
func records(t *testing.T, dir string) (all []record) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if !strings.HasSuffix(path, ".jsonl") {
			t.Errorf("%s is not complete", path)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var r record
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Errorf("%v in %s", err, lines.Text())
			}
			all = append(all, r)
		}
		f.Close()
	}
	return all
}

// TestRecordsAgreeWithTheCarrier: after refusals, failures, long messages, lost answers and a kill -9, what is
// written for billing is what the SMSC counted: each part that it took, each receipt that it sent, and each
// OTP's end.
func TestRecordsAgreeWithTheCarrier(t *testing.T) {
	t.Parallel()
	var dropped sync.Map
	s := startSMSC(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		switch {
		case strings.HasSuffix(i.To, "3"):
			return smsc.Outcome{Status: wire.StatusInvDstAdr}
		case strings.HasSuffix(i.To, "4"):
			return smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Undeliverable}}}
		case strings.HasSuffix(i.To, "5"):
			_, before := dropped.LoadOrStore(i.To, true)
			return smsc.Outcome{Drop: !before}
		}
		return smsc.Outcome{}
	}})
	dir, prices := t.TempDir(), filepath.Join(t.TempDir(), "prices.csv")
	if err := os.WriteFile(prices, []byte("46,0.05\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := env(t.TempDir(), s.Addr(), map[string]string{"OTPGW_CDR_DIR": dir, "OTPGW_CDR_NUMBERS": "hashed", "OTPGW_PRICES": prices, "OTPGW_CDR_ROTATE": "1s"})
	d := startBound(t, e)
	c := client(t)
	long := `,"template":"` + strings.Repeat("Somebody wants to log in to your account. ", 5) + `{{pin}}"`
	ends := make(map[string]string) // by OTP
	var ids []string
	for n := range 20 {
		if n == 10 {
			d.Kill()
			d = startBound(t, e)
		}
		body := `{"phoneNumber":"` + number(n) + `","maxAttempts":1`
		if n%2 == 0 {
			body += long
		}
		var o created
		mustCall(t, c, "POST", d.HTTP+"/otp", body+"}", 201).json(t, &o)
		ids = append(ids, o.OtpID)
		if strings.HasSuffix(number(n), "3") {
			continue
		}
		m := waitSMS(t, s, number(n))
		switch n % 3 {
		case 0:
			mustCall(t, c, "POST", d.HTTP+"/otp/"+o.OtpID, `{"pin":"`+m.Code+`"}`, 200)
			ends[o.OtpID] = "VERIFIED"
		case 1:
			mustCall(t, c, "DELETE", d.HTTP+"/otp/"+o.OtpID, "", 200)
			ends[o.OtpID] = "CANCELLED"
		case 2:
			mustCall(t, c, "POST", d.HTTP+"/otp/"+o.OtpID, `{"pin":"none"}`, 400)
			ends[o.OtpID] = "FAILED"
		}
	}
	var taken, receipts []string
	settled := func() bool {
		taken, receipts = nil, nil
		for _, m := range s.Messages(smsc.Filter{}) {
			taken = append(taken, m.MessageIDs...)
			for _, r := range m.Receipts {
				if r.Status != smsc.ReceiptAnswered {
					return false
				}
				receipts = append(receipts, r.MessageID)
			}
		}
		for _, id := range ids { // a receipt that overtook its answer waits in the daemon
			var o struct {
				Delivery struct{ Parts []struct{ Status string } }
			}
			mustCall(t, c, "GET", d.HTTP+"/otp/"+id, "", 200).json(t, &o)
			for _, p := range o.Delivery.Parts {
				if p.Status == "ACCEPTED" || p.Status == "QUEUED" || p.Status == "SENT" {
					return false
				}
			}
		}
		return len(receipts) == len(taken)
	}
	if !await.Within(testTimeout, settled) {
		t.Fatalf("%d of %d receipts were answered", len(receipts), len(taken))
	}
	wantSteps(t, d, ids[len(ids)-1])
	d.stop()

	var gotTaken, gotReceipts []string
	refused, gotEnds := 0, make(map[string]string)
	for _, r := range records(t, dir) {
		switch {
		case strings.Contains(fmt.Sprint(r.To), "70000") || r.Type != "receipt" && len(r.To) != 32:
			t.Errorf("a number in the clear: %+v", r)
		case r.Type == "part" && r.Status == "accepted":
			gotTaken = append(gotTaken, r.MessageID)
			if r.Price != 0.05 || r.App != "shop" || r.Link != "carrier" || r.From != "Verify" {
				t.Errorf("part %+v", r)
			}
		case r.Type == "part":
			refused++
			if r.Code == nil || *r.Code != int(wire.StatusInvDstAdr) {
				t.Errorf("refusal %+v", r)
			}
		case r.Type == "receipt":
			gotReceipts = append(gotReceipts, r.MessageID)
		case r.Type == "otp":
			if gotEnds[r.OtpID] != "" {
				t.Errorf("OTP %s ended twice", r.OtpID)
			}
			gotEnds[r.OtpID] = r.Status
		}
	}
	if a, b := sortedSet(gotTaken), sortedSet(taken); !slices.Equal(a, b) {
		t.Errorf("parts\n%q, the SMSC took\n%q", a, b)
	}
	if a, b := sortedSet(gotReceipts), sortedSet(receipts); !slices.Equal(a, b) {
		t.Errorf("receipts\n%q, the SMSC sent\n%q", a, b)
	}
	if refused != 2 {
		t.Errorf("%d refusals, want 2", refused)
	}
	if fmt.Sprint(gotEnds) != fmt.Sprint(ends) {
		t.Errorf("ends %v, want %v", gotEnds, ends)
	}
}

// wantSteps finds the way of an OTP in the log by its id.
func wantSteps(t *testing.T, d *process, id string) {
	t.Helper()
	for step, fields := range map[string][]string{"otp created": {"to", "route"}, "sent": {"msg", "link", "message_id", "took"},
		"receipt": {"msg", "link", "state", "err", "after"}} {
		line, ok := d.stderr.find(func(s string) bool { return strings.Contains(s, `"message":"`+step+`"`) && strings.Contains(s, id) })
		if !ok {
			t.Errorf("no step %q of %s in the log", step, id)
			continue
		}
		for _, field := range fields {
			if !strings.Contains(line, `"`+field+`":`) {
				t.Errorf("step %q has no %s: %s", step, field, line)
			}
		}
	}
}

func sortedSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
