package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api/apitest"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/seal"
	smpptext "github.com/otpgw/otpgw/smpp/text"
)

// generatedRequests names the variable with the number of requests; make conformance sets it to 100,000.
const generatedRequests = "OTPGW_TEST_REQUESTS"

// TestGeneratedRequests makes requests of the document, sound and broken ones: none is answered with 5xx, and
// every answer is as the document says.
func TestGeneratedRequests(t *testing.T) {
	total := 6000
	if text := os.Getenv(generatedRequests); text != "" {
		var err error
		if total, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", generatedRequests, err)
		}
	}
	g := &generated{t: t, document: loadDocument(t), url: generatedGateway(t), seen: make(map[string]int), client: &http.Transport{MaxIdleConnsPerHost: 16},
		known: &apitest.Known{Values: map[string][]string{"applicationId": {"demo"}}}}
	defer g.client.CloseIdleConnections()
	for _, k := range []string{demoKey, demoKey, demoKey, demoKey, demoKey, demoKey, demoKey, demoKey, demoKey, otherKey} {
		g.known.Good = append(g.known.Good, http.Header{"X-Api-Key": {k}}, http.Header{"Authorization": {"Bearer " + k}})
	}
	basic := &http.Request{Header: make(http.Header)}
	basic.SetBasicAuth("demo", "demo-secret")
	g.known.Client = []http.Header{basic.Header}

	seed := uint64(time.Now().UnixNano())
	t.Logf("%d requests, seed %d", total, seed)
	const workers = 8
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { g.run(g.document.Generator(seed+uint64(w), g.known), total/workers) })
	}
	wg.Wait()
	for _, what := range slices.Sorted(maps.Keys(g.seen)) {
		t.Logf("%7d %s", g.seen[what], what)
	}
	for _, what := range []string{"POST /otp 201", "GET /otp/{otpId} 200", "POST /otp/{otpId} 200", "DELETE /otp/{otpId} 200", "POST /otp/{otpId}/resend 200",
		"GET /applications/{applicationId} 200", "POST /oauth/token 200", "POST /oauth/revoke 200", "POST /otp 1000", "POST /otp 1008", "POST /otp 2001", "POST /otp 2006",
		"POST /otp 2020", "POST /otp/{otpId} 2021", "POST /otp/{otpId} 2029", "DELETE /otp/{otpId} 2030", "GET /otp/{otpId} 1001", "POST /oauth/token 1600", "POST /otp 1119"} {
		if g.seen[what] == 0 {
			t.Errorf("no request came to %s: the generator is too tame", what)
		}
	}
}

// generated is one run of the test.
type generated struct {
	t        *testing.T
	document *apitest.Document
	known    *apitest.Known
	url      string
	client   *http.Transport

	mu     sync.Mutex
	seen   map[string]int // operation and status or code
	faults int
}

// generatedGateway has what answers depend on: a number of known PIN, a rate, a destination without a route.
func generatedGateway(t *testing.T) string {
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	list := apps()
	for i := range list {
		list[i].TestNumbers = map[string]string{"+46700000001": "154432", "+359888123456": "154432"}
		list[i].MaxResends, list[i].ResendInterval = 3, 0
	}
	list[0].Secret = "demo-secret"
	s := &otp.Service{Queue: queuetest.Open(t), Box: box, Apps: list, Measure: measure, Now: time.Now, Log: zerolog.Nop(),
		Route: noRouteTo1, SenderRule: smpptext.SenderProblem}
	server := httptest.NewServer(New(Config{Apps: list, Service: s, Log: zerolog.Nop()}))
	t.Cleanup(server.Close)
	return server.URL
}

func (g *generated) run(gen *apitest.Generator, n int) {
	for range n {
		r := gen.Next()
		if err := g.one(r); err != nil {
			g.mu.Lock()
			g.faults++
			stop := g.faults > 20
			g.mu.Unlock()
			if stop {
				return
			}
			g.t.Errorf("%v\nthe request: %s %.200s %v\n%.2000q", err, r.Method, r.Path, r.Header, r.Body)
		}
	}
}

func (g *generated) one(r apitest.Request) error {
	req, err := http.NewRequest(r.Method, g.url, bytes.NewReader(r.Body))
	if err != nil {
		return err
	}
	req.URL.Opaque = strings.Replace(g.url, "http:", "", 1) + r.Path
	req.Header = r.Header
	resp, err := g.client.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	g.note(r, resp.StatusCode, body)
	if resp.StatusCode >= 500 {
		return fmt.Errorf("%d %s", resp.StatusCode, body)
	}
	path, _, _ := strings.Cut(r.Path, "?")
	return g.document.Check(apitest.Answer{Method: r.Method, Path: path, Status: resp.StatusCode, Header: resp.Header, Body: body})
}

// note counts an answer and keeps what makes later requests meaningful.
func (g *generated) note(r apitest.Request, status int, body []byte) {
	var answer struct {
		OtpID       string
		AccessToken string `json:"access_token"`
		Error       struct{ Code int }
	}
	_ = json.Unmarshal(body, &answer) // Check judges the body
	what := status
	if answer.Error.Code != 0 {
		what = answer.Error.Code
	}
	if answer.OtpID != "" && r.Method == "POST" {
		g.known.Add("otpId", answer.OtpID)
	}
	if answer.AccessToken != "" {
		g.known.Add("token", answer.AccessToken)
	}
	if r.Operation == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen[fmt.Sprintf("%s %d", r.Operation, what)]++
}

// TestGeneratorMakesWhatSchemasTake: most bodies of the generator must be sound, or it would test refusals
// only.
func TestGeneratorMakesWhatSchemasTake(t *testing.T) {
	gen := loadDocument(t).Generator(1, &apitest.Known{Values: map[string][]string{}, Good: []http.Header{{}}, Client: []http.Header{{}}})
	objects, forms := 0, 0
	for range 4000 {
		r := gen.Next()
		var m map[string]any
		if json.Unmarshal(r.Body, &m) == nil && m["phoneNumber"] != nil {
			objects++
		}
		if v, err := url.ParseQuery(string(r.Body)); err == nil && v.Get("grant_type") == "client_credentials" {
			forms++
		}
	}
	if objects < 150 || forms < 100 {
		t.Errorf("of 4000 requests %d with a phone number and %d for a token", objects, forms)
	}
}
