package hooks

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api"
	"github.com/otpgw/otpgw/otp/internal/facetest"
	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue/queuetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret    = "b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw=="
	oldSecret = "YW5vdGhlciBzZWNyZXQgb2YgMzIgYnl0ZXMgb2YgdGVzdA=="
)

type gateway struct{ *facetest.Gateway }

func newGateway(t *testing.T) gateway {
	t.Helper()
	shop := otp.App{Name: "shop", APIKeys: []string{"shop-key"}, Senders: []string{"Shop"}, From: "Shop", Template: "Your code is {{pin}}",
		Templates: map[string]string{"fr": "Votre code est {{pin}}"}, TTL: 5 * time.Minute, MaxAttempts: 5, PINType: pin.Numbers, PINLength: 6,
		SupabaseSecret: "v1,whsec_" + secret + "|v1,whsec_" + oldSecret, SendLimits: limit.Limits{{Max: 2, Per: time.Hour}}}
	bare := shop
	bare.Name, bare.APIKeys, bare.SupabaseSecret = "bare", []string{"bare-key"}, ""
	apps := []otp.App{shop, bare}
	return gateway{facetest.New(t, apps, func(s *otp.Service) []api.Face { return Faces(s, apps) })}
}

type reply struct {
	status int
	header http.Header
	text   string
	OtpID  string
	Error  struct {
		HTTPCode int    `json:"http_code"`
		Message  string `json:"message"`
	}
}

func (g gateway) post(t *testing.T, path, body string, headers ...string) reply {
	t.Helper()
	answer := g.Post(t, path, body, headers...)
	r := reply{status: answer.Status, header: answer.Header, text: string(answer.Body)}
	_ = json.Unmarshal(answer.Body, &r)
	return r
}

// sign makes the headers of Standard Webhooks.
func sign(t *testing.T, key, id, body string, at time.Time) []string {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(key)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := hook.Sign(id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return []string{"webhook-id", id, "webhook-timestamp", strconv.FormatInt(at.Unix(), 10), "webhook-signature", signature}
}

const signIn = `{"user":{"id":"6481a5c1-3d37-4a56-9f6a-bee08c554965","aud":"authenticated","role":"authenticated","email":"","phone":"33612345678",
	"app_metadata":{"provider":"phone","providers":["phone"]},"user_metadata":{},"identities":[],"is_anonymous":false},"sms":{"otp":"561166"}}`

// TestSupabase: the documented request sends Supabase's own code in the application's template; tried again,
// with the same id, it sends nothing more.
func TestSupabase(t *testing.T) {
	g := newGateway(t)
	first := g.post(t, "/hooks/supabase/shop", signIn, sign(t, secret, "msg_1", signIn, time.Now())...)
	if first.status != 200 || first.OtpID == "" || first.Error.HTTPCode != 0 {
		t.Fatalf("%d %s", first.status, first.text)
	}
	if got := g.Text(t); got != "+33612345678 Votre code est 561166" {
		t.Error(got)
	}
	again := g.post(t, "/hooks/supabase/shop", signIn, sign(t, oldSecret, "msg_1", signIn, time.Now())...)
	if again.status != 200 || again.OtpID != first.OtpID {
		t.Errorf("again: %d %s", again.status, again.text)
	}
	change := `{"user":{"phone":"33612345678","new_phone":"46700000001"},"sms":{"otp":"0042","sms_type":"phone_change"}}`
	if r := g.post(t, "/hooks/supabase/shop", change, sign(t, secret, "msg_2", change, time.Now())...); r.status != 200 {
		t.Errorf("%d %s", r.status, r.text)
	}
	if got := g.Text(t); got != "+46700000001 Your code is 0042" { // and none of the repeated request before it
		t.Error(got)
	}
}

// TestSupabaseRefuses: a forged or stale request is 401; what a user is to be told comes in the body; 429 and
// 503 may be tried again.
func TestSupabaseRefuses(t *testing.T) {
	g := newGateway(t)
	for name, headers := range map[string][]string{
		"another secret": sign(t, "c29tZWJvZHkgZWxzZSdzIHNlY3JldCBvZiBieXRlcw==", "m", signIn, time.Now()),
		"another body":   sign(t, secret, "m", signIn+" ", time.Now()),
		"an hour old":    sign(t, secret, "m", signIn, time.Now().Add(-time.Hour)),
		"not signed":     nil,
	} {
		if r := g.post(t, "/hooks/supabase/shop", signIn, headers...); r.status != 401 || r.Error.HTTPCode != 401 || r.Error.Message == "" {
			t.Errorf("%s: %d %s", name, r.status, r.text)
		}
	}
	for _, path := range []string{"/hooks/supabase/bare", "/hooks/supabase/nobody"} {
		if r := g.post(t, path, signIn, sign(t, secret, "m", signIn, time.Now())...); r.status != 401 {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	for body, want := range map[string][2]int{
		`{"user":{"phone":"330"},"sms":{"otp":"561166"}}`:         {200, 400}, // no such number
		`{"user":{"phone":"14165550123"},"sms":{"otp":"561166"}}`: {200, 403}, // no route
		`{"user":{"phone":"33612345678"},"sms":{"otp":"1"}}`:      {400, 400},
		`{"user":{},"sms":{"otp":"561166"}}`:                      {400, 400},
		`{"user":{"phone":5}}`:                                    {400, 400},
		`[]`:                                                      {400, 400},
		`{"user":{"phone":"33612345678","Phone":"46700000001"},"sms":{"otp":"561166"}}`:     {400, 400},
		`{"user":{"phone":"33612345678","phone":"46700000001"},"sms":{"otp":"561166"}}`:     {400, 400},
		`{"user":{"phone":"33612345678"},"sms":{"otp":"561166"},"SMS":{"otp":"561167"}}`:    {400, 400},
		`{"user":{"phone":"33612345678"},"sms":{"otp":"561166","phone":"1","PHONE":"2"}}{}`: {400, 400},
	} {
		if r := g.post(t, "/hooks/supabase/shop", body, sign(t, secret, "msg "+body, body, time.Now())...); r.status != want[0] || r.Error.HTTPCode != want[1] || r.Error.Message == "" {
			t.Errorf("%s: %d %s, want %v", body, r.status, r.text, want)
		}
	}
	var last reply
	for _, id := range []string{"a", "b", "c"} { // two an hour
		last = g.post(t, "/hooks/supabase/shop", signIn, sign(t, secret, id, signIn, time.Now())...)
	}
	if last.status != 429 || last.Error.HTTPCode != 429 || last.header.Get("Retry-After") == "" {
		t.Errorf("too many: %d %s %v", last.status, last.text, last.header)
	}
	queuetest.Close(t, g.Service.Queue)
	if r := g.post(t, "/hooks/supabase/shop", signIn, sign(t, secret, "d", signIn, time.Now())...); r.status != 503 || r.Error.HTTPCode != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("store gone: %d %s %v", r.status, r.text, r.header)
	}
}

// TestKratosAndZitadel: what their couriers post, with the key by header, as a bearer and by HTTP Basic.
func TestKratosAndZitadel(t *testing.T) {
	g := newGateway(t)
	basic := "Basic c2hvcDpzaG9wLWtleQ==" // shop:shop-key
	for _, test := range []struct{ name, path, body, header, value, want string }{
		{"all that Kratos has", "/hooks/kratos/shop", `{"recipient":"+46700000001","template_type":"login_code_valid","subject":"","body":"Your login code is: 847392\n\nIt expires in 15 minutes.",
			"template_data":{"to":"+46700000001","login_code":"847392","identity":{"id":"a"},"expires_in_minutes":15},"message_type":"sms"}`, "X-API-KEY", "shop-key", "+46700000001 Your code is 847392"},
		{"Kratos verification", "/hooks/kratos/shop", `{"recipient":"+46700000002","template_data":{"to":"+46700000002","verification_code":"123456","verification_url":""}}`, "Authorization", "Bearer shop-key", "+46700000002 Your code is 123456"},
		{"Kratos with an own body", "/hooks/kratos/shop", `{"To":"+46700000003","Body":"Your code is 998877."}`, "X-API-KEY", "shop-key", "+46700000003 Your code is 998877"},
		{"Zitadel verification", "/hooks/zitadel/shop", `{"contextInfo":{"eventType":"user.human.phone.code.added","provider":{"id":"285181292935381355","description":"otpgw"},"recipientPhoneNumber":"+33612345678"},
			"templateData":{"title":"Zitadel - Verify phone","text":"A new phone number has been added. Please use the following code to verify it X0L2Q9"},
			"args":{"code":"X0L2Q9","displayName":"Ann"}}`, "Authorization", basic, "+33612345678 Votre code est X0L2Q9"},
		{"Zitadel one-time password", "/hooks/zitadel/shop", `{"contextInfo":{"eventType":"user.human.otp.sms.code.added","recipientPhoneNumber":"+46700000004"},
			"templateData":{"text":"66543211 is your one-time password for example.com."},"args":{"OTP":"66543211","Domain":"example.com"}}`, "Authorization", basic, "+46700000004 Your code is 66543211"},
		{"Zitadel by its text", "/hooks/zitadel/shop", `{"contextInfo":{"recipientPhoneNumber":"+46700000005"},"templateData":{"text":"66543211 is your one-time password."},"args":{}}`, "X-API-KEY", "shop-key", "+46700000005 Your code is 66543211"},
	} {
		r := g.post(t, test.path, test.body, test.header, test.value)
		if r.status != 200 || r.OtpID == "" {
			t.Errorf("%s: %d %s", test.name, r.status, r.text)
			continue
		}
		if got := g.Text(t); got != test.want {
			t.Errorf("%s: %s", test.name, got)
		}
	}
	const body = `{"recipient":"+46700000001","template_data":{"login_code":"847392"}}`
	for _, test := range []struct {
		name, path, body, key string
		status                int
	}{
		{"no key", "/hooks/kratos/shop", body, "", 401},
		{"a wrong key", "/hooks/zitadel/shop", body, "guess", 401},
		{"another's key", "/hooks/kratos/shop", body, "bare-key", 404},
		{"no code", "/hooks/kratos/shop", `{"recipient":"+46700000001","body":"Hello"}`, "shop-key", 400},
		{"two codes", "/hooks/kratos/shop", `{"recipient":"+46700000001","body":"1234 or 5678"}`, "shop-key", 400},
		{"no number", "/hooks/zitadel/shop", `{"args":{"code":"123456"}}`, "shop-key", 400},
		{"no JSON", "/hooks/zitadel/shop", `code=123456`, "shop-key", 400},
		{"two numbers", "/hooks/zitadel/shop", `{"contextInfo":{"recipientPhoneNumber":"+46700000001","recipient_phone_number":"+46700000002"},"args":{"code":"123456"}}`, "shop-key", 400},
		{"two codes of one name", "/hooks/kratos/shop", `{"recipient":"+46700000001","template_data":{"code":"847392","Code":"847393"}}`, "shop-key", 400},
		{"a key twice", "/hooks/kratos/shop", `{"recipient":"+46700000001","template_data":{"code":"847392","code":"847393"}}`, "shop-key", 400},
		{"a bad number", "/hooks/kratos/shop", `{"recipient":"+4670","template_data":{"login_code":"847392"}}`, "shop-key", 400},
	} {
		if r := g.post(t, test.path, test.body, "X-API-KEY", test.key); r.status != test.status || r.Error.HTTPCode != test.status || r.Error.Message == "" {
			t.Errorf("%s: %d %s", test.name, r.status, r.text)
		}
	}
}

func TestCodeIn(t *testing.T) {
	for text, want := range map[string]string{"Your code is 847392.": "847392", "847392, I say 847392": "847392", "12 in 15 minutes: 0042": "0042", "1234 5678": "", "none": "", "12345678901": ""} {
		if got := codeIn(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
