package callback

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestEgressAllowed(t *testing.T) {
	open := Egress{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("::ffff:192.168.7.0/120")}}
	for _, c := range []struct {
		name string
		g    Egress
		addr string
		want bool
	}{
		{"public", Egress{}, "8.8.8.8", true},
		{"public v6", Egress{}, "2606:4700::1111", true},
		{"loopback", Egress{}, "127.0.0.1", false},
		{"all of loopback", Egress{}, "127.255.1.2", false},
		{"loopback v6", Egress{}, "::1", false},
		{"unspecified", Egress{}, "0.0.0.0", false},
		{"unspecified v6", Egress{}, "::", false},
		{"private 10", Egress{}, "10.1.2.3", false},
		{"private 172", Egress{}, "172.31.0.1", false},
		{"next to private 172", Egress{}, "172.32.0.1", true},
		{"private 192", Egress{}, "192.168.0.1", false},
		{"metadata of clouds", Egress{}, "169.254.169.254", false},
		{"carrier-grade NAT", Egress{}, "100.64.0.1", false},
		{"multicast", Egress{}, "224.0.0.1", false},
		{"multicast v6", Egress{}, "ff02::1", false},
		{"broadcast", Egress{}, "255.255.255.255", false},
		{"benchmarking", Egress{}, "198.19.0.1", false},
		{"link-local v6", Egress{}, "fe80::1", false},
		{"link-local v6 with a zone", Egress{}, "fe80::1%eth0", false},
		{"unique local", Egress{}, "fd12::1", false},
		{"mapped loopback", Egress{}, "::ffff:127.0.0.1", false},
		{"mapped private", Egress{}, "::ffff:10.0.0.1", false},
		{"mapped public", Egress{}, "::ffff:8.8.8.8", true},
		{"compatible loopback", Egress{}, "::7f00:1", false},
		{"NAT64 loopback", Egress{}, "64:ff9b::7f00:1", false},
		{"NAT64 metadata", Egress{}, "64:ff9b::a9fe:a9fe", false},
		{"NAT64 public", Egress{}, "64:ff9b::808:808", true},
		{"local NAT64", Egress{}, "64:ff9b:1::808:808", false},
		{"6to4 private", Egress{}, "2002:a00:1::1", false},
		{"Teredo", Egress{}, "2001::1", false},
		{"documentation", Egress{}, "2001:db8::1", false},
		{"allowed private", open, "10.1.2.3", true},
		{"allowed, mapped", open, "::ffff:10.1.2.3", true},
		{"allowed by a mapped prefix", open, "192.168.7.9", true},
		{"beside what is allowed", open, "10.2.2.3", false},
		{"allowed v6", open, "fd12::1", true},
		{"loopback is not allowed with it", open, "127.0.0.1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.g.Allowed(netip.MustParseAddr(c.addr)); got != c.want {
				t.Errorf("%s: got %v, want %v", c.addr, got, c.want)
			}
		})
	}
	if (&Egress{}).Allowed(netip.Addr{}) {
		t.Error("no address at all was allowed")
	}
}

// TestPostRefusesAddresses dials a server that would answer.
func TestPostRefusesAddresses(t *testing.T) {
	hit := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hit <- struct{}{} }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	s := testSender(Egress{})
	for name, host := range map[string]string{"literal": "127.0.0.1", "a name that resolves to loopback": "localhost", "mapped": "[::ffff:127.0.0.1]",
		"mapped in hexadecimal": "[::ffff:7f00:1]", "zero": "0.0.0.0", "decimal form of a resolver": "127.1"} {
		t.Run(name, func(t *testing.T) {
			_, err := s.post(context.Background(), "http://"+host+":"+port+"/", "app", "msg_1", []byte("{}"), "", false)
			if err == nil {
				t.Fatal("it was called")
			}
			if !errors.Is(err, ErrRefusedAddress) && !strings.Contains(err.Error(), "lookup") {
				t.Errorf("got %v", err)
			}
		})
	}
	select {
	case <-hit:
		t.Error("the server was reached")
	default:
	}
	open := testSender(loopback)
	if a, err := open.post(context.Background(), server.URL, "app", "msg_1", []byte("{}"), "", false); err != nil || a.status != 200 {
		t.Errorf("allowed: got %d, %v", a.status, err)
	}
}

func TestPostDoesNotFollowRedirects(t *testing.T) {
	followed := make(chan struct{}, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/to", func(http.ResponseWriter, *http.Request) { followed <- struct{}{} })
	mux.Handle("/", http.RedirectHandler("/to", http.StatusTemporaryRedirect))
	server := httptest.NewServer(mux)
	defer server.Close()
	a, err := testSender(loopback).post(context.Background(), server.URL, "app", "msg_1", []byte("{}"), "", false)
	if err != nil || a.status != http.StatusTemporaryRedirect {
		t.Errorf("got %d, %v; want 307", a.status, err)
	}
	if len(followed) > 0 {
		t.Error("the redirect was followed")
	}
}

func TestPostErrorsHoldNoURL(t *testing.T) {
	s := testSender(loopback)
	s.change(loopback, 50*time.Millisecond)
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	for name, url := range map[string]string{"hangs": server.URL + "/?token=hush", "closed": "http://127.0.0.1:1/?token=hush",
		"invalid": "http://127.0.0.1:port/?token=hush", "unknown scheme": "gopher://127.0.0.1/?token=hush"} {
		t.Run(name, func(t *testing.T) {
			_, err := s.post(context.Background(), url, "app", "msg_1", []byte("{}"), "", false)
			if err == nil || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v", err)
			}
		})
	}
}

var loopback = Egress{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}

// secret is the callback secret of every application of the tests.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func testSecrets(app string) []string {
	if app == "stranger" {
		return nil
	}
	return []string{secret}
}

func testSender(g Egress) *sender {
	s := newSender(&Options{Egress: g, Secrets: testSecrets, Timeout: 5 * time.Second, Now: time.Now}, "otpgw")
	s.reach.Load().kept.DisableKeepAlives = true // no goroutine outlives the test
	return s
}
