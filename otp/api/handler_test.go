package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api/apitest"
)

const anID = "/otp/bf325375-e030-4ccb-a009-17317c574773"

func TestAuth(t *testing.T) {
	g := newGateway(t)
	tests := []struct {
		name    string
		headers []string
		app     string // "" is 401
	}{
		{"key", []string{"X-API-KEY", demoKey}, "demo"},
		{"second key", []string{"X-API-KEY", "demo-key-2"}, "demo"},
		{"key with spaces", []string{"X-API-KEY", " " + demoKey + " "}, "demo"},
		{"bearer", []string{"X-API-KEY", "", "Authorization", "Bearer " + demoKey}, "demo"},
		{"bearer in lower case", []string{"X-API-KEY", "", "Authorization", "bearer " + otherKey}, "other"},
		{"both", []string{"X-API-KEY", demoKey, "Authorization", "Bearer " + demoKey}, "demo"},
		{"bad key, good bearer", []string{"X-API-KEY", "x", "Authorization", "Bearer " + otherKey}, "other"},
		{"good key, bad bearer", []string{"X-API-KEY", demoKey, "Authorization", "Bearer x"}, "demo"},
		{"two applications: the key counts", []string{"X-API-KEY", otherKey, "Authorization", "Bearer " + demoKey}, "other"},
		{"none", []string{"X-API-KEY", ""}, ""},
		{"bad key", []string{"X-API-KEY", "x"}, ""},
		{"prefix of a key", []string{"X-API-KEY", demoKey[:5]}, ""},
		{"empty bearer", []string{"X-API-KEY", "", "Authorization", "Bearer "}, ""},
		{"basic", []string{"X-API-KEY", "", "Authorization", "Basic " + demoKey}, ""},
		{"only the key", []string{"X-API-KEY", "", "Authorization", demoKey}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := g.do(t, "POST", "/otp", french, test.headers...)
			if test.app == "" {
				wantError(t, test.name, r, 401, 1001, "invalid_api_key")
				return
			}
			if r.status != 201 {
				t.Fatalf("%d %s", r.status, r.text)
			}
			limit := r.header.Get("X-Rate-Limit-Limit")
			if (limit == "3") != (test.app == "other") {
				t.Errorf("limit %s", limit)
			}
		})
	}
	wantError(t, "before the body is read", g.do(t, "POST", "/otp", "{", "X-API-KEY", "", "Content-Type", "text/plain"), 401, 1001, "invalid_api_key")
}

func TestPathsAndMethods(t *testing.T) {
	g := newGateway(t)
	for _, path := range []string{"/", "/x", "/otpx", "/otp/a/b", "/otp//b", "//otp", "/otp/./a", "/otp/../otp", "/oauth", "/applications", anID + "/resend/x", "/OTP", "/otp//"} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "BREW"} {
			wantError(t, method+" "+path, g.do(t, method, path, "{}"), 404, 1004, "not_found")
		}
	}
	wantError(t, "unknown path without a key", g.do(t, "GET", "/x", "", "X-API-KEY", ""), 404, 1004, "not_found")
	for path, allow := range map[string]string{"/otp": "GET, HEAD, POST, OPTIONS", "/otp/": "GET, HEAD, POST, OPTIONS", anID: "GET, HEAD, POST, DELETE, OPTIONS", anID + "/": "GET, HEAD, POST, DELETE, OPTIONS"} {
		for _, method := range []string{"PUT", "PATCH", "TRACE", "BREW"} {
			r := g.do(t, method, path, "{}")
			wantError(t, method+" "+path, r, 405, 1005, "invalid_method")
			if got := r.header.Get("Allow"); got != allow {
				t.Errorf("%s: Allow %s", path, got)
			}
		}
		if r := g.do(t, "OPTIONS", path, "", "X-API-KEY", ""); r.status != 204 || r.header.Get("Allow") != allow || r.text != "" {
			t.Errorf("OPTIONS %s: %d %s", path, r.status, r.header.Get("Allow"))
		}
	}
	wantError(t, "GET /otp", g.do(t, "GET", "/otp", ""), 400, 2001, "invalid_param")
	wantError(t, "DELETE /otp/", g.do(t, "DELETE", "/otp/", ""), 405, 1005, "invalid_method")
	if r := g.do(t, "HEAD", "/otp", ""); r.status != 400 || r.text != "" {
		t.Errorf("HEAD /otp: %d %q", r.status, r.text)
	}
	// A slash at the end does not count.
	r := g.do(t, "POST", "/otp/", french)
	if r.status != 201 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	id := r.string("otpId")
	if r := g.do(t, "GET", "/otp/"+id+"/", ""); r.status != 200 {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := g.do(t, "HEAD", "/otp/"+id, ""); r.status != 200 || r.text != "" || r.header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %d %q", r.status, r.text)
	}
	if r := g.do(t, "HEAD", anID, ""); r.status != 404 || r.text != "" {
		t.Errorf("HEAD: %d %q", r.status, r.text)
	}
}

func TestContentType(t *testing.T) {
	g := newGateway(t)
	for value, ok := range map[string]bool{
		"": true, "application/json": true, "application/json; charset=utf-8": true, "Application/JSON;charset=UTF-8": true, "application/json; x": true,
		"text/plain": false, "application/x-www-form-urlencoded": false, "application/jsonx": false, "json": false, ";": false,
	} {
		for _, path := range []string{"/otp", anID} {
			r := g.do(t, "POST", path, french, "Content-Type", value)
			switch {
			case !ok:
				wantError(t, value, r, 415, 1011, "invalid_body")
			case path == "/otp" && r.status != 201:
				t.Errorf("%q: %d %s", value, r.status, r.text)
			}
		}
	}
	wantError(t, "gzip", g.do(t, "POST", "/otp", french, "Content-Encoding", "gzip"), 415, 1011, "invalid_body")
	if r := g.do(t, "POST", "/otp", french, "Content-Encoding", "identity"); r.status != 201 {
		t.Errorf("identity: %d", r.status)
	}
	// Where there is no body, its type does not matter.
	wantError(t, "GET", g.do(t, "GET", anID, "", "Content-Type", "text/plain"), 404, 2021, "not_found")
}

func TestBodySize(t *testing.T) {
	g := newGateway(t)
	pad := func(size int) string { return french + strings.Repeat(" ", size-len(french)) }
	if r := g.do(t, "POST", "/otp", pad(maxBody)); r.status != 201 {
		t.Errorf("64 KiB: %d %s", r.status, r.text)
	}
	for _, size := range []int{maxBody + 1, 10 << 20} {
		wantError(t, strconv.Itoa(size), g.do(t, "POST", "/otp", pad(size)), 413, 1007, "invalid_body")
	}
}

func TestHeaders(t *testing.T) {
	g := newGateway(t)
	r := g.do(t, "POST", "/otp", french, "X-Request-Id", "abc-123_x.y")
	if r.header.Get("X-Request-Id") != "abc-123_x.y" {
		t.Errorf("X-Request-Id %s", r.header.Get("X-Request-Id"))
	}
	for _, id := range []string{strings.Repeat("x", 65), "a b", `a"b`} {
		if got := g.do(t, "POST", "/otp", french, "X-Request-Id", id).header.Get("X-Request-Id"); got == id || len(got) != 36 {
			t.Errorf("%q became %q", id, got)
		}
	}
	for _, name := range []string{"X-Response-Time", "X-Rate-Limit-Limit", "X-Rate-Limit-Remaining"} {
		if n, err := strconv.Atoi(r.header.Get(name)); err != nil || n < 0 || n == 0 && name != "X-Response-Time" {
			t.Errorf("%s: %q", name, r.header.Get(name))
		}
	}
	if r.header.Get("Cache-Control") != "no-store" || r.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", r.header)
	}
	if n := g.do(t, "GET", anID, "").header.Get("X-Rate-Limit-Limit"); n != "" {
		t.Errorf("rate limit %s on an error", n)
	}
}

func TestPanic(t *testing.T) {
	g := newGateway(t)
	for name, panics := range map[string]func(){"words": func() { panic("SECRETTEXT") }, "runtime": func() { _ = []int{}[len(demoKey)] }} {
		g.service.Measure = func(string, string) (int, string) { panics(); return 1, "" }
		wantError(t, name, g.do(t, "POST", "/otp", french), 500, 1009, "server_error")
	}
	log := g.log.String()
	if strings.Contains(log, "SECRETTEXT") || !strings.Contains(log, "panic while serving") || !strings.Contains(log, "index out of range") {
		t.Error(log)
	}
}

// TestInternalErrorIsNotTold: what went wrong inside is for the log.
func TestInternalErrorIsNotTold(t *testing.T) {
	g := newGateway(t)
	id := g.create(t, french)
	if _, err := g.service.Queue.Records().Put(context.Background(), id, []byte("{broken"), time.Minute); err != nil {
		t.Fatal(err)
	}
	r := g.do(t, "GET", "/otp/"+id, "")
	wantError(t, "get", r, 500, 1009, "server_error")
	if strings.Contains(r.text, "record") || !strings.Contains(g.log.String(), "record "+id) {
		t.Errorf("%s\n%s", r.text, g.log.String())
	}
}

// TestSlowBody: a body that does not come is given up at the request's deadline.
func TestSlowBody(t *testing.T) {
	g := newGateway(t)
	s := httptest.NewServer(New(Config{Apps: apps(), Service: g.service, Log: zerolog.Nop(), Timeout: 200 * time.Millisecond}))
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /otp HTTP/1.1\r\nHost: x\r\nX-API-KEY: %s\r\nContent-Length: 100\r\n\r\n{", demoKey)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 400 || !strings.Contains(string(body), `"code":1000`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// TestCallerHangsUp: the change is made all the same.
func TestCallerHangsUp(t *testing.T) {
	g := newGateway(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	g.service.Measure = func(route, s string) (int, string) {
		close(entered)
		<-leave
		return measure(route, s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	req, _ := http.NewRequestWithContext(ctx, "POST", g.url+"/otp", strings.NewReader(french))
	req.Header.Set("X-API-KEY", demoKey)
	done := make(chan error, 1)
	go func() {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	<-entered
	cancel()
	if err := <-done; err == nil {
		t.Error("the caller did not hang up")
	}
	close(leave)
	g.pin(t) // the message is there
}

var aUUID = regexp.MustCompile(`[0-9a-fA-F-]{36}`)

// FuzzHandler: any body and content type gets an answer of the contract, never a 500. The store is not
// reached: only requests that are refused before it count here.
func FuzzHandler(f *testing.F) {
	f.Add("POST", "/otp", "application/json", []byte(`{"phoneNumber":"x"}`))
	f.Add("PUT", "/otp/", "text/plain", []byte(`{}`))
	f.Add("GET", "/otp/%2e%2e/", "", []byte(``))
	f.Add("POST", "/oauth/token", "application/x-www-form-urlencoded", []byte(`grant_type=client_credentials&client_id=demo&client_secret=x`))
	f.Add("POST", "/oauth/revoke", "application/x-www-form-urlencoded; charset=x", []byte(`token=%zz`))
	noRoute := &otp.Service{Route: func(otp.Traffic) (string, error) { return "", otp.ErrNoRoute }, Log: zerolog.Nop()}
	h := New(Config{Apps: apps(), Service: noRoute, Log: zerolog.Nop()})
	f.Fuzz(func(t *testing.T, method, path, contentType string, body []byte) {
		req, err := http.NewRequest(method, "http://x", strings.NewReader(string(body)))
		if err != nil {
			return
		}
		req.URL.Path = "/" + strings.TrimPrefix(path, "/")
		if aUUID.MatchString(req.URL.Path) {
			return // would reach the store
		}
		switch strings.TrimSuffix(req.URL.Path, "/") {
		case "/docs", "/openapi.yaml", "/applications/demo":
			return // are there
		}
		req.Header.Set("X-API-KEY", demoKey)
		req.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		a := apitest.Answer{Method: req.Method, Path: req.URL.EscapedPath(), Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
		if err := loadDocument(t).Check(a); err != nil {
			t.Error(err)
		}
		if w.Code >= 500 || w.Code < 400 && w.Code != 204 {
			t.Errorf("%s %q: %d %s", method, path, w.Code, w.Body)
		}
		if w.Code != 204 && !strings.HasPrefix(w.Body.String(), `{"error":{"type":"`) {
			t.Errorf("%s %q: no envelope: %s", method, path, w.Body)
		}
	})
}
