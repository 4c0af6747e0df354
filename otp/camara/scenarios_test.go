package camara

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api"
	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/internal/facetest"
	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/otp/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	correlation = "b4333c46-49c0-4f62-80d7-f0ef930f1c46"
	mobile      = "+33612345678"
	template    = "{{code}} is your code for Cool App"
	maxSend     = 2
	maxTry      = 3
)

// operator is a gateway with the API, and what its scenarios need.
type operator struct {
	*facetest.Gateway
	t      *testing.T
	token  string
	router routers.Router
}

func newOperator(t *testing.T, change ...func(*otp.App)) *operator {
	t.Helper()
	shop := otp.App{Name: "shop", Secret: "shop-secret", APIKeys: []string{"shop-key"}, Senders: []string{"Shop"}, From: "Shop", Template: "{{pin}}",
		TTL: 5 * time.Minute, MaxAttempts: maxTry, PINType: pin.Numbers, PINLength: 6, CAMARA: true,
		SendLimits: limit.Limits{{Max: maxSend, Per: time.Hour}}, Guard: guard.Settings{Mode: guard.Enforce, Deny: []string{"NO"}}}
	for _, f := range change {
		f(&shop)
	}
	bare := shop
	bare.Name, bare.Secret, bare.APIKeys, bare.CAMARA = "bare", "bare-secret", []string{"bare-key"}, false
	document, err := openapi3.NewLoader().LoadFromData(Document)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := &operator{Gateway: facetest.New(t, []otp.App{shop, bare}, func(s *otp.Service) []api.Face { return Faces(s) }), t: t}
	document.Servers = openapi3.Servers{{URL: o.URL + base}}
	if o.router, err = gorillamux.NewRouter(document); err != nil {
		t.Fatal(err)
	}
	o.token = o.issue("shop", token.ScopeCAMARA)
	return o
}

func (o *operator) issue(app, scope string) string {
	o.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {app}, "client_secret": {app + "-secret"}, "scope": {scope}}
	resp, err := http.DefaultTransport.RoundTrip(formRequest(o.t, o.URL+"/oauth/token", form))
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	var issued struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&issued); err != nil || issued.Token == "" {
		o.t.Fatalf("%d %v", resp.StatusCode, err)
	}
	return issued.Token
}

func formRequest(t *testing.T, to string, form url.Values) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

// info is an answer: an error, or the authenticationId.
type info struct {
	errorInfo
	AuthenticationID string
}

// call posts a body, with the default headers unless others are given, and holds the answer to the document.
func (o *operator) call(path, body string, headers ...string) info {
	o.t.Helper()
	all := append([]string{"x-correlator", correlation, "Authorization", "Bearer " + o.token}, headers...)
	r := o.Post(o.t, base+path, body, lastOfEach(all)...)
	o.check(path, body, r)
	var i info
	if len(r.Body) > 0 {
		if err := json.Unmarshal(r.Body, &i); err != nil {
			o.t.Fatalf("%s: %v", r.Body, err)
		}
	}
	if r.Status >= 400 && (i.Status != r.Status || i.Message == "") {
		o.t.Errorf("%s %s: %d %s", path, body, r.Status, r.Body)
	}
	i.Status = r.Status
	return i
}

// lastOfEach lets a header given later stand for the one before it; empty, it is taken away.
func lastOfEach(headers []string) []string {
	var kept []string
	for i := 0; i < len(headers); i += 2 {
		if !slices.Contains(everyOther(headers[i+2:]), headers[i]) {
			kept = append(kept, headers[i], headers[i+1])
		}
	}
	return kept
}

func everyOther(list []string) (names []string) {
	for i := 0; i < len(list); i += 2 {
		names = append(names, list[i])
	}
	return names
}

// check holds an answer to the document, and to what each of the scenarios asks of its headers.
func (o *operator) check(path, body string, r facetest.Reply) {
	o.t.Helper()
	req, err := http.NewRequest(http.MethodPost, o.URL+base+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	route, parameters, err := o.router.FindRoute(req)
	if err != nil {
		o.t.Fatal(err)
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: parameters, Route: route},
		Status:                 r.Status, Header: r.Header, Body: io.NopCloser(bytes.NewReader(r.Body)),
	})
	if err != nil {
		o.t.Errorf("%s %s: %d %s is not as the document has it: %v", path, body, r.Status, r.Body, err)
	}
	if got := r.Header.Get("Content-Type"); r.Status != 204 && got != "application/json" {
		o.t.Errorf("%s: Content-Type %s", path, got)
	}
}

// refused wants an error, with the request's x-correlator.
func (o *operator) refused(path, body string, status int, code string, headers ...string) {
	o.t.Helper()
	if i := o.call(path, body, headers...); i.Status != status || i.Code != code {
		o.t.Errorf("%s %s: %+v, want %d %s", path, body, i, status, code)
	}
	all := lastOfEach(append([]string{"x-correlator", correlation, "Authorization", "Bearer " + o.token}, headers...))
	r := o.Post(o.t, base+path, body, all...)
	if want := all[slices.Index(all, "x-correlator")+1]; r.Header.Get("x-correlator") != want {
		o.t.Errorf("%s: x-correlator %q, want %q", path, r.Header.Get("x-correlator"), want)
	}
}

var codeInSMS = regexp.MustCompile(`[0-9]{6}`)

// send sends a code and reads it on the phone.
func (o *operator) send(number string) (id, code string) {
	o.t.Helper()
	i := o.call("/send-code", `{"phoneNumber":"`+number+`","message":"`+template+`"}`)
	if i.Status != 200 || i.AuthenticationID == "" {
		o.t.Fatalf("send-code: %+v", i)
	}
	to, text, _ := strings.Cut(o.Text(o.t), " ")
	if to != number || !strings.HasSuffix(text, " is your code for Cool App") {
		o.t.Fatalf("%s got %q", to, text)
	}
	return i.AuthenticationID, codeInSMS.FindString(text)
}

func validation(id, code string) string {
	return `{"authenticationId":"` + id + `","code":"` + code + `"}`
}

func sending(number, message string) string {
	return `{"phoneNumber":"` + number + `","message":"` + message + `"}`
}

// wrong is another code.
func wrong(code string) string { return code[:5] + string('0'+(code[5]-'0'+1)%10) }

const sms = prefix

// scenarios are those of the standard's repository (code/Test_definitions), by their tags.
var scenarios = map[string]func(o *operator){
	"otp_send_code_01_send_code_success_scenario": func(o *operator) {
		r := o.Post(o.t, base+"/send-code", sending(mobile, template), "x-correlator", correlation, "Authorization", "Bearer "+o.token)
		o.check("/send-code", "", r)
		if r.Status != 200 || r.Header.Get("x-correlator") != correlation {
			o.t.Errorf("%d %v", r.Status, r.Header)
		}
	},
	"otp_send_code_02_send_code_success_scenario_without_x-correlator": func(o *operator) {
		r := o.Post(o.t, base+"/send-code", sending(mobile, template), "Authorization", "Bearer "+o.token)
		if r.Status != 200 || r.Header.Get("x-correlator") != "" {
			o.t.Errorf("%d %v", r.Status, r.Header)
		}
	},
	"otp_send_code_400.1_send_code_no_request_body":    func(o *operator) { o.refused("/send-code", "", 400, "INVALID_ARGUMENT") },
	"otp_send_code_400.2_send_code_empty_request_body": func(o *operator) { o.refused("/send-code", "{}", 400, "INVALID_ARGUMENT") },
	"otp_send_code_400.3_send_code_incorrect_phone_number_request_body": func(o *operator) {
		for _, number := range []string{"3301", "33612345678", "+0612345678", "+33 6 12 34 56 78", ""} {
			o.refused("/send-code", sending(number, template), 400, "INVALID_ARGUMENT")
		}
	},
	"otp_send_code_400.4_send_code_missing_message": func(o *operator) {
		for _, body := range []string{`{"phoneNumber":"+33612345678"}`, `{"phoneNumber":"+33612345678","message":null}`, sending(mobile, "")} {
			o.refused("/send-code", body, 400, "INVALID_ARGUMENT")
		}
	},
	"otp_send_code_400.5_send_code_missing_code_request_body": func(o *operator) {
		for _, message := range []string{"message without code", "{{pin}}", "{{ code }}", "{code}"} {
			o.refused("/send-code", sending(mobile, message), 400, "INVALID_ARGUMENT")
		}
		o.refused("/send-code", `{"phoneNumber":"`+mobile+`","message":"{{code}} \ud83d"}`, 400, "INVALID_ARGUMENT") // half of a character
	},
	"otp_send_code_400.6_send_code_message_too_long": func(o *operator) {
		o.refused("/send-code", sending(mobile, "{{code}}"+strings.Repeat("a", 153)), 400, "INVALID_ARGUMENT")
	},
	"otp_send_code_401.1_send_code_no_authorization_header": func(o *operator) {
		o.refused("/send-code", sending(mobile, template), 401, "UNAUTHENTICATED", "Authorization", "")
	},
	"otp_send_code_401.2_send_code_expired_access_token": func(o *operator) {
		o.Advance(2 * time.Hour)
		o.refused("/send-code", sending(mobile, template), 401, "UNAUTHENTICATED")
	},
	"otp_send_code_401.3_send_code_invalid_access_token": func(o *operator) {
		o.refused("/send-code", sending(mobile, template), 401, "UNAUTHENTICATED", "Authorization", "Bearer otpgw_invalid")
	},
	"otp_send_code_403.1_send_code_max_otp_code": func(o *operator) {
		for range maxSend {
			o.send(mobile)
		}
		o.refused("/send-code", sending(mobile, template), 403, sms+"MAX_OTP_CODES_EXCEEDED")
	},
	"otp_send_code_403.2_send_code_phone_number_not_allowed": func(o *operator) {
		o.refused("/send-code", sending("+14165550123", template), 403, sms+"PHONE_NUMBER_NOT_ALLOWED") // no route
		o.refused("/send-code", sending("+33899123456", template), 403, sms+"PHONE_NUMBER_NOT_ALLOWED") // premium rate
	},
	"otp_send_code_403.3_send_code_phone_number_not_allowed": func(o *operator) {
		o.refused("/send-code", sending("+33142685300", template), 403, sms+"PHONE_NUMBER_NOT_ALLOWED")
	},
	"otp_send_code_403.4_send_code_phone_number_blocked": func(o *operator) {
		o.refused("/send-code", sending("+4741234567", template), 403, sms+"PHONE_NUMBER_BLOCKED")
	},
	"otp_send_code_404.1_send_code_phone_number_not_belong_to_operator": func(o *operator) {
		o.refused("/send-code", sending("+999123456789", template), 404, "NOT_FOUND")
	},

	"otp_validate_code_01_validate_code_success_scenario": func(o *operator) {
		id, code := o.send(mobile)
		r := o.Post(o.t, base+"/validate-code", validation(id, code), "x-correlator", correlation, "Authorization", "Bearer "+o.token)
		if r.Status != 204 || len(r.Body) != 0 || r.Header.Get("x-correlator") != correlation {
			o.t.Errorf("%d %s %v", r.Status, r.Body, r.Header)
		}
	},
	"otp_validate_code_02_validate_code_success_scenario_without_x-correlator": func(o *operator) {
		id, code := o.send(mobile)
		if i := o.call("/validate-code", validation(id, code), "x-correlator", ""); i.Status != 204 {
			o.t.Errorf("%+v", i)
		}
	},
	"otp_validate_code_400.1_validate_code_no_request_body":    func(o *operator) { o.refused("/validate-code", "", 400, "INVALID_ARGUMENT") },
	"otp_validate_code_400.2_validate_code_empty_request_body": func(o *operator) { o.refused("/validate-code", "{}", 400, "INVALID_ARGUMENT") },
	"otp_validate_code_400.3_validate_code_missing_authenticationId": func(o *operator) {
		for _, body := range []string{`{"code":"123456"}`, `{"authenticationId":null,"code":"123456"}`} {
			o.refused("/validate-code", body, 400, "INVALID_ARGUMENT")
		}
	},
	"otp_validate_code_400.10_validate_code_missing_code": func(o *operator) {
		id, _ := o.send(mobile)
		for _, body := range []string{`{"authenticationId":"` + id + `"}`, `{"authenticationId":"` + id + `","code":null}`, validation(id, "")} {
			o.refused("/validate-code", body, 400, "INVALID_ARGUMENT")
		}
	},
	"otp_validate_code_400.4_validate_code_exceed_code_max_length": func(o *operator) {
		id, code := o.send(mobile)
		o.refused("/validate-code", validation(id, "thisCodeExceedsTenCharacters"), 400, "INVALID_ARGUMENT")
		if i := o.call("/validate-code", validation(id, code)); i.Status != 204 {
			o.t.Errorf("an attempt was used up: %+v", i)
		}
	},
	"otp_validate_code_400.5_validate_code_invalid_otp_scenario": func(o *operator) {
		id, code := o.send(mobile)
		o.refused("/validate-code", validation(id, wrong(code)), 400, sms+"INVALID_OTP")
	},
	"otp_validate_code_400.6_validate_code_verification_expired_scenario_1": func(o *operator) {
		id, code := o.send(mobile)
		o.Advance(5 * time.Minute)
		o.refused("/validate-code", validation(id, code), 400, sms+"VERIFICATION_EXPIRED")
	},
	"otp_validate_code_400.7_validate_code_verification_expired_scenario_2": func(o *operator) {
		id, code := o.send(mobile)
		newer, newerCode := o.send(mobile)
		o.refused("/validate-code", validation(id, code), 400, sms+"VERIFICATION_EXPIRED")
		if i := o.call("/validate-code", validation(newer, newerCode)); i.Status != 204 {
			o.t.Errorf("the newer one: %+v", i)
		}
	},
	"otp_validate_code_400.8_validate_code_verification_expired_scenario_3": func(o *operator) {
		id, code := o.send(mobile)
		if i := o.call("/validate-code", validation(id, code)); i.Status != 204 {
			o.t.Errorf("%+v", i)
		}
		o.refused("/validate-code", validation(id, code), 400, sms+"VERIFICATION_EXPIRED")
	},
	"otp_validate_code_400.9_validate_code_verification_failed_scenario": func(o *operator) {
		id, code := o.send(mobile)
		for range maxTry - 1 {
			if i := o.call("/validate-code", validation(id, wrong(code))); i.Code != sms+"INVALID_OTP" {
				o.t.Errorf("%+v", i)
			}
		}
		o.refused("/validate-code", validation(id, wrong(code)), 400, sms+"VERIFICATION_FAILED")
		o.refused("/validate-code", validation(id, code), 400, sms+"VERIFICATION_FAILED")
	},
	"otp_validate_code_401.1_validate_code_no_authorization_header": func(o *operator) {
		o.refused("/validate-code", validation(correlation, "123456"), 401, "UNAUTHENTICATED", "Authorization", "")
	},
	"otp_validate_code_401.2_validate_code_expired_access_token": func(o *operator) {
		o.Advance(2 * time.Hour)
		o.refused("/validate-code", validation(correlation, "123456"), 401, "UNAUTHENTICATED")
	},
	"otp_validate_code_401.3_validate_code_invalid_access_token": func(o *operator) {
		o.refused("/validate-code", validation(correlation, "123456"), 401, "UNAUTHENTICATED", "Authorization", "Bearer otpgw_invalid")
	},
	"otp_validate_code_404_validate_code_resource_not_found": func(o *operator) {
		for _, id := range []string{correlation, "unknown"} {
			o.refused("/validate-code", validation(id, "123456"), 404, "NOT_FOUND")
		}
	},
}

func TestScenarios(t *testing.T) {
	if len(scenarios) != 32 {
		t.Errorf("%d scenarios, the standard has 32", len(scenarios))
	}
	for name, run := range scenarios {
		t.Run(name, func(t *testing.T) { run(newOperator(t)) })
	}
}

// TestStrict: bodies have what the standard names and nothing else, whatever the call.
func TestStrict(t *testing.T) {
	o := newOperator(t)
	for _, body := range []string{
		`{"phoneNumber":"+33612345678","message":"{{code}}","ttl":60}`, `{"PhoneNumber":"+33612345678","message":"{{code}}"}`,
		`{"phoneNumber":33612345678,"message":"{{code}}"}`, `{"phoneNumber":"+33612345678","message":["{{code}}"]}`,
		`{"phoneNumber":"+33612345678","message":"{{code}}","message":"{{code}}"}`, `[]`, `null`, `"x"`, `{`, `{"phoneNumber":"+33612345678","message":"{{code}}\u0000"}`,
	} {
		o.refused("/send-code", body, 400, "INVALID_ARGUMENT")
	}
	for _, body := range []string{`{"authenticationId":"a","code":"1","pin":"1"}`, `{"authenticationId":"a","code":123456}`, validation(strings.Repeat("a", 37), "123456")} {
		o.refused("/validate-code", body, 400, "INVALID_ARGUMENT")
	}
	if r := o.Post(t, base+"/send-code", "a=b", "Authorization", "Bearer "+o.token, "Content-Type", "application/x-www-form-urlencoded"); r.Status != 415 || !strings.Contains(string(r.Body), "UNSUPPORTED_MEDIA_TYPE") {
		t.Errorf("a form: %d %s", r.Status, r.Body)
	}
}

// TestCorrelator: one that does not fit its pattern is refused, before anything else.
func TestCorrelator(t *testing.T) {
	o := newOperator(t)
	for _, bad := range []string{strings.Repeat("a", 56), "a b", "a_b", "ü", "a.b"} {
		r := o.Post(t, base+"/send-code", sending(mobile, template), "x-correlator", bad, "Authorization", "Bearer "+o.token)
		if r.Status != 400 || !strings.Contains(string(r.Body), "INVALID_ARGUMENT") || r.Header.Get("x-correlator") != "" {
			t.Errorf("%q: %d %s", bad, r.Status, r.Body)
		}
	}
	if r := o.Post(t, base+"/send-code", sending(mobile, template), "x-correlator", strings.Repeat("a", 55), "Authorization", "Bearer "+o.token); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// TestPermission: the scope opens this API and not the other, and applications that do not have it are
// refused.
func TestPermission(t *testing.T) {
	o := newOperator(t)
	body := sending(mobile, template)
	o.refused("/send-code", body, 403, "PERMISSION_DENIED", "Authorization", "Bearer "+o.issue("shop", "otp:read"))
	o.refused("/send-code", body, 403, "PERMISSION_DENIED", "Authorization", "Bearer "+o.issue("bare", ""))
	o.refused("/validate-code", validation(correlation, "1"), 403, "PERMISSION_DENIED", "Authorization", "Bearer bare-key")
	if i := o.call("/send-code", body, "Authorization", "Bearer "+o.issue("shop", "otp")); i.Status != 200 {
		t.Errorf("a token for all: %+v", i)
	}
	if r := o.Post(t, "/otp", `{"phoneNumber":"+33612345678"}`, "Authorization", "Bearer "+o.token); r.Status != 403 {
		t.Errorf("the scope opens POST /otp: %d %s", r.Status, r.Body)
	}
	resp, err := http.DefaultTransport.RoundTrip(formRequest(t, o.URL+"/oauth/token",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {"bare"}, "client_secret": {"bare-secret"}, "scope": {token.ScopeCAMARA}}))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("the scope of an application without the API: %d", resp.StatusCode)
	}
}

// TestOneCodeIsGood: of many codes sent to a number at once one is good.
func TestOneCodeIsGood(t *testing.T) {
	o := newOperator(t)
	app := o.Service.Apps[0]
	app.SendLimits = nil
	var mu sync.Mutex
	var ids []string
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			n, err := o.Service.ParseNewOtp([]byte(`{"phoneNumber":"+33612345678"}`), &app)
			if err != nil {
				t.Error(err)
				return
			}
			made, err := o.Service.CreateNewest(t.Context(), &app, n)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			ids = append(ids, made.OtpID)
			mu.Unlock()
		})
	}
	wg.Wait()
	pending := 0
	for _, id := range ids {
		made, err := o.Service.Get(t.Context(), &app, id)
		if err != nil {
			t.Fatal(err)
		}
		if made.Status == otp.StatusPending {
			pending++
		}
	}
	if len(ids) != 8 || pending != 1 {
		t.Errorf("%d codes, of which %d are good", len(ids), pending)
	}
}

// TestDoNotSend: a number on the operator's own list is blocked, as one whose owner wrote STOP is.
func TestDoNotSend(t *testing.T) {
	o := newOperator(t)
	o.Service.DoNotSend = func(e164 string) (bool, error) { return e164 == mobile, nil }
	o.refused("/send-code", sending(mobile, template), 403, sms+"PHONE_NUMBER_BLOCKED")
	o.Service.DoNotSend = nil
	o.Service.OptedOut = func(_, e164 string) (bool, error) { return e164 == mobile, nil }
	o.refused("/send-code", sending(mobile, template), 403, sms+"PHONE_NUMBER_BLOCKED")
}

// TestPolicyExcludes: a number that the application's policy leaves out is not unknown, it is not allowed.
func TestPolicyExcludes(t *testing.T) {
	o := newOperator(t, func(a *otp.App) { a.Policy, a.PINLength = otp.PolicyNIST, 7 })
	o.refused("/send-code", sending("+445600123456", template), 403, sms+"PHONE_NUMBER_NOT_ALLOWED")
	o.refused("/send-code", sending("+4470001234", template), 404, "NOT_FOUND")
}
