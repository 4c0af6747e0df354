package api

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

var otpKeys = []string{"otpId", "trackId", "phoneNumber", "countryIso", "status", "cost", "parts", "maxAttempts", "attempts", "ttl",
	"otpCallbackUrl", "dateCreated", "dateExpires", "delivery", "from", "language", "encoding"}

// TestNewOtpVectors: every row of the table of POST /otp, and everything else people send. None is a 500.
func TestNewOtpVectors(t *testing.T) {
	data, err := os.ReadFile("../../testdata/api/new_otp_errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Name, Body string
		B64        []byte
		Code       otp.Code
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	g := newGateway(t)
	for _, v := range list {
		body := v.Body
		if v.B64 != nil {
			body = string(v.B64)
		}
		r := g.do(t, "POST", "/otp", body)
		switch {
		case v.Code == 0:
			if r.status != 201 {
				t.Errorf("%s: %d %s", v.Name, r.status, r.text)
			}
			for _, k := range otpKeys {
				if _, ok := r.body[k]; !ok {
					t.Errorf("%s: no %s", v.Name, k)
				}
			}
		case v.Code == otp.CodeInvalidBody:
			wantError(t, v.Name, r, 400, v.Code, "invalid_body")
		default:
			wantError(t, v.Name, r, 400, v.Code, "invalid_param")
		}
	}
}

func TestLife(t *testing.T) {
	g := newGateway(t)
	id := g.create(t, `{"phoneNumber":"+33612345678","maxAttempts":3}`)
	pin := g.pin(t)
	path := "/otp/" + id
	if r := g.do(t, "GET", path, ""); r.status != 200 || r.string("status") != "PENDING" || r.string("otpId") != id {
		t.Errorf("%d %s", r.status, r.text)
	}
	wantError(t, "wrong", g.do(t, "POST", path, `{"pin":"`+wrong(pin)+`"}`), 400, 2029, "invalid_pin")
	if r := g.do(t, "GET", path, ""); r.body["attempts"] != 1.0 {
		t.Errorf("%s", r.text)
	}
	if r := g.do(t, "POST", path, `{"pin":"`+pin+`"}`); r.status != 200 || strings.TrimSpace(r.text) != `{"status":"VERIFIED"}` {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := g.do(t, "GET", path, ""); r.string("status") != "VERIFIED" || r.body["attempts"] != 1.0 {
		t.Errorf("%s", r.text)
	}
}

// TestPINAsNumber: with its leading zeros lost, as numbers lose them.
func TestPINAsNumber(t *testing.T) {
	g := newGateway(t)
	for range 3 {
		path := "/otp/" + g.create(t, french)
		number := strings.TrimLeft(g.pin(t), "0")
		if number == "" {
			number = "0"
		}
		if r := g.do(t, "POST", path, `{"pin":`+number+`}`); r.status != 200 {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
}

// TestOtpErrors: every row of the table of /otp/{otpId}.
func TestOtpErrors(t *testing.T) {
	g := newGateway(t)
	guess := func(id, pin string) reply { return g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin+`"}`) }
	const unknown = "bf325375-e030-4ccb-a009-17317c574773"
	for _, id := range []string{unknown, "x", "%3E", "a%2Fb", "..%2f", strings.Repeat("x", 3000)} {
		wantError(t, "get "+id, g.do(t, "GET", "/otp/"+id, ""), 404, notFoundCode(id), "not_found")
	}
	wantError(t, "verify unknown", guess(unknown, "1"), 404, 2021, "not_found")
	wantError(t, "verify unknown without pin", g.do(t, "POST", "/otp/"+unknown, `{}`), 404, 2021, "not_found")
	wantError(t, "cancel unknown", g.do(t, "DELETE", "/otp/"+unknown, ""), 404, 2021, "not_found")

	id := g.create(t, french)
	pin := g.pin(t)
	for _, method := range []string{"GET", "POST", "DELETE"} {
		wantError(t, method+" another's", g.do(t, method, "/otp/"+id, `{"pin":"1"}`, "X-API-KEY", otherKey), 404, 2021, "not_found")
	}
	for _, body := range []string{`{}`, `{"pin":""}`, `{"pin":null}`, `{"pin":" "}`, `{"pin":[]}`} {
		wantError(t, body, g.do(t, "POST", "/otp/"+id, body), 400, 2022, "invalid_param")
	}
	for _, body := range []string{``, `null`, `[]`, `{"pin":012}`} {
		wantError(t, body, g.do(t, "POST", "/otp/"+id, body), 400, 1000, "invalid_body")
	}
	wantError(t, "wrong", guess(id, wrong(pin)), 400, 2029, "invalid_pin")
	if r := guess(strings.ToUpper(id), pin); r.status != 200 {
		t.Errorf("right: %s", r.text)
	}
	wantError(t, "verified", guess(id, pin), 400, 2023, "otp_verified")
	wantError(t, "cancel verified", g.do(t, "DELETE", "/otp/"+id, ""), 403, 2031, "access_denied")

	id = g.create(t, french)
	pin = g.pin(t)
	if r := g.do(t, "DELETE", "/otp/"+id, ""); r.status != 200 || strings.TrimSpace(r.text) != `{"info":{"id":"`+id+`"}}` {
		t.Errorf("cancel: %d %s", r.status, r.text)
	}
	wantError(t, "cancelled", guess(id, pin), 400, 2024, "otp_cancelled")
	wantError(t, "cancel again", g.do(t, "DELETE", "/otp/"+id, ""), 403, 2030, "access_denied")

	id = g.create(t, `{"phoneNumber":"+33612345678","maxAttempts":1}`)
	pin = g.pin(t)
	wantError(t, "last", guess(id, wrong(pin)), 400, 2027, "otp_failed")
	wantError(t, "failed", guess(id, pin), 400, 2026, "otp_failed")
	wantError(t, "cancel failed", g.do(t, "DELETE", "/otp/"+id, ""), 403, 2031, "access_denied")
}

// notFoundCode: what decodes to two segments with dots is no path; all else is an id that is none.
func notFoundCode(id string) otp.Code {
	if id == "..%2f" {
		return otp.CodeUnknownPath
	}
	return otp.CodeNotFound
}

func TestExpired(t *testing.T) {
	g := newGateway(t)
	id := g.create(t, french)
	pin := g.pin(t)
	g.advance(5 * time.Minute)
	wantError(t, "verify", g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin+`"}`), 400, 2025, "otp_expired")
	if r := g.do(t, "GET", "/otp/"+id, ""); r.string("status") != "EXPIRED" {
		t.Error(r.text)
	}
	wantError(t, "cancel", g.do(t, "DELETE", "/otp/"+id, ""), 403, 2031, "access_denied")
}

// TestExpiredMeanwhile: the clock passes the end between the two looks at it.
func TestExpiredMeanwhile(t *testing.T) {
	g := newGateway(t)
	id := g.create(t, french)
	pin := g.pin(t)
	looks := 0
	clock := g.service.Now
	g.service.Now = func() time.Time {
		looks++
		if looks > 1 {
			return clock().Add(time.Hour)
		}
		return clock()
	}
	wantError(t, "verify", g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin+`"}`), 400, 2028, "otp_expired")
}

func TestNoCoverage(t *testing.T) {
	g := newGateway(t)
	wantError(t, "create", g.do(t, "POST", "/otp", `{"phoneNumber":"+14165550123"}`), 403, 1119, "no_coverage")
}

func TestQueueFull(t *testing.T) {
	g := newGateway(t, queuetest.WithBounds(queue.Bounds{SMS: queue.Bound{Msgs: 1}}))
	g.create(t, french)
	r := g.do(t, "POST", "/otp", french)
	wantError(t, "create", r, 503, 1010, "server_error")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After on POST")
	}
	for range 20 {
		wantError(t, "once more", g.do(t, "POST", "/otp", french), 503, 1010, "server_error")
	}
	if n := strings.Count(g.log.String(), "request failed"); n != 1 {
		t.Errorf("%d lines of what all requests are refused for, want one", n)
	}
}

// TestStoreGone: 503 on each call, within the deadline, and Retry-After on POST only.
func TestStoreGone(t *testing.T) {
	g := newGateway(t)
	id := g.create(t, french)
	queuetest.Close(t, g.service.Queue)
	for _, c := range []struct{ method, path, body string }{{"POST", "/otp", french}, {"GET", "/otp/" + id, ""}, {"POST", "/otp/" + id, `{"pin":"1"}`}, {"DELETE", "/otp/" + id, ""}} {
		r := g.do(t, c.method, c.path, c.body)
		wantError(t, c.method, r, 503, 1010, "server_error")
		if has := r.header.Get("Retry-After") != ""; has != (c.method == "POST") {
			t.Errorf("%s: Retry-After %v", c.method, has)
		}
	}
}

// TestTable: every code has a row, with a type clients know; and the log of all that has none of the secrets.
func TestTable(t *testing.T) {
	for code, w := range table {
		if !slices.Contains(kinds, w.kind) || http.StatusText(w.status) == "" || w.status < 400 {
			t.Errorf("%d: %+v", code, w)
		}
	}
	for c := otp.CodePhoneMissing; c <= otp.CodeCancelNotPending; c++ {
		if _, ok := table[c]; !ok {
			t.Errorf("%d has no row", c)
		}
	}
}

// TestLogKeepsSecrets: after a life with everything in it.
func TestLogKeepsSecrets(t *testing.T) {
	g := newGateway(t)
	id := g.create(t, `{"phoneNumber":"+33612345678","template":"SECRETTEXT is {{pin}}","pinType":"letters","pinLength":10}`)
	pin := g.pin(t)
	g.do(t, "POST", "/otp/"+id, `{"pin":"QQQQQQQQQQ"}`)
	g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin+`"}`)
	g.do(t, "GET", "/otp/+33612345678?key="+demoKey, "")
	g.do(t, "GET", "/+33612345678?key="+demoKey, "", "Authorization", "Bearer "+otherKey)
	log := g.log.String()
	for _, secret := range []string{pin, "SECRETTEXT", "QQQQQQQQQQ", "612345678", demoKey, otherKey} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %s", secret)
		}
	}
	for _, wanted := range []string{id, `"app":"demo"`, `"status":201`, `"code":2029`, `"+336******78"`} {
		if !strings.Contains(log, wanted) {
			t.Errorf("the log has no %s:\n%s", wanted, log)
		}
	}
}
