package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/seal"
	smpptext "github.com/otpgw/otpgw/smpp/text"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	demoKey  = "demo-key-1"
	otherKey = "other-key-1"
	// Of the applications with limits and a guard.
	thirdKey  = "third-key-1"
	fourthKey = "fourth-key-1"
)

// gateway is the API on a real listener and a real store.
type gateway struct {
	url     string
	service *otp.Service
	log     *lockedBuffer
	offset  atomic.Int64 // added to the clock
}

// lockedBuffer collects the log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func apps() []otp.App {
	demo := otp.App{Name: "demo", APIKeys: []string{demoKey, "demo-key-2", ""}, Senders: []string{"Verify"}, From: "Verify",
		Template: "Your verification code is {{pin}}", TTL: 300 * time.Second, MaxAttempts: 5, PINType: pin.Numbers, PINLength: 6}
	other := demo
	other.Name, other.APIKeys, other.Rate = "other", []string{otherKey}, 2.5
	demo.Secret = "demo secret+"
	demo.MaxResends, demo.ResendInterval = 3, 30*time.Second
	third := demo
	third.Name, third.APIKeys, third.Secret = "third", []string{thirdKey}, "third"
	third.SendLimits, third.TryLimits = limit.Limits{{Max: 2, Per: time.Hour}}, limit.Limits{{Max: 3, Per: 24 * time.Hour}}
	third.Guard = guard.Settings{Mode: guard.Enforce, Deny: []string{"SE"}}
	fourth := demo
	fourth.Name, fourth.APIKeys, fourth.Secret, fourth.Rate = "fourth", []string{fourthKey}, "", 10
	fourth.Guard = guard.Settings{Mode: guard.Observe, Allow: []string{"FR"}}
	demo.OwnPIN = true
	demo.Limits = map[string]limit.Limits{"ip": {{Max: 2, Per: 10 * time.Minute}}, "session": {{Max: 3, Per: time.Hour}}}
	return []otp.App{demo, other, third, fourth}
}

func measure(_, s string) (int, string) { return (len(s) + 159) / 160, "GSM7" }

func newGateway(t testing.TB, opts ...queuetest.Option) *gateway {
	t.Helper()
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{log: new(lockedBuffer)}
	log := zerolog.New(g.log).Level(zerolog.DebugLevel)
	g.service = &otp.Service{Queue: queuetest.Open(t, opts...), Box: box, Measure: measure, Log: log,
		Route: noRouteTo1, SenderRule: smpptext.SenderProblem,
		Now: func() time.Time {
			return time.Now().Add(time.Duration(g.offset.Load()))
		}}
	s := httptest.NewServer(New(Config{Apps: apps(), Service: g.service, Log: log}))
	t.Cleanup(s.Close)
	g.url = s.URL
	return g
}

func (g *gateway) advance(d time.Duration) { g.offset.Add(int64(d)) }

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// do sends a request. Of the headers, "" takes one away that is set by default (the key and the content
// type).
func (g *gateway) do(t testing.TB, method, path, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequest(method, g.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-KEY", demoKey)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Del(headers[i])
		if headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: resp.StatusCode, header: resp.Header, text: string(data)}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &r.body); err != nil {
			t.Fatalf("%s %s: %d %q: %v", method, path, r.status, data, err)
		}
	}
	checkAnswer(t, req, r)
	return r
}

func (r reply) string(key string) string { s, _ := r.body[key].(string); return s }

// kinds are the types of the contract; the PHP client throws on another.
var kinds = strings.Fields(`access_denied duplicate_id duplicate_value insufficient_credit insufficient_scope invalid_api_key invalid_body
	invalid_client invalid_method invalid_param invalid_request invalid_scope no_coverage not_found rate_limit server_error
	unsupported_grant_type invalid_pin otp_expired otp_failed otp_cancelled otp_verified`)

// wantError checks an answer against the contract: status, code, type, the envelope and the headers.
func wantError(t testing.TB, what string, r reply, status int, code otp.Code, kind string) {
	t.Helper()
	e, _ := r.body["error"].(map[string]any)
	if r.status != status || e["code"] != float64(code) || e["type"] != kind {
		t.Errorf("%s: %d %s, want %d %d %s", what, r.status, r.text, status, code, kind)
		return
	}
	message, _ := e["message"].(string)
	uri, _ := e["uri"].(string)
	if len(e) != 4 || len(r.body) != 1 || message == "" || uri == "" {
		t.Errorf("%s: envelope %s", what, r.text)
	}
	if ct := r.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("%s: Content-Type %s", what, ct)
	}
	if r.header.Get("X-Request-Id") == "" {
		t.Errorf("%s: no X-Request-Id", what)
	}
	if w := r.header.Get("WWW-Authenticate"); (w != "") != (status == 401 || code == otp.CodeInsufficientScope) {
		t.Errorf("%s: WWW-Authenticate %q", what, w)
	}
}

const french = `{"phoneNumber":"+33612345678"}`

func (g *gateway) create(t testing.TB, body string) string {
	t.Helper()
	r := g.do(t, "POST", "/otp", body)
	if r.status != 201 {
		t.Fatalf("create: %d %s", r.status, r.text)
	}
	return r.string("otpId")
}

var pinInText = regexp.MustCompile(`is (\w+)$`)

// pin takes the next message off the queue and reads the PIN in it, as the phone's owner would.
func (g *gateway) pin(t testing.TB) string {
	t.Helper()
	return pinInText.FindStringSubmatch(g.text(t))[1]
}

// text takes the next message off the queue.
func (g *gateway) text(t testing.TB) string {
	t.Helper()
	_, text := queuetest.Message(t, g.service.Queue, g.service.Box)
	return text
}

func wrong(pin string) string { return pin[:len(pin)-1] + string('2'+(pin[len(pin)-1]-'2'+1)%8) }

// noRouteTo1 is a choice of routes that has none to the numbers of North America.
func noRouteTo1(t otp.Traffic) (string, error) {
	if strings.HasPrefix(t.To, "+1") {
		return "", otp.ErrNoRoute
	}
	return queuetest.Route, nil
}
