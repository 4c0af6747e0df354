// Package facetest runs the API with faces of other APIs on a real listener and a real store, for their
// tests.
package facetest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/seal"
)

// Gateway is a running API. Its routes lead everywhere but to +1.
type Gateway struct {
	URL     string
	Service *otp.Service
	offset  atomic.Int64
}

// New starts a gateway; faces makes the faces over its service.
func New(t *testing.T, apps []otp.App, faces func(*otp.Service) []api.Face) *Gateway {
	t.Helper()
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	g := new(Gateway)
	g.Service = &otp.Service{Queue: queuetest.Open(t), Box: box, Apps: apps, Log: zerolog.Nop(),
		Measure: func(string, string) (int, string) { return 1, "GSM7" },
		Route:   noRouteTo1,
		Now:     func() time.Time { return time.Now().Add(time.Duration(g.offset.Load())) }}
	s := httptest.NewServer(api.New(api.Config{Apps: apps, Service: g.Service, Log: zerolog.Nop(), Faces: faces(g.Service)}))
	t.Cleanup(s.Close)
	g.URL = s.URL
	return g
}

// Advance moves the gateway's clock.
func (g *Gateway) Advance(d time.Duration) { g.offset.Add(int64(d)) }

// Reply is an answer, read.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Post sends JSON. Of the headers "" takes one away.
func (g *Gateway) Post(t *testing.T, path, body string, headers ...string) Reply {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, g.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
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
	return Reply{resp.StatusCode, resp.Header, data}
}

// Text takes the next message off the queue: whom it is to, a space, and its text.
func (g *Gateway) Text(t *testing.T) string {
	t.Helper()
	m, text := queuetest.Message(t, g.Service.Queue, g.Service.Box)
	return m.To + " " + text
}

// noRouteTo1 is a choice of routes that has none to the numbers of North America.
func noRouteTo1(t otp.Traffic) (string, error) {
	if strings.HasPrefix(t.To, "+1") {
		return "", otp.ErrNoRoute
	}
	return queuetest.Route, nil
}
