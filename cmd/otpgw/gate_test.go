package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestAdminIsClosedToPages: what other origins and names of other hosts get of the operator's port of a
// running daemon.
func TestAdminIsClosedToPages(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), nil))
	c := client(t)
	ask := func(method, path, host string, headers ...string) *http.Response {
		req, err := http.NewRequest(method, d.Admin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if req.Host = host; host == "" {
			req.Host = strings.TrimPrefix(d.Admin, "http://")
		}
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		req.Header.Set(operator.Header, testAdminToken)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return resp
	}
	for _, test := range []struct {
		name, method, path, host string
		headers                  []string
		want                     int
	}{
		{"a program", "GET", "/metrics", "", nil, 200},
		{"a program that writes", "POST", "/dlq/1/replay", "", nil, 404},
		{"by localhost", "GET", "/", "localhost:9090", nil, 200},
		{"by IPv6", "GET", "/healthz", "[::1]:9090", nil, 200},
		{"a link", "GET", "/", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"its own page", "POST", "/dlq/1/replay", "", []string{"Sec-Fetch-Site", "same-origin"}, 404},
		{"its own page, an older browser", "POST", "/dlq/1/replay", "", []string{"Origin", d.Admin}, 404},

		{"a page that replays", "POST", "/dlq/1/replay", "", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a form of a page", "POST", "/dlq/1/replay", "", []string{"Origin", "https://evil.example", "Content-Type", "text/plain"}, 403},
		{"a sandboxed page", "POST", "/dlq/1/replay", "", []string{"Origin", "null"}, 403},
		{"another port of this host", "POST", "/dlq/1/replay", "", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"a page that reads", "GET", "/dlq", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"a frame", "GET", "/", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"DNS rebinding", "GET", "/dlq", "evil.example:9090", nil, 421},
		{"DNS rebinding of the metrics", "GET", "/metrics", "evil.example", []string{"Origin", "http://evil.example"}, 421},
		{"a name that begins like an address", "GET", "/", "127.0.0.1.evil.example", nil, 421},
	} {
		resp := ask(test.method, test.path, test.host, test.headers...)
		if resp.StatusCode != test.want {
			t.Errorf("%s: %d, want %d", test.name, resp.StatusCode, test.want)
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s %q", test.name, name, got)
			}
		}
		if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: it may be framed", test.name)
		}
	}
}

// TestAdminByName: a listener that is not on loopback is there to be reached by names.
func TestAdminByName(t *testing.T) {
	t.Parallel()
	h := operator.ClosedToPages(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), &net.TCPAddr{IP: net.IPv4zero, Port: 9090})
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Host = "gateway.internal:9090"
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}
