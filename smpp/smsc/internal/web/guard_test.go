package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestGuard: programs and the page itself may use the API; pages of other origins may not, whatever name they
// came by.
func TestGuard(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransmitter, "a")
	e.Submit(esmetest.Message("491701234567", "code 4711"))
	self := "http://" + srv.HTTPAddr()
	port := srv.HTTPAddr()[strings.LastIndex(srv.HTTPAddr(), ":"):]
	wait := "/api/v1/messages/wait?to=491701234567&timeout=1ms"
	for _, c := range []struct {
		name, method, path, host string
		header                   map[string]string
		want                     int
	}{
		{"a program", "PUT", "/api/v1/rules", "", nil, 200},
		{"the page", "PUT", "/api/v1/rules", "", map[string]string{"Origin": self, "Sec-Fetch-Site": "same-origin"}, 200},
		{"the page, old browser", "PUT", "/api/v1/rules", "", map[string]string{"Origin": self}, 200},
		{"another site", "PUT", "/api/v1/rules", "", map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403},
		{"another site, old browser", "PUT", "/api/v1/rules", "", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a sandboxed frame", "PUT", "/api/v1/rules", "", map[string]string{"Origin": "null"}, 403},
		{"another port", "DELETE", "/api/v1/messages", "", map[string]string{"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, 403},
		{"an image of another site", "GET", wait, "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"a rebound name", "GET", wait, "evil.example" + port, nil, 421},
		{"a rebound name writes", "PUT", "/api/v1/rules", "evil.example" + port, map[string]string{"Origin": "http://evil.example" + port, "Sec-Fetch-Site": "same-origin"}, 421},
		{"a name like localhost", "GET", wait, "localhost.evil.example", nil, 421},
		{"localhost", "GET", "/healthz", "localhost" + port, nil, 200},
		{"a name below localhost", "GET", "/healthz", "sim.localhost" + port, nil, 200},
		{"IPv6", "GET", "/healthz", "[::1]" + port, nil, 200},
		{"a link from elsewhere to the page", "GET", "/", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
		{"a program reads", "GET", wait, "", nil, 200}, // and none of the refused took the message
	} {
		req, err := http.NewRequestWithContext(esmetest.Patient(t), c.method, self+c.path, strings.NewReader("[]"))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.header {
			req.Header.Set(k, v)
		}
		req.Host = c.host
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.name, resp.StatusCode, c.want)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no nosniff", c.name)
		}
	}
}
