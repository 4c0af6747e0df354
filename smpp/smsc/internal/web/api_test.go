package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// answer is any answer of the API.
type answer struct {
	status int
	header http.Header
	smsc.Message
	Messages []smsc.Message `json:"messages"`
	Deleted  *int           `json:"deleted"`
	Status   string         `json:"status"`
	Error    struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

func call(t *testing.T, srv *smsc.Server, method, path string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(esmetest.Patient(t), method, "http://"+srv.HTTPAddr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header}
	if ct := resp.Header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("%s %s: content type %q", method, path, ct)
	}
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatalf("%s %s: %v in %q", method, path, err, b)
	}
	return a
}

func TestAPI(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "alice")
	e.Submit(esmetest.Message("+491", "first 1111"))
	e.Submit(esmetest.Message("492", "other 2222"))
	e.Submit(esmetest.Message("491", "PIN ABCD"))

	list := call(t, srv, "GET", "/api/v1/messages")
	if list.status != 200 || len(list.Messages) != 3 || list.Messages[0].Text != "PIN ABCD" || list.Messages[2].Code != "1111" {
		t.Errorf("list: %+v", list)
	}
	for path, want := range map[string]int{
		"/api/v1/messages?to=491": 2, "/api/v1/messages?to=%2B491": 2, "/api/v1/messages?to=+491": 2,
		"/api/v1/messages?limit=1": 1, "/api/v1/messages?to=491&limit=1": 1, "/api/v1/messages?to=7": 0,
	} {
		if a := call(t, srv, "GET", path); a.status != 200 || len(a.Messages) != want {
			t.Errorf("%s: %d with %d messages, want %d", path, a.status, len(a.Messages), want)
		}
	}

	if a := call(t, srv, "GET", "/api/v1/messages/wait?to=+491"); a.status != 200 || a.Code != "1111" || a.To != "+491" || a.Account != "alice" {
		t.Errorf("wait: %+v", a)
	}
	second := call(t, srv, "GET", "/api/v1/messages/wait?to=491&pattern="+url.QueryEscape(`PIN (\S+)`))
	if second.status != 200 || second.Code != "ABCD" || second.ID == "" || len(second.MessageIDs) != 1 {
		t.Errorf("wait with a pattern: %+v", second)
	}
	if a := call(t, srv, "GET", "/api/v1/messages/wait?to=491&timeout=10ms"); a.status != 404 || a.Error.Type != "not_found" {
		t.Errorf("wait in vain: %+v", a)
	}
	first := list.Messages[2]
	for after, want := range map[string]int{
		first.ID: 200, second.ID: 404, "0": 200, "99999999999999999999": 400, "x": 400,
		first.Time.Format(time.RFC3339Nano): 200, time.Now().Add(time.Hour).Format(time.RFC3339): 404,
	} {
		for range 2 { // after= takes nothing
			if a := call(t, srv, "GET", "/api/v1/messages/wait?to=491&timeout=10ms&after="+url.QueryEscape(after)); a.status != want {
				t.Errorf("after %s: %d %+v, want %d", after, a.status, a.Error, want)
			}
		}
	}

	if a := call(t, srv, "DELETE", "/api/v1/messages"); a.status != 200 || a.Deleted == nil || *a.Deleted != 3 {
		t.Errorf("delete: %+v", a)
	}
	if a := call(t, srv, "GET", "/api/v1/messages"); a.Messages == nil || len(a.Messages) != 0 {
		t.Errorf("after delete: %+v, want an empty array", a.Messages)
	}
	if a := call(t, srv, "GET", "/healthz"); a.status != 200 || a.Status != "ok" {
		t.Errorf("healthz: %+v", a)
	}
}

func TestAPIErrors(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	for request, want := range map[string]int{
		"GET /nothing":                                                       404,
		"GET /api/v1/nothing":                                                404,
		"PATCH /api/v1/messages":                                             405,
		"DELETE /api/v1/messages/wait":                                       405,
		"POST /healthz":                                                      405,
		"GET /api/v1/messages?limit=0":                                       400,
		"GET /api/v1/messages?limit=x":                                       400,
		"GET /api/v1/messages?pattern=(":                                     400,
		"GET /api/v1/messages/wait":                                          400,
		"GET /api/v1/messages/wait?to=+":                                     400,
		"GET /api/v1/messages/wait?to=1&timeout=x":                           400,
		"GET /api/v1/messages/wait?to=1&timeout=-1s":                         400,
		"GET /api/v1/messages/wait?to=1&timeout=1h":                          400,
		"GET /api/v1/messages/wait?to=1&pattern=[":                           400,
		"GET /api/v1/messages/wait?to=1&timeout=0":                           404,
		"GET /api/v1/messages/wait?to=1&timeout=0.01":                        404,
		"GET /api/v1/messages/wait?to=1&timeout=1ms":                         404,
		"GET /api/v1/messages/wait?to=1&after=nothing":                       400,
		"GET /api/v1/messages/wait?to=1&pattern=" + strings.Repeat("a", 201): 400,
	} {
		method, path, _ := strings.Cut(request, " ")
		a := call(t, srv, method, path)
		if a.status != want || a.Error.Type == "" || a.Error.Message == "" {
			t.Errorf("%s: %d %+v, want %d", request, a.status, a.Error, want)
		}
		if want == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s: no Allow header", request)
		}
	}
}

// TestAPIWaitForWhatComes: the wait is there first, and ends as soon as the message is.
func TestAPIWaitForWhatComes(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	got := make(chan answer)
	go func() { got <- call(t, srv, "GET", "/api/v1/messages/wait?to=491&timeout=60s") }()
	time.Sleep(20 * time.Millisecond) // either order has to work; this makes it the one of interest
	began := time.Now()
	e.Submit(esmetest.Message("491", "code 4711"))
	if a := <-got; a.Code != "4711" {
		t.Errorf("got %+v", a)
	}
	if d := time.Since(began); d > 30*time.Second { // half of what it waits for at most
		t.Errorf("took %s", d)
	}
}

// TestAPIWaitWhoseCallerHasGone takes no message with it.
func TestAPIWaitWhoseCallerHasGone(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+srv.HTTPAddr()+"/api/v1/messages/wait?to=491&timeout=5m", nil)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if resp, err := client.Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("the wait was answered")
	}
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	e.Submit(esmetest.Message("491", "code 4711"))
	if m := esmetest.Wait(t, srv, "491"); m.Code != "4711" {
		t.Errorf("got %+v", m)
	}
}

func TestAPIClosesWithWaits(t *testing.T) {
	srv, err := smsc.Start(smsc.Config{HTTPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan answer)
	go func() { got <- call(t, srv, "GET", "/api/v1/messages/wait?to=491&timeout=5m") }()
	time.Sleep(50 * time.Millisecond) // so that the request is there; were it not, the call would fail
	began := time.Now()
	if err := srv.Close(esmetest.Patient(t)); err != nil {
		t.Error(err)
	}
	if a := <-got; a.status != http.StatusServiceUnavailable {
		t.Errorf("got %+v", a)
	}
	if d := time.Since(began); d > 30*time.Second { // they wait for five minutes
		t.Errorf("Close took %s", d)
	}
}

// TestMetrics: the counts are there, in a form that Prometheus reads.

// TestAPIWaitNarrowed: from and text choose, and what they do not choose stays for others.
func TestAPIWaitNarrowed(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	other := esmetest.Message("491", "from the bank 1111")
	other.Source.Addr = "Bank"
	e.Submit(other)
	e.Submit(esmetest.Message("491", "Login 2222"))
	e.Submit(esmetest.Message("491", "Payment 3333"))
	for _, c := range []struct {
		query string
		code  string
		want  int
	}{
		{"&text=payment", "3333", 200}, {"&text=payment", "", 404}, {"&from=verify", "2222", 200}, {"&from=nobody", "", 404}, {"", "1111", 200},
	} {
		if a := call(t, srv, "GET", "/api/v1/messages/wait?to=491&timeout=20ms"+c.query); a.status != c.want || a.Code != c.code {
			t.Errorf("wait%s: %d %q, want %d %q", c.query, a.status, a.Code, c.want, c.code)
		}
	}
	if a := call(t, srv, "GET", "/api/v1/messages/latest?from=bank"); a.Code != "1111" {
		t.Errorf("latest: %+v", a)
	}
	for query, want := range map[string]int{"q=BANK": 1, "q=491": 3, "text=log": 1, "from=verify&text=pay": 1, "number=491": 3, "q=nothing": 0, "after=" + srv.Messages(smsc.Filter{})[1].ID: 1} {
		if a := call(t, srv, "GET", "/api/v1/messages?"+query); len(a.Messages) != want {
			t.Errorf("%s: %d messages, want %d", query, len(a.Messages), want)
		}
	}
}
