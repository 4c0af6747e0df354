package web_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

func loadOpenAPI(t *testing.T) *openapi3.T {
	t.Helper()
	b, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return doc
}

// exchange is one request of the API as a client makes it.
type exchange struct {
	path   string // as in the document
	url    string // as asked for; empty: path
	method string
	body   string
	want   int
}

// TestOpenAPI: the document is valid, each of its operations is there, and what they answer is what it says.
func TestOpenAPI(t *testing.T) {
	doc := loadOpenAPI(t)
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "alice")
	e.Submit(esmetest.Message("491701234567", "Your PIN is 4711"))
	e.Submit(esmetest.Message("491701239004", "magic 4712"))
	for _, m := range esmetest.Messages("491701234567", longText, text.Options{}) {
		e.Submit(m)
	}
	id := srv.Messages(smsc.Filter{Limit: 1})[0].ID
	spare := esmetest.Bound(t, srv, wire.BindTransmitter, "bob")
	sessions := srv.Sessions()
	rule := `{"id":"one","match":{"to":"7"},"submit":{"status":"RTHROTTLED","delay":{"kind":"uniform","min":"1ms","max":"2ms"}},"receipt":{"intermediate":["ENROUTE"]},"share":0.5}`
	asked := make(map[string]bool)
	for _, x := range []exchange{
		{"/api/v1/messages", "/api/v1/messages?mo=true&q=pin", "GET", "", 200},
		{"/api/v1/messages", "/api/v1/messages?limit=x", "GET", "", 400},
		{"/api/v1/messages/{id}", "/api/v1/messages/" + id, "GET", "", 200},
		{"/api/v1/messages/{id}", "/api/v1/messages/1", "GET", "", 404},
		{"/api/v1/messages/latest", "", "GET", "", 200},
		{"/api/v1/messages/latest", "/api/v1/messages/latest?to=7", "GET", "", 404},
		{"/api/v1/messages/wait", "/api/v1/messages/wait?to=%2B491701234567&from=verify&text=pin", "GET", "", 200},
		{"/api/v1/messages/wait", "/api/v1/messages/wait?to=491701234567&text=never&timeout=1ms", "GET", "", 404},
		{"/api/v1/messages", "", "POST", `{"from":"491701234567","to":"123","text":"STOP","account":"alice"}`, 201},
		{"/api/v1/messages", "", "POST", `{"from":"491701234567","to":"123","text":"held","account":"bob"}`, 202},
		{"/api/v1/messages", "", "POST", `{"from":"","to":"123","text":"x"}`, 400},
		{"/api/v1/messages", "", "POST", `{"from":"1","to":"2","text":"x","nobody":"knows"}`, 400},
		{"/api/v1/messages", "", "POST", `{"text":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		{"/api/v1/rules", "", "PUT", `[` + rule + `,{"note":"second","match":{}}]`, 200},
		{"/api/v1/rules", "", "PUT", `[{"match":{"toPattern":"("}}]`, 400},
		{"/api/v1/rules", "", "GET", "", 200},
		{"/api/v1/rules", "/api/v1/rules?last=true", "POST", `{"match":{"to":"8"},"submit":{"fault":"reset"},"count":1}`, 201},
		{"/api/v1/rules/{id}", "/api/v1/rules/one", "GET", "", 200},
		{"/api/v1/rules/{id}", "/api/v1/rules/two", "GET", "", 404},
		{"/api/v1/rules/{id}", "/api/v1/rules/one", "PUT", rule, 200},
		{"/api/v1/rules/{id}", "/api/v1/rules/two", "PUT", rule, 400},
		{"/api/v1/rules/{id}", "/api/v1/rules/one", "DELETE", "", 204},
		{"/api/v1/rules/{id}", "/api/v1/rules/one", "DELETE", "", 404},
		{"/api/v1/rules", "", "DELETE", "", 200},
		{"/api/v1/sessions", "", "GET", "", 200},
		{"/api/v1/sessions", "", "POST", `{"addr":"127.0.0.1:1"}`, 502},
		{"/api/v1/accounts", "", "GET", "", 200},
		{"/api/v1/accounts", "", "POST", `{"systemId":"carol","password":"p","limits":{"throughput":10,"latency":"5ms"}}`, 200},
		{"/api/v1/accounts", "", "POST", `{"systemId":"a name that is too long"}`, 400},
		{"/api/v1/accounts/{id}", "/api/v1/accounts/carol", "DELETE", "", 204},
		{"/api/v1/accounts/{id}", "/api/v1/accounts/carol", "DELETE", "", 404},
		{"/api/v1/pdus", "/api/v1/pdus?command=submit_sm", "GET", "", 200},
		{"/api/v1/pdus", "/api/v1/pdus?after=x", "GET", "", 400},
		{"/api/v1/capture.pcap", "", "GET", "", 200},
		{"/api/v1/events", "/api/v1/events?pdus=perhaps", "GET", "", 400},
		{"/api/v1/server", "", "GET", "", 200},
		{"/metrics", "", "GET", "", 200},
		{"/healthz", "", "GET", "", 200},
		{"/openapi.yaml", "", "GET", "", 200},
		{"/api/v1/sessions/{id}/break", "/api/v1/sessions/" + sessions[1].ID + "/break", "POST", `{"fault":"partial","duration":"1ms"}`, 204},
		{"/api/v1/sessions/{id}/break", "/api/v1/sessions/" + sessions[1].ID + "/break", "POST", `{"fault":"nothing"}`, 400},
		{"/api/v1/sessions/{id}/close", "/api/v1/sessions/" + sessions[1].ID + "/close", "POST", "", 204},
		{"/api/v1/sessions/{id}/close", "/api/v1/sessions/s999/close", "POST", "", 404},
		{"/api/v1/sessions/{id}/unbind", "/api/v1/sessions/" + sessions[0].ID + "/unbind", "POST", "", 204},
		{"/api/v1/messages", "", "DELETE", "", 200},
		{"/api/v1/reset", "", "POST", "", 204},
	} {
		asked[x.method+" "+x.path] = true
		x.check(t, doc, srv)
	}
	<-spare.Ended
	<-e.Ended
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			if !asked[method+" "+path] {
				t.Errorf("%s %s is in the document and was not asked for", method, path)
			}
		}
	}
}

func (x exchange) check(t *testing.T, doc *openapi3.T, srv *smsc.Server) {
	t.Helper()
	if x.url == "" {
		x.url = x.path
	}
	req, err := http.NewRequestWithContext(esmetest.Patient(t), x.method, "http://"+srv.HTTPAddr()+x.url, strings.NewReader(x.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != x.want {
		t.Errorf("%s %s: %d %s, want %d", x.method, x.url, resp.StatusCode, body, x.want)
	}
	item := doc.Paths.Find(x.path)
	if item == nil || item.GetOperation(x.method) == nil {
		t.Fatalf("%s %s is not in the document", x.method, x.path)
	}
	route := &routers.Route{Spec: doc, Path: x.path, PathItem: item, Method: x.method, Operation: item.GetOperation(x.method)}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, Route: route},
		Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json")},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		t.Errorf("%s %s: %v", x.method, x.url, err)
	}
}
