package web_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

func metrics(t *testing.T, srv *smsc.Server, accept string) string {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+srv.HTTPAddr()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMetrics(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "alice")
	e.Submit(esmetest.Message("491701234567", "code 4711"))
	e.Receipt()
	e.Submit(esmetest.Message("491700009001", "code 4711"))
	e.Receipt()
	e.Must(wire.SubmitSM, esmetest.Message("491700009006", "refused by a magic number"))
	e.Must(wire.SubmitSM, esmetest.Message("49abc", "refused by its field"))
	e.Must(wire.SubmitSM, esmetest.Message("491700009024", "generic_nack"))
	esmetest.Bound(t, srv, wire.BindReceiver, "bob")
	for _, want := range []string{
		"smscsim_submits_total 2", "smscsim_receipts_answered_total 2", "smscsim_messages_kept 2", "smscsim_binds 2", "smscsim_refused_total 3",
		`smscsim_account_answers_total{account="alice",status="ESME_ROK"} 2`,
		`smscsim_account_answers_total{account="alice",status="ESME_RINVDSTADR"} 2`,
		`smscsim_account_answers_total{account="alice",status="ESME_RSYSERR"} 1`,
		`smscsim_account_answers_total{account="alice",status="ESME_RTHROTTLED"} 0`,
		`smscsim_account_answers_total{account="bob",status="ESME_ROK"} 0`,
		`smscsim_account_receipts_total{account="alice",state="DELIVRD"} 1`,
		`smscsim_account_receipts_total{account="alice",state="UNDELIV"} 1`,
		`smscsim_account_receipts_total{account="bob",state="EXPIRED"} 0`,
		`smscsim_account_binds{account="bob"} 1`, `smscsim_bind_answers_total{status="ESME_ROK"} 2`,
		`smscsim_bind_answers_total{status="ESME_RINVPASWD"} 0`,
	} {
		await.That(t, want, func() bool { return strings.Contains(metrics(t, srv, ""), "\n"+want+"\n") })
	}
	if open := metrics(t, srv, "application/openmetrics-text; version=1.0.0"); !strings.HasSuffix(open, "# EOF\n") {
		t.Error("OpenMetrics was asked for, and did not come")
	}
}

// TestMetricsFromTheStart: every family and child is there at 0 before anything happened, and stays the same
// set.
func TestMetricsFromTheStart(t *testing.T) {
	series := func(text string) (names []string) {
		for _, m := range regexp.MustCompile(`(?m)^(smscsim_[^ ]+) `).FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
		slices.Sort(names)
		return names
	}
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0", Accounts: map[string]string{"alice": "secret"}})
	before := metrics(t, srv, "")
	problems, err := promlint.New(bytes.NewBufferString(before)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "alice")
	e.Submit(esmetest.Message("491701234567", "x"))
	e.Receipt()
	e.Must(wire.SubmitSM, esmetest.Message("491700009005", "throttled"))
	after := metrics(t, srv, "")
	if was, is := series(before), series(after); !slices.Equal(was, is) || len(was) < 50 {
		t.Errorf("%d series became %d", len(was), len(is))
	}
	anybody := metrics(t, esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"}), "")
	for _, family := range []string{"account_answers_total", "account_receipts_total", "account_binds", "account_held", "account_throttled_total", "bind_answers_total"} {
		if !strings.Contains(anybody, "\nsmscsim_"+family+"{") {
			t.Errorf("%s is not there before the first account", family)
		}
	}
}
