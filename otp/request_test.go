package otp

import (
	"encoding/json"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/otp/egress"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/smpp/text"
)

// exchange is a body of POST /otp and the code it is refused with.
type exchange struct {
	Name, Body string
	B64        []byte
	Code       Code
}

func (e exchange) bytes() []byte {
	if e.B64 != nil {
		return e.B64
	}
	return []byte(e.Body)
}

// tooLong is judged by Create, which knows the route and the PIN.
const tooLong = "template of more than ten parts"

func TestParseNewOtp(t *testing.T) {
	seen := make(map[Code]bool)
	for _, e := range vectors[exchange](t, "api/new_otp_errors.json") {
		t.Run(e.Name, func(t *testing.T) {
			if e.Name == tooLong {
				e.Code = 0
			}
			n, err := ParseNewOtp(e.bytes(), testApp(), text.SenderProblem, nil)
			wantCode(t, e.Name, err, e.Code)
			seen[e.Code] = true
			if err == nil {
				checkNewOtp(t, n)
			}
		})
	}
	for c := CodePhoneMissing; c <= CodePhoneInvalid; c++ {
		if !seen[c] {
			t.Errorf("no vector for %d", c)
		}
	}
}

// checkNewOtp is what a valid request always is.
func checkNewOtp(t *testing.T, n NewOtp) {
	t.Helper()
	if !strings.HasPrefix(n.Phone.E164, "+") || len(n.Phone.Country) != 2 || SenderRule(text.SenderProblem).Problem(n.From) != "" || TemplateProblem(n.Template) != "" ||
		n.TTL < MinTTL || n.TTL > MaxTTL || n.MaxAttempts < MinAttempts || n.MaxAttempts > MaxAttempts ||
		!n.PINType.Valid() || n.PINLength < pin.Min || n.PINLength > pin.Max {
		t.Errorf("accepted %+v", n)
	}
}

func TestParseNewOtpFallsBack(t *testing.T) {
	app := testApp()
	n, err := ParseNewOtp([]byte(french), app, text.SenderProblem, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := NewOtp{Phone: phone.Number{E164: "+33612345678", Country: "FR"}, From: app.From, Template: app.Template, TTL: app.TTL, MaxAttempts: app.MaxAttempts,
		PINType: app.PINType, PINLength: app.PINLength, CallbackURL: app.CallbackURL}
	if !reflect.DeepEqual(n, want) {
		t.Errorf("%+v", n)
	}
	n, err = ParseNewOtp([]byte(`{"phoneNumber":"+33612345678","from":"Other","template":"x {{pin}}","ttl":"60","maxAttempts":1,"pinType":"letters",
		"pinLength":"4","trackId":"bf325375-e030-4ccb-a009-17317c574773","otpCallbackUrl":"http://a.example"}`), app, text.SenderProblem, nil)
	if err != nil {
		t.Fatal(err)
	}
	want = NewOtp{Phone: phone.Number{E164: "+33612345678", Country: "FR"}, From: "Other", Template: "x {{pin}}", TrackID: "bf325375-e030-4ccb-a009-17317c574773",
		TTL: MinTTL, MaxAttempts: 1, PINType: pin.Letters, PINLength: 4, CallbackURL: "http://a.example"}
	if !reflect.DeepEqual(n, want) {
		t.Errorf("%+v", n)
	}
}

// TestParseNewOtpSurrogates: an emoji by its two halves is one; half of one is none.
func TestParseNewOtpSurrogates(t *testing.T) {
	tests := map[string]string{
		`\ud83d\udd10 {{pin}}`:           "\U0001F510 {{pin}}",
		`\\ud83d {{pin}}`:                `\ud83d {{pin}}`,
		`\ud83d {{pin}}`:                 "",
		`{{pin}} \udd10\ud83d`:           "",
		`{{pin}} \ud83d`:                 "",
		`\ud83d\ud83d\udd10 {{pin}}`:     "",
		`\ud83d\n\udd10 {{pin}}`:         "",
		`\uD83D\uDD10\uDD10 {{pin}}`:     "",
		"\uFFFD {{pin}} of the caller's": "\uFFFD {{pin}} of the caller's",
	}
	for in, want := range tests {
		n, err := ParseNewOtp([]byte(`{"phoneNumber":"+33612345678","template":"`+in+`"}`), testApp(), text.SenderProblem, nil)
		switch {
		case want == "":
			wantCode(t, in, err, CodeTemplate)
		case err != nil || n.Template != want:
			t.Errorf("%s: %q, %v", in, n.Template, err)
		}
	}
}

func TestCallbackAllowed(t *testing.T) {
	lan := netip.MustParsePrefix("10.0.0.0/8")
	for raw, want := range map[string]bool{
		"http://10.0.0.1/": true, "http://[::ffff:10.0.0.1]/": true, "http://192.168.0.1/": false, "http://1.1.1.1/": true, "http://localhost/": true,
	} {
		if _, err := egress.URL(raw, lan.Contains); (err == nil) != want {
			t.Errorf("%s: %v", raw, err)
		}
	}
	_, err := egress.URL("https://user:hunter2@10.0.0.1/", nil)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestParseVerification(t *testing.T) {
	tests := []struct {
		name, body string
		want       pin.Guess
		code       Code
	}{
		{"text", `{"pin":"15443"}`, pin.Guess{Text: "15443"}, 0},
		{"number", `{"pin":15443}`, pin.Guess{Text: "15443", Number: true}, 0},
		{"big number", `{"pin":123456789012345678901234567890}`, pin.Guess{Text: "123456789012345678901234567890", Number: true}, 0},
		{"number with exponent", `{"pin":1e5}`, pin.Guess{Text: "1e5", Number: true}, 0},
		{"leading zero is no JSON", `{"pin":01234}`, pin.Guess{}, CodeInvalidBody},
		{"missing", `{}`, pin.Guess{}, CodePINMissing},
		{"null", `{"pin":null}`, pin.Guess{}, CodePINMissing},
		{"empty", `{"pin":""}`, pin.Guess{}, CodePINMissing},
		{"blank", `{"pin":"  "}`, pin.Guess{}, CodePINMissing},
		{"invisible", `{"pin":"\u200e\ufeff"}`, pin.Guess{}, CodePINMissing},
		{"only marks", `{"pin":"- \u2013 ."}`, pin.Guess{}, CodePINMissing},
		{"pin twice", `{"pin":"15443","pin":"15444"}`, pin.Guess{}, CodeInvalidBody},
		{"pin in two cases", `{"pin":"15443","PIN":"15444"}`, pin.Guess{}, CodeInvalidBody},
		{"boolean", `{"pin":true}`, pin.Guess{}, CodePINMissing},
		{"array", `{"pin":["1"]}`, pin.Guess{}, CodePINMissing},
		{"not JSON", `pin=1`, pin.Guess{}, CodeInvalidBody},
		{"null body", `null`, pin.Guess{}, CodeInvalidBody},
		{"empty body", ``, pin.Guess{}, CodeInvalidBody},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, err := ParseVerification([]byte(test.body))
			wantCode(t, test.name, err, test.code)
			if g := v.Guess; g != test.want {
				t.Errorf("%+v", g)
			}
		})
	}
}

// TestErrorsSayNothing: no error holds what a request said, where that may be a secret.
func TestErrorsSayNothing(t *testing.T) {
	for _, body := range []string{`{"phoneNumber":"+33612345678","template":"SECRET"}`, `{"SECRET`, `{"phoneNumber":"SECRET"}`,
		`{"phoneNumber":"+33612345678","otpCallbackUrl":"https://u:SECRET@h/"}`} {
		if _, err := ParseNewOtp([]byte(body), testApp(), text.SenderProblem, nil); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func FuzzNewOtp(f *testing.F) {
	data, err := os.ReadFile("../testdata/api/new_otp_errors.json")
	if err != nil {
		f.Fatal(err)
	}
	var list []exchange
	if err := json.Unmarshal(data, &list); err != nil {
		f.Fatal(err)
	}
	for _, e := range list {
		f.Add(e.bytes())
	}
	app := testApp()
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := ParseNewOtp(body, app, text.SenderProblem, nil)
		if err == nil {
			checkNewOtp(t, n)
			return
		}
		if c := codeOf(err); c != CodeInvalidBody && (c < CodePhoneMissing || c > CodePhoneInvalid) {
			t.Errorf("code %d: %v", c, err)
		}
	})
}
