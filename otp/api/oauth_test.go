package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
)

const formType = "application/x-www-form-urlencoded"

// oauth posts a form as an application; "" is no Authorization.
func (g *gateway) oauth(t testing.TB, path, basic, form string) reply {
	t.Helper()
	authorization := ""
	if basic != "" {
		id, secret, _ := strings.Cut(basic, ":")
		r, _ := http.NewRequest("POST", "/", nil)
		r.SetBasicAuth(id, secret)
		authorization = r.Header.Get("Authorization")
	}
	return g.do(t, "POST", path, form, "X-API-KEY", "", "Content-Type", formType, "Authorization", authorization)
}

func (g *gateway) token(t testing.TB, scope string) string {
	t.Helper()
	r := g.oauth(t, "/oauth/token", "demo:demo secret+", "grant_type=client_credentials&scope="+url.QueryEscape(scope))
	if r.status != 200 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	return r.string("access_token")
}

// TestOAuthToken: every row of the table, and the four keys of a success.
func TestOAuthToken(t *testing.T) {
	g := newGateway(t)
	const grant = "grant_type=client_credentials"
	for _, test := range []struct {
		name, basic, form string
		status            int
		kind              string // the scope for a success
	}{
		{"all", "demo:demo secret+", grant, 200, "otp"},
		{"encoded as RFC 6749 has it", "demo:demo+secret%2B", grant, 200, "otp"},
		{"scope", "demo:demo secret+", grant + "&scope=otp", 200, "otp"},
		{"empty scope", "demo:demo secret+", grant + "&scope=", 200, "otp"},
		{"read only", "demo:demo secret+", grant + "&scope=otp:read", 200, "otp:read"},
		{"two scopes", "demo:demo secret+", grant + "&scope=otp:read+otp+otp", 200, "otp otp:read"},
		{"in the form", "", grant + "&client_id=demo&client_secret=demo+secret%2B", 200, "otp"},
		{"a resource twice", "demo:demo secret+", grant + "&resource=https://a.example&resource=https://b.example", 200, "otp"},
		{"scope twice", "demo:demo secret+", grant + "&scope=otp&scope=otp", 400, "invalid_request"},
		{"client_id twice", "", grant + "&client_id=demo&client_id=demo&client_secret=demo+secret%2B", 400, "invalid_request"},
		{"no grant_type", "demo:demo secret+", "", 400, "invalid_request"},
		{"twice", "demo:demo secret+", grant + "&" + grant, 400, "invalid_request"},
		{"no form", "demo:demo secret+", "%zz", 400, "invalid_request"},
		{"another grant", "demo:demo secret+", "grant_type=password", 400, "unsupported_grant_type"},
		{"unknown scope", "demo:demo secret+", grant + "&scope=sms", 400, "invalid_scope"},
		{"wrong secret", "demo:x", grant, 401, "invalid_client"},
		{"no secret", "demo:", grant, 401, "invalid_client"},
		{"unknown application", "nobody:demo secret+", grant, 401, "invalid_client"},
		{"another's secret", "other:demo secret+", grant, 401, "invalid_client"},
		{"an application without a secret", "other:", grant, 401, "invalid_client"},
		{"nothing", "", grant, 401, "invalid_client"},
		{"the client is first", "demo:x", "", 401, "invalid_client"},
	} {
		r := g.oauth(t, "/oauth/token", test.basic, test.form)
		if test.status != 200 {
			wantError(t, test.name, r, test.status, 1600, test.kind)
			continue
		}
		if r.status != 200 || r.string("token_type") != "Bearer" || r.body["expires_in"] != 3600.0 || r.string("scope") != test.kind || len(r.string("access_token")) < 40 || len(r.body) != 4 {
			t.Errorf("%s: %d %s", test.name, r.status, r.text)
		}
		if r.header.Get("Cache-Control") != "no-store" {
			t.Error("may be cached")
		}
	}
	wantError(t, "JSON", g.do(t, "POST", "/oauth/token", "{}"), 415, 1011, "invalid_body")
	wantError(t, "GET", g.do(t, "GET", "/oauth/token", ""), 405, 1005, "invalid_method")
	wantError(t, "too large", g.oauth(t, "/oauth/token", "demo:demo secret+", strings.Repeat("a", maxBody+1)), 413, 1007, "invalid_body")
}

// TestTokenEverywhere: a token works on another daemon, with its scope, and is refused by all within a second
// of its end.
func TestTokenEverywhere(t *testing.T) {
	g := newGateway(t)
	second := g.twin(t)
	all, read := g.token(t, ""), g.token(t, "otp:read")
	as := func(g *gateway, method, path, token string) reply {
		return g.do(t, method, path, french, "X-API-KEY", "", "Authorization", "Bearer "+token)
	}
	r := as(second, "POST", "/otp", all)
	if r.status != 201 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	id := "/otp/" + r.string("otpId")
	if r := as(second, "GET", id, read); r.status != 200 {
		t.Errorf("%d %s", r.status, r.text)
	}
	for _, call := range [][2]string{{"POST", "/otp"}, {"POST", id}, {"DELETE", id}, {"POST", id + "/resend"}} {
		wantError(t, call[0]+call[1], as(second, call[0], call[1], read), 403, 1002, "insufficient_scope")
	}
	wantError(t, "revoke another's", g.oauth(t, "/oauth/revoke", "third:third", "token="+all), 400, 1600, "invalid_request")
	wantError(t, "revoke nothing", g.oauth(t, "/oauth/revoke", "demo:demo secret+", ""), 400, 1600, "invalid_request")
	wantError(t, "revoke as nobody", g.oauth(t, "/oauth/revoke", "demo:x", "token="+all), 401, 1600, "invalid_client")
	if r := as(second, "GET", id, all); r.status != 200 {
		t.Errorf("%d %s", r.status, r.text)
	}
	for range 2 {
		if r := g.oauth(t, "/oauth/revoke", "demo:demo secret+", "token="+all+"&token_type_hint=access_token"); r.status != 200 {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	begun := time.Now()
	for _, daemon := range []*gateway{second, g} {
		wantError(t, "revoked", as(daemon, "GET", id, all), 401, 1001, "invalid_api_key")
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("took %v", took)
	}
	g.advance(time.Hour)
	second.advance(time.Hour)
	wantError(t, "expired", as(second, "GET", id, read), 401, 1001, "invalid_api_key")
	if log := g.log.String(); strings.Contains(log, all) || strings.Contains(log, "secret+") {
		t.Error("the log has a secret")
	}
}

// TestChallenge: WWW-Authenticate says what was wrong with what was presented (RFC 6750, 3 and 3.1).
func TestChallenge(t *testing.T) {
	g := newGateway(t)
	read, ended := g.token(t, "otp:read"), g.token(t, "")
	g.oauth(t, "/oauth/revoke", "demo:demo secret+", "token="+ended)
	for _, test := range []struct {
		name, key, authorization string
		status                   int
		want                     string
	}{
		{"nothing", "", "", 401, `Bearer realm="otpgw"`},
		{"a wrong key", "guess", "", 401, `Bearer realm="otpgw", error="invalid_token"`},
		{"a wrong token", "", "Bearer guess", 401, `Bearer realm="otpgw", error="invalid_token"`},
		{"a revoked token", "", "Bearer " + ended, 401, `Bearer realm="otpgw", error="invalid_token"`},
		{"another scheme", "", "Basic ZGVtbzpkZW1v", 401, `Bearer realm="otpgw", error="invalid_token"`},
		{"a token that goes not so far", "", "bearer " + read, 403, `Bearer realm="otpgw", error="insufficient_scope", scope="otp"`},
	} {
		r := g.do(t, "POST", "/otp", french, "X-API-KEY", test.key, "Authorization", test.authorization)
		if got := r.header.Get("WWW-Authenticate"); r.status != test.status || got != test.want {
			t.Errorf("%s: %d %s, want %d %s", test.name, r.status, got, test.status, test.want)
		}
	}
}

func TestApplication(t *testing.T) {
	g := newGateway(t)
	r := g.do(t, "GET", "/applications/demo", "")
	settings, _ := r.body["settings"].(map[string]any)
	o, _ := settings["otp"].(map[string]any)
	want := map[string]any{"template": "Your verification code is {{pin}}", "from": "Verify", "pinType": "numbers", "pinLength": 6.0, "ttl": 300.0, "maxAttempts": 5.0, "otpCallback": nil}
	for key, value := range want {
		if got, there := o[key]; !there || got != value {
			t.Errorf("%s: %v, want %v", key, got, value)
		}
	}
	if r.status != 200 || len(o) != len(want) {
		t.Errorf("%d %s", r.status, r.text)
	}
	wantError(t, "another's", g.do(t, "GET", "/applications/other", ""), 404, 1004, "not_found")
	wantError(t, "nobody's", g.do(t, "GET", "/applications/x", ""), 404, 1004, "not_found")
	wantError(t, "without a key", g.do(t, "GET", "/applications/demo", "", "X-API-KEY", ""), 401, 1001, "invalid_api_key")
	wantError(t, "POST", g.do(t, "POST", "/applications/demo", ""), 405, 1005, "invalid_method")
}

// twin is another daemon on the same store.
func (g *gateway) twin(t testing.TB) *gateway {
	t.Helper()
	second := &gateway{log: g.log}
	s := g.service
	second.service = &otp.Service{Queue: s.Queue, Box: s.Box, Measure: s.Measure, Route: s.Route, Log: s.Log, Apps: s.Apps, Now: func() time.Time {
		return time.Now().Add(time.Duration(second.offset.Load()))
	}}
	server := httptest.NewServer(New(Config{Apps: apps(), Service: second.service, Log: s.Log}))
	t.Cleanup(server.Close)
	second.url = server.URL
	return second
}
