package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestCORS(t *testing.T) {
	g := newGateway(t)
	const mine, other = "https://shop.example", "https://shop.example.evil.test"
	s := httptest.NewServer(New(Config{Apps: apps(), Service: g.service, Log: zerolog.Nop(), CORSOrigins: []string{mine, "http://localhost:3000"}}))
	defer s.Close()
	plain := g.url
	tests := []struct {
		name, url, method, path, origin string
		allowed, preflight              bool
	}{
		{"answer", s.URL, "POST", "/otp", mine, true, false},
		{"error", s.URL, "GET", anID, mine, true, false},
		{"unknown path", s.URL, "GET", "/x", mine, true, false},
		{"preflight", s.URL, "OPTIONS", "/otp", mine, true, true},
		{"preflight of the second", s.URL, "OPTIONS", anID, "http://localhost:3000", true, true},
		{"another origin", s.URL, "POST", "/otp", other, false, false},
		{"another origin's preflight", s.URL, "OPTIONS", "/otp", other, false, false},
		{"the origin in another case", s.URL, "POST", "/otp", "https://Shop.example", false, false},
		{"null", s.URL, "POST", "/otp", "null", false, false},
		{"no origin", s.URL, "POST", "/otp", "", false, false},
		{"off by default", plain, "POST", "/otp", mine, false, false},
		{"preflight when off", plain, "OPTIONS", "/otp", mine, false, false},
	}
	for _, test := range tests {
		g.url = test.url
		headers := []string{"Origin", test.origin}
		if test.method == "OPTIONS" {
			headers = append(headers, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-api-key", "X-API-KEY", "")
		}
		r := g.do(t, test.method, test.path, french, headers...)
		want := ""
		if test.allowed {
			want = test.origin
		}
		if got := r.header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: Access-Control-Allow-Origin %q, want %q", test.name, got, want)
		}
		if got := r.header.Get("Vary") == "Origin"; got != (test.url == s.URL) {
			t.Errorf("%s: Vary %q", test.name, r.header.Get("Vary"))
		}
		if got := strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "X-API-KEY") && strings.Contains(r.header.Get("Access-Control-Allow-Methods"), "POST"); got != test.preflight {
			t.Errorf("%s: preflight %v: %v", test.name, got, r.header)
		}
		if test.preflight && r.status != http.StatusNoContent {
			t.Errorf("%s: %d", test.name, r.status)
		}
		if got := r.header.Get("Access-Control-Allow-Credentials") == "true"; got != test.allowed {
			t.Errorf("%s: Access-Control-Allow-Credentials %q", test.name, r.header.Get("Access-Control-Allow-Credentials"))
		}
		exposed := r.header.Get("Access-Control-Expose-Headers")
		if got := strings.Contains(exposed, "Idempotent-Replayed") && strings.Contains(exposed, "Retry-After"); got != test.allowed {
			t.Errorf("%s: Access-Control-Expose-Headers %q", test.name, exposed)
		}
	}
}
