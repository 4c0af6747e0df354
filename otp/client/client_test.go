package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/client"
)

func wantError(t *testing.T, what string, err error, status, code int, kind string) {
	t.Helper()
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != status || e.Code != code || e.Type != kind || e.Message == "" || e.RequestID == "" {
		t.Errorf("%s: %#v, want %d %d %s", what, err, status, code, kind)
	}
}

// TestLife goes through all there is, with an API key and with tokens.
func TestLife(t *testing.T) {
	g := newGateway(t)
	ctx := t.Context()
	for name, config := range map[string]client.Config{
		"key":    {BaseURL: g.url, APIKey: "demo-key"},
		"tokens": {BaseURL: g.url + "/", ApplicationID: "demo", Secret: "demo-secret"},
	} {
		c := newClient(t, config)
		o, err := c.NewOtp(ctx, client.NewOtp{PhoneNumber: testNumber, TTL: 120, MaxAttempts: 2, TrackID: "3c8a9d12-1d4b-4a4e-9a55-0c9d7d3e6a10",
			Templates: map[string]string{"sv": "Din kod: {{pin}}"}, WebOtpDomain: "example.com"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if o.Status != client.Pending || o.TTL != 120 || o.CountryISO != "SE" || o.Language == nil || *o.Language != "sv" || o.TrackID == nil || !o.DateExpires.After(o.DateCreated) {
			t.Errorf("%s: %+v", name, o)
		}
		if o, err = c.ResendOtp(ctx, o.OtpID); err != nil || o.Resends != 1 {
			t.Errorf("%s: resend %+v %v", name, o, err)
		}
		wantError(t, name+": wrong", c.VerifyPin(ctx, o.OtpID, "000000"), 400, client.CodeWrongPIN, client.TypeInvalidPIN)
		if err := c.VerifyPin(ctx, o.OtpID, testPIN); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantError(t, name+": again", c.VerifyPin(ctx, o.OtpID, testPIN), 400, client.CodeVerified, client.TypeOtpVerified)
		if o, err = c.GetOtpStatus(ctx, o.OtpID); err != nil || o.Status != client.Verified || o.Attempts != 1 || o.Delivery.Status != client.Delivered {
			t.Errorf("%s: %+v %v", name, o, err)
		}
		wantError(t, name+": cancel", c.CancelOtp(ctx, o.OtpID), 403, client.CodeNotPending, client.TypeAccessDenied)
		a, err := c.ApplicationSettings(ctx, "demo")
		if err != nil || a.Settings.Otp.From != "Verify" || a.Settings.Otp.TTL != 300 {
			t.Errorf("%s: %+v %v", name, a, err)
		}
		_, err = c.NewOtp(ctx, client.NewOtp{PhoneNumber: "+14165550123"})
		wantError(t, name+": no coverage", err, 403, client.CodeNoCoverage, client.TypeNoCoverage)
		_, err = c.GetOtpStatus(ctx, "a/b?c#%2e")
		wantError(t, name+": hostile id", err, 404, client.CodeNotFound, client.TypeNotFound)
	}
}

func TestResendLimit(t *testing.T) {
	g := newGateway(t)
	c := newClient(t, client.Config{BaseURL: g.url, MaxWait: time.Second})
	o, err := c.NewOtp(t.Context(), client.NewOtp{PhoneNumber: testNumber})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ResendOtp(t.Context(), o.OtpID); err != nil {
		t.Fatal(err)
	}
	_, err = c.ResendOtp(t.Context(), o.OtpID)
	wantError(t, "second", err, 429, client.CodeRateLimit, client.TypeRateLimit)
	if e, _ := errors.AsType[*client.Error](err); e.RetryAfter < 2*time.Second {
		t.Errorf("RetryAfter %v", e.RetryAfter)
	}
}

func TestBadKey(t *testing.T) {
	g := newGateway(t)
	_, err := newClient(t, client.Config{BaseURL: g.url, APIKey: "x"}).GetOtpStatus(t.Context(), "x")
	wantError(t, "key", err, 401, client.CodeInvalidAPIKey, client.TypeInvalidAPIKey)
	_, err = newClient(t, client.Config{BaseURL: g.url, ApplicationID: "demo", Secret: "x"}).GetOtpStatus(t.Context(), "x")
	wantError(t, "secret", err, 401, 1600, client.TypeInvalidClient)
}

func TestConfig(t *testing.T) {
	for _, c := range []client.Config{{}, {BaseURL: "http://x"}, {APIKey: "k"}, {BaseURL: "x", APIKey: "k"}, {BaseURL: "ftp://x", APIKey: "k"}, {BaseURL: "http://x?y", APIKey: "k"}, {BaseURL: "http://x", ApplicationID: "a"}} {
		if _, err := client.New(c); err == nil {
			t.Errorf("%+v", c)
		}
	}
}

// lose lets the gateway work and cuts the connection before its answer.
func lose(r *http.Request, next http.Handler) bool {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// TestLostAnswer: the gateway worked, and its answer did not arrive.
func TestLostAnswer(t *testing.T) {
	g := newGateway(t)
	c := newClient(t, client.Config{BaseURL: g.url})
	ctx := t.Context()
	loseFirst := func(n int) func(http.ResponseWriter, *http.Request, int, http.Handler) bool {
		return func(_ http.ResponseWriter, r *http.Request, i int, next http.Handler) bool {
			return i == n && lose(r, next)
		}
	}
	g.spoil = loseFirst(1)
	o, err := c.NewOtp(ctx, client.NewOtp{PhoneNumber: "+33612345678"})
	if err != nil {
		t.Fatal(err)
	}
	if g.count() != 2 || g.messages(t) != 1 {
		t.Errorf("%d requests made %d messages, want 2 and 1", g.count(), g.messages(t))
	}
	if a, b := g.seen[0].Header.Get("Idempotency-Key"), g.seen[1].Header.Get("Idempotency-Key"); a == "" || a != b {
		t.Errorf("keys %q and %q", a, b)
	}
	g.spoil = loseFirst(g.count() + 1)
	before := g.count()
	if err := c.VerifyPin(ctx, o.OtpID, "x"); err == nil || g.count() != before+1 {
		t.Errorf("a guess was made %d times: %v", g.count()-before, err)
	}
	if o, err := c.GetOtpStatus(ctx, o.OtpID); err != nil || o.Attempts != 1 {
		t.Errorf("%+v %v", o, err)
	}
	before = g.count()
	g.spoil = loseFirst(before + 1)
	if _, err := c.ResendOtp(ctx, o.OtpID); err == nil || g.count() != before+1 {
		t.Errorf("sent again by %d requests: %v", g.count()-before, err)
	}
	g.spoil = loseFirst(g.count() + 1)
	if err := c.CancelOtp(ctx, o.OtpID); err != nil {
		t.Errorf("cancel: %v", err)
	}
	wantError(t, "cancelled before", c.CancelOtp(ctx, o.OtpID), 403, client.CodeCancelledAlready, client.TypeAccessDenied)
}

// TestRetries: what is tried again, how often, and when not.
func TestRetries(t *testing.T) {
	envelope := func(code int, kind string) string {
		b, _ := json.Marshal(map[string]any{"error": map[string]any{"type": kind, "message": "m", "uri": "u", "code": code}})
		return string(b)
	}
	create := func(ctx context.Context, c *client.Client) error {
		_, err := c.NewOtp(ctx, client.NewOtp{PhoneNumber: testNumber})
		return err
	}
	verify := func(ctx context.Context, c *client.Client) error { return c.VerifyPin(ctx, "x", "1") }
	tests := []struct {
		name    string
		do      func(context.Context, *client.Client) error
		status  int
		body    string
		after   string
		retries int
		want    int // requests
	}{
		{"busy", create, 503, envelope(1010, "server_error"), "1", 1, 2},
		{"busy for long", create, 503, envelope(1010, "server_error"), "3600", 3, 1},
		{"a proxy's page", create, 502, "<html>", "", 2, 3},
		{"refused", create, 400, envelope(2001, "invalid_param"), "", 3, 1},
		{"another body", create, 409, envelope(1006, "duplicate_id"), "", 3, 1},
		{"under way", create, 409, envelope(1006, "duplicate_id"), "1", 1, 2},
		{"no retries", create, 503, envelope(1010, "server_error"), "1", -1, 1},
		{"rate", verify, 429, envelope(1008, "rate_limit"), "1", 1, 2},
		{"a guess while busy", verify, 503, envelope(1010, "server_error"), "1", 3, 1},
		{"a guess behind a broken proxy", verify, 504, "", "", 3, 1},
		{"redirect", create, 302, "", "", 3, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var q requests
			s := httptest.NewServer(q.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.after != "" {
					w.Header().Set("Retry-After", test.after)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			})))
			defer s.Close()
			err := test.do(t.Context(), newClient(t, client.Config{BaseURL: s.URL, Retries: test.retries}))
			e, ok := errors.AsType[*client.Error](err)
			if !ok || e.Status != test.status || q.count() != test.want {
				t.Errorf("%d requests, want %d: %v", q.count(), test.want, err)
			}
		})
	}
}

// TestNotSent: a guess is tried again when no connection was made, for then it did not count.
func TestNotSent(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	begun := time.Now()
	err := newClient(t, client.Config{BaseURL: s.URL, Retries: 2}).VerifyPin(t.Context(), "x", "1")
	if err == nil || time.Since(begun) < 200*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
}

// answered passes on answers whose body is here already, and tells of each.
type answered chan struct{}

func (a answered) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	a <- struct{}{}
	return resp, err
}

// TestContextEndsAPause: a pause between two tries ends with its context, with the error of the last try and
// without another.
func TestContextEndsAPause(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	tries, failed := make(answered, 10), make(chan error, 1)
	begun := time.Now()
	go func() {
		_, err := newClient(t, client.Config{BaseURL: s.URL, HTTPClient: &http.Client{Transport: tries}}).GetOtpStatus(ctx, "x")
		failed <- err
	}()
	<-tries
	cancel()
	err := <-failed
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != http.StatusServiceUnavailable || time.Since(begun) > 5*time.Second {
		t.Errorf("after %v: %v, want the 503 of the last try", time.Since(begun), err)
	}
	if n := len(tries); n != 0 {
		t.Errorf("%d more requests after the context had ended", n)
	}
}

// TestContextEndsATry: a request under way ends with its context, and says so.
func TestContextEndsATry(t *testing.T) {
	asked := make(chan struct{}, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done() // no answer before the caller has gone
	}))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := newClient(t, client.Config{BaseURL: s.URL}).GetOtpStatus(ctx, "x")
		failed <- err
	}()
	<-asked
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) || len(asked) != 0 {
		t.Errorf("%v, and %d more requests; want that the context was cancelled", err, len(asked))
	}
}

// TestRevokedToken: a token that is refused is fetched anew, once.
func TestRevokedToken(t *testing.T) {
	g := newGateway(t)
	c := newClient(t, client.Config{BaseURL: g.url, ApplicationID: "demo", Secret: "demo-secret"})
	o, err := c.NewOtp(t.Context(), client.NewOtp{PhoneNumber: testNumber})
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimPrefix(g.seen[g.count()-1].Header.Get("Authorization"), "Bearer ")
	if _, err := g.service.RevokeToken(t.Context(), &g.service.Apps[0], token); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // the promise: within a second
	before := g.count()
	if _, err := c.GetOtpStatus(t.Context(), o.OtpID); err != nil || g.count() != before+3 {
		t.Errorf("%d requests, want refusal, token, answer: %v", g.count()-before, err)
	}
}

// TestNotVerified: an answer that does not say VERIFIED lets nobody in.
func TestNotVerified(t *testing.T) {
	for _, body := range []string{`{}`, `{"status":"PENDING"}`, `<html>welcome to our network</html>`, ``} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		if err := newClient(t, client.Config{BaseURL: s.URL, Retries: -1}).VerifyPin(t.Context(), "x", "1"); err == nil {
			t.Errorf("%q verifies", body)
		}
		s.Close()
	}
}
