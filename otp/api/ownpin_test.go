package api

import (
	"strings"
	"testing"
	"time"
)

// TestOwnPIN: the caller's PIN is sent as it is, sealed, and verified as ours would be; only where the
// application is allowed it.
func TestOwnPIN(t *testing.T) {
	g := newGateway(t)
	for _, pin := range []string{"4821", "AbC9x", "0123456789"} {
		id := g.create(t, `{"phoneNumber":"+33612345678","pin":"`+pin+`","pinLength":4}`)
		if got := g.pin(t); got != pin {
			t.Errorf("sent %s, want %s", got, pin)
		}
		if r := g.do(t, "GET", "/otp/"+id, ""); strings.Contains(r.text, pin) {
			t.Errorf("the answer has the PIN: %s", r.text)
		}
		wantError(t, "wrong", g.do(t, "POST", "/otp/"+id, `{"pin":"`+strings.Repeat("7", len(pin))+`"}`), 400, 2029, "invalid_pin")
		if r := g.do(t, "POST", "/otp/"+id, `{"pin":"`+strings.ToLower(pin)+`"}`); r.status != 200 {
			t.Errorf("%s: %d %s", pin, r.status, r.text)
		}
	}
	id := g.create(t, `{"phoneNumber":"+33612345678","pin":482913}`)
	if r := g.do(t, "POST", "/otp/"+id, `{"pin":482913}`); g.pin(t) != "482913" || r.status != 200 {
		t.Errorf("as a number: %d %s", r.status, r.text)
	}
	for _, pin := range []string{`"123"`, `"12345678901"`, `"12 34"`, `"12-34"`, `"пинк"`, `""`, `[]`, `true`, `1e5`, `-1234`} {
		wantError(t, pin, g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","pin":`+pin+`}`), 400, 2034, "invalid_param")
	}
	if r := g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","pin":null}`); r.status != 201 {
		t.Errorf("null: %d %s", r.status, r.text)
	}
	wantError(t, "not allowed", g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","pin":"4821"}`, "X-API-KEY", thirdKey), 400, 2034, "invalid_param")
	if log := g.log.String(); strings.Contains(log, "0123456789") || strings.Contains(log, "AbC9x") {
		t.Error("the log has a PIN")
	}
}

// TestOutcome: an OTP that the application verifies itself ends as it says, and the guard hears of it.
func TestOutcome(t *testing.T) {
	g := newGateway(t)
	own := func() string { return "/otp/" + g.create(t, `{"phoneNumber":"+33612345678","pin":"482913"}`) }
	good, bad := own(), own()
	for range 2 { // told again it changes nothing
		if r := g.do(t, "POST", good+"/outcome", `{"verified":true}`); r.status != 200 || r.string("status") != "VERIFIED" {
			t.Errorf("%d %s", r.status, r.text)
		}
		if r := g.do(t, "POST", bad+"/outcome", `{"verified":false}`); r.status != 200 || r.string("status") != "FAILED" {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	wantError(t, "verified, then not", g.do(t, "POST", good+"/outcome", `{"verified":false}`), 400, 2023, "otp_verified")
	wantError(t, "failed, then verified", g.do(t, "POST", bad+"/outcome", `{"verified":true}`), 400, 2026, "otp_failed")
	wantError(t, "a guess after it", g.do(t, "POST", good, `{"pin":"482913"}`), 400, 2023, "otp_verified")
	open := own()
	for _, body := range []string{`{}`, `{"verified":"true"}`, `{"verified":1}`, `{"verified":null}`} {
		wantError(t, body, g.do(t, "POST", open+"/outcome", body), 400, 2035, "invalid_param")
	}
	wantError(t, "twice", g.do(t, "POST", open+"/outcome", `{"verified":true,"verified":false}`), 400, 1000, "invalid_body")
	wantError(t, "another's", g.do(t, "POST", open+"/outcome", `{"verified":true}`, "X-API-KEY", otherKey), 404, 2021, "not_found")
	wantError(t, "nobody's", g.do(t, "POST", anID+"/outcome", `{}`), 404, 2021, "not_found")
	wantError(t, "the gateway's PIN", g.do(t, "POST", "/otp/"+g.create(t, french)+"/outcome", `{"verified":true}`), 403, 2036, "access_denied")
	wantError(t, "GET", g.do(t, "GET", open+"/outcome", ""), 405, 1005, "invalid_method")
	g.advance(5 * time.Minute)
	wantError(t, "too late", g.do(t, "POST", open+"/outcome", `{"verified":true}`), 400, 2025, "otp_expired")
}
