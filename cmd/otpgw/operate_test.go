package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// port speaks to the operator's port of a daemon.
type port struct {
	t    *testing.T
	base string
}

// event is the first state in the console's stream.
func (o port) event() string {
	o.t.Helper()
	return o.eventOf("state")
}

// eventOf is the first event of a name.
func (o port) eventOf(wanted string) string {
	o.t.Helper()
	resp, err := client(o.t).Get(o.base + "/live")
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for name := ""; ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			o.t.Fatal(err)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && name == wanted {
			return data
		}
		if event, ok := strings.CutPrefix(line, "event: "); ok {
			name = strings.TrimSpace(event)
		}
	}
}

// do returns the status, the header Link and the answer decoded.
func (o port) do(method, path, body string, into any) (int, string) {
	o.t.Helper()
	req, err := http.NewRequest(method, o.base+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set(operator.Header, testAdminToken)
	resp, err := client(o.t).Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			o.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, data)
		}
	}
	return resp.StatusCode, resp.Header.Get("Link")
}

func (o port) read(path string) string {
	o.t.Helper()
	return string(mustCall(o.t, client(o.t), "GET", o.base+path, "", 200).body)
}

// endedOTP makes an OTP and cancels it, of which its callback URL is to hear.
func endedOTP(t *testing.T, d *process, n int) (id string) {
	t.Helper()
	var made struct{ OtpID string }
	mustCall(t, client(t), "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(n)), 201).json(t, &made)
	mustCall(t, client(t), "DELETE", d.HTTP+"/otp/"+made.OtpID, "", 200)
	return made.OtpID
}

// TestOperatorSeesAndReplaysDeadCallbacks: from a receiver that answers 410, over the operator's port, until
// all is told.
func TestOperatorSeesAndReplaysDeadCallbacks(t *testing.T) {
	t.Parallel()
	var gone atomic.Bool
	gone.Store(true)
	var told atomic.Int32
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if gone.Load() {
			w.WriteHeader(http.StatusGone)
			return
		}
		told.Add(1)
	}))
	defer receiver.Close()
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL + "/cb?token=hush",
	}))
	op := port{t, d.Admin}
	host := strings.TrimPrefix(receiver.URL, "http://")
	var ids []string
	for i := range 3 {
		ids = append(ids, endedOTP(t, d, i))
	}
	var letters []operator.DeadLetter
	await.That(t, "each OTP has its dead letters", func() bool {
		op.do("GET", "/dlq", "", &letters)
		seen := make(map[string]bool)
		for _, l := range letters {
			for _, id := range l.OTPs {
				seen[id] = true
			}
		}
		return len(seen) == len(ids)
	})
	for _, l := range letters {
		if l.Kind != "callback" || l.App != "shop" || l.Host != host || !strings.HasSuffix(l.Event, "_update") || l.Count < 1 || !strings.HasPrefix(l.WebhookID, "msg_") {
			t.Errorf("it does not say what it is: %+v", l)
		}
	}
	op.filters(letters, host, ids[0])

	var endpoints []struct{ ID, App, Host string }
	if op.do("GET", "/endpoints", "", &endpoints); len(endpoints) != 1 || endpoints[0].App != "shop" || endpoints[0].Host != host {
		t.Errorf("endpoints %+v", endpoints)
	}
	page, metrics := op.event(), op.read("/metrics")
	if !strings.Contains(page, endpoints[0].ID) || strings.Contains(page, "hush") {
		t.Error("the console does not show the disabled URL, or shows its query")
	}
	if !strings.Contains(metrics, `otpgw_callback_disabled_urls{app="shop"} 1`) {
		t.Error("the metrics do not tell of the disabled URL")
	}

	var said struct{ Error string }
	if status, _ := op.do("POST", fmt.Sprintf("/dlq/%d/replay", letters[0].Sequence), "", &said); status != http.StatusConflict || !strings.Contains(said.Error, "enable") {
		t.Errorf("replay to a disabled URL: %d %q", status, said.Error)
	}
	gone.Store(false)
	if status, _ := op.do("POST", "/endpoints/enable", `{"id":"`+endpoints[0].ID+`"}`, nil); status != 200 {
		t.Errorf("enable: %d", status)
	}
	if status, _ := op.do("POST", "/endpoints/enable", `{"id":"`+endpoints[0].ID+`"}`, nil); status != 404 {
		t.Errorf("enable again: %d", status)
	}
	var all struct{ Replayed, Left int }
	if status, _ := op.do("POST", "/dlq/replay?app=shop", "", &all); status != 200 || all.Replayed < len(letters) || all.Left != 0 {
		t.Errorf("replay of all: %d %+v", status, all)
	}
	await.That(t, "nothing is dead", func() bool { op.do("GET", "/dlq", "", &letters); return len(letters) == 0 })
	await.That(t, "all is told", func() bool { return int(told.Load()) >= all.Replayed })
	if !strings.Contains(d.stderr.String(), `"audit":"dlq.replay"`) || !strings.Contains(d.stderr.String(), `"audit":"endpoint.enable"`) {
		t.Error("the log does not say what the operator did")
	}
}

// filters lists by each condition, and page by page.
func (o port) filters(letters []operator.DeadLetter, host, otpID string) {
	o.t.Helper()
	for query, want := range map[string]bool{
		"kind=callback": true, "app=shop": true, "host=" + host: true, "otp=" + otpID: true, "app=shop&kind=callback": true,
		"kind=receipt": false, "app=other": false, "host=other": false, "otp=other": false, "link=x": false, "route=x": false,
	} {
		var list []operator.DeadLetter
		if status, _ := o.do("GET", "/dlq?"+query, "", &list); status != 200 || (len(list) > 0) != want {
			o.t.Errorf("%s: %d, %d dead letters", query, status, len(list))
		}
	}
	seen, path := 0, "/dlq?limit=1"
	for path != "" && seen <= len(letters) {
		var list []operator.DeadLetter
		_, link := o.do("GET", path, "", &list)
		seen += len(list)
		path, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
	}
	if seen < len(letters) {
		o.t.Errorf("page by page there are %d, want %d", seen, len(letters))
	}
	for _, query := range []string{"limit=0", "limit=1001", "after=x", "ap=shop"} {
		if status, _ := o.do("GET", "/dlq?"+query, "", nil); status != 400 {
			o.t.Errorf("%s: %d", query, status)
		}
	}
	for _, r := range [][2]string{{"POST", "/dlq/replay"}, {"DELETE", "/dlq"}} {
		if status, _ := o.do(r[0], r[1], "", nil); status != 400 {
			o.t.Errorf("%s %s without a condition: %d", r[0], r[1], status)
		}
	}
}

// TestOperatorDropsDeadLetters: one, and all of a kind.
func TestOperatorDropsDeadLetters(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	defer receiver.Close()
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL,
	}))
	op := port{t, d.Admin}
	endedOTP(t, d, 1)
	endedOTP(t, d, 2)
	var letters []operator.DeadLetter
	await.That(t, "two dead letters", func() bool { op.do("GET", "/dlq", "", &letters); return len(letters) >= 2 })
	one := fmt.Sprintf("/dlq/%d", letters[0].Sequence)
	if status, _ := op.do("DELETE", one, "", nil); status != 200 {
		t.Errorf("drop: %d", status)
	}
	if status, _ := op.do("DELETE", one, "", nil); status != 404 {
		t.Errorf("drop again: %d", status)
	}
	var all struct{ Dropped int }
	if status, _ := op.do("DELETE", "/dlq?kind=callback", "", &all); status != 200 || all.Dropped < len(letters)-1 {
		t.Errorf("drop of all: %d %+v", status, all)
	}
}
