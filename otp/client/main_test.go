package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api"
	"github.com/otpgw/otpgw/otp/client"
	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/seal"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

const testNumber, testPIN = "+46700000000", "123456"

// gateway is the API with a real store, behind a proxy of the test's own.
type gateway struct {
	url     string
	service *otp.Service
	requests
}

// requests notes what arrives, and lets a test answer in the gateway's place.
type requests struct {
	mu   sync.Mutex
	seen []*http.Request
	// spoil sees each request before the gateway, or instead of it when it returns true; n counts from 1.
	spoil func(w http.ResponseWriter, r *http.Request, n int, next http.Handler) bool
}

func (q *requests) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q.mu.Lock()
		q.seen = append(q.seen, r)
		n, spoil := len(q.seen), q.spoil
		q.mu.Unlock()
		if spoil == nil || !spoil(w, r, n, next) {
			next.ServeHTTP(w, r)
		}
	})
}

func (q *requests) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.seen)
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	apps := []otp.App{{Name: "demo", OwnPIN: true, Limits: map[string]limit.Limits{"ip": {{Max: 9, Per: time.Hour}}}, APIKeys: []string{"demo-key"}, Secret: "demo-secret", Senders: []string{"Verify"}, From: "Verify",
		Template: "Your code is {{pin}}", TTL: 5 * time.Minute, MaxAttempts: 3, PINType: pin.Numbers, PINLength: 6,
		MaxResends: 1, TestNumbers: map[string]string{testNumber: testPIN}}}
	g := &gateway{service: &otp.Service{Queue: queuetest.Open(t), Box: box, Apps: apps, Log: zerolog.Nop(), Now: time.Now,
		Measure: func(_, s string) (int, string) { return 1, "GSM7" },
		Route:   noRouteTo1}}
	s := httptest.NewServer(g.wrap(api.New(api.Config{Apps: apps, Service: g.service, Log: zerolog.Nop()})))
	t.Cleanup(s.Close)
	g.url = s.URL
	return g
}

func newClient(t *testing.T, c client.Config) *client.Client {
	t.Helper()
	if c.APIKey == "" && c.Secret == "" {
		c.APIKey = "demo-key"
	}
	out, err := client.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// messages counts what was queued for the carrier.
func (g *gateway) messages(t *testing.T) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	stats, err := g.service.Queue.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stats.Streams {
		if s.Name == "sms."+queuetest.Route {
			n = int(s.Msgs)
		}
	}
	return n
}

// noRouteTo1 is a choice of routes that has none to the numbers of North America.
func noRouteTo1(t otp.Traffic) (string, error) {
	if strings.HasPrefix(t.To, "+1") {
		return "", otp.ErrNoRoute
	}
	return queuetest.Route, nil
}
