package origin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestGate(t *testing.T) {
	for _, test := range []struct {
		name, listen, method, host string
		header                     map[string]string
		want                       int
	}{
		{"a program reads", "127.0.0.1:9090", "GET", "127.0.0.1:9090", nil, 200},
		{"a program writes", "127.0.0.1:9090", "POST", "localhost:9090", nil, 200},
		{"our page writes", "127.0.0.1:9090", "POST", "localhost:9090", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"another page writes", "127.0.0.1:9090", "POST", "localhost:9090", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"an old browser's page writes", "127.0.0.1:9090", "POST", "localhost:9090", map[string]string{"Origin": "https://evil.example"}, 403},
		{"another page reads what is private", "127.0.0.1:9090", "GET", "localhost:9090", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"a name that points here", "127.0.0.1:9090", "GET", "evil.example:9090", nil, 421},
		{"a name that points here, IPv6", "[::1]:9090", "GET", "evil.example", nil, 421},
		{"names of this machine", "[::1]:9090", "GET", "app.localhost.:9090", nil, 200},
		{"a listener for all has names", "0.0.0.0:9090", "GET", "gateway.example:9090", nil, 200},
	} {
		refuse := func(w http.ResponseWriter, status int) { w.WriteHeader(status) }
		gate := Gate{Listen: test.listen, Policy: "default-src 'none'", Private: OtherSite, Refuse: refuse}.Handler(
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "in") }))
		r := httptest.NewRequest(test.method, "/", nil)
		r.Host = test.host
		for name, value := range test.header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		gate.ServeHTTP(w, r)
		if w.Code != test.want || w.Header().Get("Content-Security-Policy") != "default-src 'none'" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d with %v, want %d", test.name, w.Code, w.Header(), test.want)
		}
	}
}
