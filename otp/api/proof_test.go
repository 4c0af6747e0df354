package api

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// readProof checks a proof as a stranger would, with the published keys, and returns its claims and the id of
// its key.
func (g *gateway) readProof(t *testing.T, token string) (claims map[string]any, kid string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	decode := func(part string, v any) {
		t.Helper()
		data, err := base64.RawURLEncoding.DecodeString(part)
		if err == nil && v != nil {
			err = json.Unmarshal(data, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var header struct{ Alg, Typ, Kid string }
	decode(parts[0], &header)
	decode(parts[1], &claims)
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || header.Alg != "EdDSA" || header.Typ != "JWT" {
		t.Fatalf("%+v %v", header, err)
	}
	r := g.do(t, "GET", "/.well-known/jwks.json", "", "X-API-KEY", "", "Content-Type", "")
	for _, key := range r.body["keys"].([]any) {
		key := key.(map[string]any)
		x, err := base64.RawURLEncoding.DecodeString(key["x"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if key["kid"] == header.Kid && ed25519.Verify(x, []byte(parts[0]+"."+parts[1]), signature) {
			return claims, header.Kid
		}
	}
	t.Fatalf("no published key signed %s", token)
	return nil, ""
}

// TestProof: a right PIN's answer carries a proof when it is asked for, on every daemon with the same keys,
// which change by themselves and are published before and after.
func TestProof(t *testing.T) {
	g := newGateway(t)
	second := g.twin(t)
	id := g.create(t, french)
	pin := g.pin(t)
	wantError(t, "proof of nothing", g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin+`","proof":"yes"}`), 400, 2039, "invalid_param")
	if r := g.do(t, "POST", "/otp/"+id, `{"pin":"`+wrong(pin)+`","proof":true}`); strings.Contains(r.text, "proof") {
		t.Errorf("a wrong PIN is proven: %s", r.text)
	}
	r := g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin+`","proof":true}`)
	if r.status != 200 || r.string("status") != "VERIFIED" {
		t.Fatalf("%d %s", r.status, r.text)
	}
	claims, kid := second.readProof(t, r.string("proof"))
	for name, want := range map[string]any{"otpId": id, "jti": id, "phoneNumber": "+33612345678", "sub": "+33612345678", "applicationId": "demo", "aud": "demo", "iss": "otpgw"} {
		if claims[name] != want {
			t.Errorf("%s: %v, want %v", name, claims[name], want)
		}
	}
	if iat, exp := claims["iat"].(float64), claims["exp"].(float64); exp-iat != 600 || iat < float64(time.Now().Add(-time.Minute).Unix()) {
		t.Errorf("%v to %v", iat, exp)
	}
	for _, days := range []int{31, 62} {
		g.advance(31 * 24 * time.Hour)
		keys := g.do(t, "GET", "/.well-known/jwks.json", "", "X-API-KEY", "").text
		if published := strings.Contains(keys, kid); published != (days == 31) {
			t.Errorf("after %d days: published %v", days, published)
		}
	}
	if r := g.do(t, "POST", "/otp/"+g.create(t, french), `{"pin":"`+g.pin(t)+`","proof":false}`); strings.TrimSpace(r.text) != `{"status":"VERIFIED"}` {
		t.Errorf("none asked for: %s", r.text)
	}
}

// TestConsume: of many who ask at once on two daemons exactly one gets a verified OTP.
func TestConsume(t *testing.T) {
	g := newGateway(t)
	second := g.twin(t)
	id := g.create(t, french)
	pin := g.pin(t)
	path := "/otp/" + id + "/consume"
	wantError(t, "not verified", g.do(t, "POST", path, ""), 409, 2040, "invalid_request")
	if r := g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin+`"}`); r.status != 200 {
		t.Fatal(r.text)
	}
	wantError(t, "another's", g.do(t, "POST", path, "", "X-API-KEY", otherKey), 404, 2021, "not_found")
	var got atomic.Int32
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			r := []*gateway{g, second}[i%2].do(t, "POST", path, "")
			if r.status == 200 && r.string("otpId") == id && r.string("status") == "VERIFIED" {
				got.Add(1)
				return
			}
			wantError(t, "the others", r, 409, 2041, "duplicate_value")
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("%d got it", got.Load())
	}
	cancelled := g.create(t, french)
	g.do(t, "DELETE", "/otp/"+cancelled, "")
	wantError(t, "cancelled", g.do(t, "POST", "/otp/"+cancelled+"/consume", ""), 400, 2024, "otp_cancelled")
	wantError(t, "nobody's", g.do(t, "POST", anID+"/consume", ""), 404, 2021, "not_found")
}

// TestRef: the message and the answer have the same short name, where the template wants one.
func TestRef(t *testing.T) {
	g := newGateway(t)
	r := g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","template":"{{ref}}: {{ ref }} is {{pin}}"}`)
	ref := r.string("ref")
	if r.status != 201 || len(ref) != 4 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	if text := g.text(t); !strings.HasPrefix(text, ref+": "+ref+" is ") {
		t.Errorf("ref %s, text %s", ref, text)
	}
	if again := g.do(t, "GET", "/otp/"+r.string("otpId"), ""); again.string("ref") != ref {
		t.Errorf("later: %s", again.text)
	}
	if plain := g.do(t, "POST", "/otp", french); strings.Contains(plain.text, `"ref"`) {
		t.Errorf("not asked for: %s", plain.text)
	}
}

// TestContext: a PIN that was asked for one payment confirms no other; the context is compared by what it
// means.
func TestContext(t *testing.T) {
	g := newGateway(t)
	const asked = `{"payee":"Zoë & \"Co\" {{pin}}","amount":10.50,"currency":"EUR","items":[1,{"a":null}]}`
	create := func() (id, pin string) {
		r := g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","template":"{{amount}} {{currency}} to {{payee}}, {{none}}{{items}}: the code is {{pin}}","context":`+asked+`}`)
		if r.status != 201 || strings.Contains(r.text, "payee") {
			t.Fatalf("%d %s", r.status, r.text)
		}
		text := g.text(t)
		before, pin, _ := strings.Cut(text, "the code is ")
		if before != `10.50 EUR to Zoë & "Co" {{pin}}, {{none}}{{items}}: ` {
			t.Errorf("text %q", text)
		}
		return r.string("otpId"), pin
	}
	id, pin := create()
	guess := func(pin, context string) reply {
		if context != "" {
			context = `,"context":` + context
		}
		return g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin+`"`+context+`}`)
	}
	wantError(t, "without it", guess(pin, ""), 400, 2037, "invalid_param")
	wantError(t, "null", guess(pin, "null"), 400, 2037, "invalid_param")
	others := []string{strings.Replace(asked, "10.50", "1050", 1), strings.Replace(asked, "10.50", `"10.50"`, 1), strings.Replace(asked, "Zoë", "Zoe", 1), `{}`}
	for _, other := range others[:3] {
		wantError(t, other, guess(pin, other), 400, 2029, "invalid_pin")
	}
	if r := g.do(t, "GET", "/otp/"+id, ""); r.body["attempts"] != 3.0 {
		t.Errorf("attempts %v", r.body["attempts"])
	}
	same := `{ "items" : [1.0, {"a":null}], "currency":"E\u0055R", "amount": 1.05e1, "payee":"Zo\u00eb \u0026 \"Co\" {{pin}}" }`
	if r := guess(pin, same); r.status != 200 {
		t.Errorf("the same in other words: %d %s", r.status, r.text)
	}
	id, pin = create()
	for i := range 5 {
		r := guess(pin, others[3])
		if code := []int{2029, 2027}[i/4]; r.body["error"].(map[string]any)["code"] != float64(code) {
			t.Errorf("guess %d: %s", i, r.text)
		}
	}
	plain := g.create(t, french)
	wantError(t, "one that nobody asked for", g.do(t, "POST", "/otp/"+plain, `{"pin":"`+g.pin(t)+`","context":{}}`), 400, 2037, "invalid_param")
	wantError(t, "too long", g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","context":"`+strings.Repeat("a", 1023)+`"}`), 400, 2037, "invalid_param")
	wantError(t, "half a character", g.do(t, "POST", "/otp", `{"phoneNumber":"+33612345678","context":{"a":"\ud83d"}}`), 400, 2037, "invalid_param")
	if strings.Contains(g.log.String(), "10.50") {
		t.Error("the log has the context")
	}
}

// TestVouched: the guard lets a request past that the application vouches for, and tells of the risk all the
// same.
func TestVouched(t *testing.T) {
	g := newGateway(t)
	const sweden = `{"phoneNumber":"+46700000001"`
	wantError(t, "refused", g.do(t, "POST", "/otp", sweden+`}`, "X-API-KEY", thirdKey), 403, 1012, "access_denied")
	r := g.do(t, "POST", "/otp", sweden+`,"risk":"skip"}`, "X-API-KEY", thirdKey)
	if risks, _ := r.body["risk"].([]any); r.status != 201 || !slices.Contains(risks, any("country")) {
		t.Errorf("%d %s", r.status, r.text)
	}
	counted := false
	for risk, n := range g.service.Risks() {
		counted = counted || risk.App == "third" && string(risk.Mode) == "skip" && n == 1
	}
	if !counted {
		t.Errorf("not counted: %v", g.service.Risks())
	}
	for _, value := range []string{`"none"`, `true`, `""`, `[]`} {
		wantError(t, value, g.do(t, "POST", "/otp", sweden+`,"risk":`+value+`}`, "X-API-KEY", thirdKey), 400, 2038, "invalid_param")
	}
}
