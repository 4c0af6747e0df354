package otp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/otpgw/otpgw/otp/egress"
	"github.com/otpgw/otpgw/otp/internal/strictjson"
	"github.com/otpgw/otpgw/otp/internal/typed"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/otp/pin"
)

// NewOtp is a valid POST /otp, with the application's settings where the request had none.
type NewOtp struct {
	Phone       phone.Number
	From        string // an approved sender
	Template    string
	Language    string // of Template; empty for a plain one
	TrackID     string // empty for none
	TTL         time.Duration
	MaxAttempts int
	PINType     pin.Type
	PINLength   int
	CallbackURL string // empty for none

	WebOTPDomain string // empty for none
	AppHash      string // empty for none
	hashAsked    bool   // AppHash is the request's own: it must fit

	Context   string // JSON that the guess has to repeat; empty for none
	LimitKeys string // JSON object of what the caller names, see App.Limits; empty for none
	Vouched   bool   // the application vouches for it: the guard lets it past
	PIN       string // the caller's own, see pin.ValidOwn; empty for one that is drawn

	Ignored []string // names of fields of the request that it does not have, as the caller wrote them
}

// faults keeps the fault of lowest code, which is the one reported.
type faults struct{ lowest *Error }

func (f *faults) add(code Code, message string) {
	if f.lowest == nil || code < f.lowest.Code {
		f.lowest = &Error{Code: code, Message: message}
	}
}

// ParseNewOtp reads the body of POST /otp for an application. Fields it does not know are ignored, null is
// the same as absent. The rule and callbackAllowed are as Service.SenderRule and CallbackAllowed.
func ParseNewOtp(body []byte, app *App, rule SenderRule, callbackAllowed func(netip.Addr) bool) (NewOtp, error) {
	o, err := parseObject(body)
	if err != nil {
		return NewOtp{}, err
	}
	var f faults
	n := NewOtp{
		Phone:       f.phone(o.Value("phoneNumber"), o.Value("countryIso")),
		TrackID:     f.trackID(o.Value("trackId")),
		TTL:         f.ttl(o.Value("ttl"), app.TTL),
		MaxAttempts: f.maxAttempts(o.Value("maxAttempts"), app.MaxAttempts),
		PINType:     f.pinType(o.Value("pinType"), app.PINType),
		PINLength:   f.pinLength(o.Value("pinLength"), app.PINLength),
		CallbackURL: f.callbackURL(o.Value("otpCallbackUrl"), app.CallbackURL, callbackAllowed),
	}
	n.From = app.sender(f.from(o.Value("from"), app.From, rule), n.Phone.Country)
	n.WebOTPDomain = f.webOTPDomain(o.Value("webOtpDomain"), app.WebOTPDomain)
	n.AppHash, n.hashAsked = f.appHash(o.Value("appHash"), app.AppHash)
	n.PIN, n.Context, n.Vouched = f.ownPIN(o.Value("pin"), app), f.context(o), f.vouched(o.Value("risk"))
	n.LimitKeys = f.limitKeys(o, app)
	app.Policy.allowed(&f, &n)
	asked := f.templates(o)
	n.Template, n.Language = pick(n.Phone.Country, asked, Templates{app.Template, app.Templates})
	if f.lowest != nil {
		return NewOtp{}, f.lowest
	}
	n.Ignored = ignored(o)
	return n, nil
}

// newOtpFields are the fields of POST /otp, besides the templates of languages.
var newOtpFields = []string{"phoneNumber", "countryIso", "from", "template", "trackId", "ttl", "maxAttempts", "pinType", "pinLength",
	"otpCallbackUrl", "webOtpDomain", "pin", "context", "limits", "risk", "appHash"}

// ignored are the fields that a new OTP does not have: likely mistypings.
func ignored(o strictjson.Object) (names []string) {
	for name := range o {
		if !slices.Contains(newOtpFields, name) && !strings.HasPrefix(name, templateField) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// phone checks countryIso also beside an international number, whose own country code counts.
func (f *faults) phone(v, iso strictjson.Value) phone.Number {
	country := typed.Upper(typed.Plain(iso.Text))
	if iso.Kind == strictjson.Other || iso.Kind == strictjson.Number || country != "" && !phone.IsCountry(country) {
		f.add(CodeCountryInvalid, "Country ISO provided is invalid")
		country = ""
	}
	if v.Kind == strictjson.Unset || v.Kind == strictjson.Text && typed.Plain(v.Text) == "" {
		f.add(CodePhoneMissing, "The parameter 'phoneNumber' is empty or not set")
		return phone.Number{}
	}
	if v.Kind == strictjson.Other {
		f.add(CodePhoneInvalid, "The phone number provided is invalid")
		return phone.Number{}
	}
	unsaid := iso.Kind == strictjson.Unset || iso.Kind == strictjson.Text && typed.Plain(iso.Text) == ""
	if !phone.International(v.Text) && unsaid {
		f.add(CodeCountryMissing, "The parameter 'countryIso' is empty or not set, and the phone number has no country code (+)")
		return phone.Number{}
	}
	p, ok := phone.Parse(v.Text, country)
	if !ok {
		f.add(CodePhoneInvalid, "The phone number provided is invalid")
	}
	return p
}

// from takes a number too: a short code.
func (f *faults) from(v strictjson.Value, fallback string, rule SenderRule) string {
	switch {
	case v.Kind == strictjson.Unset:
		return fallback
	case v.Kind == strictjson.Text && v.Text == "":
		f.add(CodeFromEmpty, "The parameter 'from' is empty or not set")
	case v.Kind == strictjson.Other || rule.Problem(v.Text) != "":
		f.add(CodeFromInvalid, fmt.Sprintf("The parameter 'from' is not valid (min %d, max %d characters; a name at most 11 of the GSM alphabet)", minSender, maxSender))
	}
	return v.Text
}

const templateField = "template_"

// templates checks every template of the request, also those of languages that are not the destination's: the
// fault would else show on the first number of that country. So it is with a tag that names no language:
// template_english would never be sent to anybody.
func (f *faults) templates(o strictjson.Object) Templates {
	t := Templates{Plain: f.template("template", o.Value("template"))}
	var names []string
	for name := range o {
		if strings.HasPrefix(name, templateField) && o.Value(name).Kind != strictjson.Unset {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return t
	}
	t.ByLanguage = make(map[string]string, len(names))
	slices.Sort(names)
	for _, name := range names {
		tag := name[len(templateField):]
		if _, ok := parseLanguage(tag); !ok {
			f.add(CodeTemplate, fmt.Sprintf("'%.40s' is not a template of a language: after 'template_' goes a tag like fr, pt_BR or sr_Latn", name))
			continue
		}
		t.ByLanguage[tag] = f.template(name, o.Value(name))
	}
	return t
}

func (f *faults) template(name string, v strictjson.Value) string {
	switch {
	case v.Kind == strictjson.Unset:
		return ""
	case v.Kind != strictjson.Text:
		f.add(CodeTemplate, fmt.Sprintf("The parameter '%s' is not a text", name))
	case v.Halved:
		f.add(CodeTemplate, fmt.Sprintf("The parameter '%s' contains half of a character (a lone surrogate)", name))
	default:
		if problem := TemplateProblem(v.Text); problem != "" {
			f.add(CodeTemplate, fmt.Sprintf("The parameter '%s' %s", name, problem))
		}
	}
	return v.Text
}

func (f *faults) trackID(v strictjson.Value) string {
	if v.Kind == strictjson.Unset {
		return ""
	}
	// uuid.Parse also reads braces and urn:uuid:, which are no UUIDs to other programs.
	id, err := uuid.Parse(v.Text)
	if v.Kind != strictjson.Text || err != nil || len(v.Text) != uuidLength || id.Version() < 1 || id.Version() > 5 || id.Variant() != uuid.RFC4122 {
		f.add(CodeTrackID, "Track ID provided (parameter 'trackId') is not a valid UUID (v1-v5)")
	}
	return strings.ToLower(v.Text) // the published clients refuse capitals in an answer
}

func (f *faults) ttl(v strictjson.Value, fallback time.Duration) time.Duration {
	if v.Kind == strictjson.Unset {
		return fallback
	}
	n, p := v.Integer(int(MinTTL/time.Second), int(MaxTTL/time.Second))
	switch p {
	case strictjson.NotNumber:
		f.add(CodeTTLNumber, "The parameter 'ttl' is not a number")
	case strictjson.Below:
		f.add(CodeTTLLow, fmt.Sprintf("Min value for 'ttl' is %g seconds", MinTTL.Seconds()))
	case strictjson.Above:
		f.add(CodeTTLHigh, fmt.Sprintf("Max value for 'ttl' is %g seconds (%g mins)", MaxTTL.Seconds(), MaxTTL.Minutes()))
	}
	return time.Duration(n) * time.Second
}

func (f *faults) maxAttempts(v strictjson.Value, fallback int) int {
	return f.number(v, fallback, numberField{"maxAttempts", MinAttempts, MaxAttempts, CodeMaxAttemptsNumber, CodeMaxAttemptsLow, CodeMaxAttemptsHigh})
}

// numberField is a field that holds a whole number: its name, its bounds, and the code of each fault.
type numberField struct {
	name                  string
	low, high             int
	noNumber, under, over Code
}

func (f *faults) number(v strictjson.Value, fallback int, field numberField) int {
	if v.Kind == strictjson.Unset {
		return fallback
	}
	n, p := v.Integer(field.low, field.high)
	switch p {
	case strictjson.NotNumber:
		f.add(field.noNumber, fmt.Sprintf("The parameter '%s' is not a number", field.name))
	case strictjson.Below:
		f.add(field.under, fmt.Sprintf("Min value for '%s' is %d", field.name, field.low))
	case strictjson.Above:
		f.add(field.over, fmt.Sprintf("Max value for '%s' is %d", field.name, field.high))
	}
	return n
}

func (f *faults) pinType(v strictjson.Value, fallback pin.Type) pin.Type {
	switch {
	case v.Kind == strictjson.Unset:
		return fallback
	case v.Kind == strictjson.Text && v.Text == "":
		f.add(CodePINTypeEmpty, "The parameter 'pinType' is empty or not set")
	case v.Kind != strictjson.Text || !pin.Type(v.Text).Valid():
		f.add(CodePINTypeInvalid, "Invalid parameter 'pinType'. Must be one of: letters, numbers, alphanumeric")
	}
	return pin.Type(v.Text)
}

func (f *faults) pinLength(v strictjson.Value, fallback int) int {
	return f.number(v, fallback, numberField{"pinLength", pin.Min, pin.Max, CodePINLengthNumber, CodePINLengthLow, CodePINLengthHigh})
}

func (f *faults) callbackURL(v strictjson.Value, fallback string, allowed func(netip.Addr) bool) string {
	if v.Kind == strictjson.Unset {
		return fallback
	}
	if v.Kind != strictjson.Text || v.Halved {
		f.add(CodeCallbackURL, "The parameter 'otpCallbackUrl' is not a valid URL")
		return ""
	}
	encoded, err := egress.URL(v.Text, allowed)
	if err != nil {
		f.add(CodeCallbackURL, "The parameter 'otpCallbackUrl' is not a valid URL: "+err.Error())
	}
	return encoded
}

// vouched reads risk: an application may vouch for a request ("skip"), and the guard lets it past.
func (f *faults) vouched(v strictjson.Value) bool {
	if v.Kind != strictjson.Unset && v.Text != "skip" {
		f.add(CodeRisk, "The parameter 'risk' is not 'skip'")
	}
	return v.Text == "skip"
}

// Verification is the body of POST /otp/{otpId}.
type Verification struct {
	Guess   pin.Guess
	Context string // JSON; empty for none
	Proof   bool   // a signed proof is wanted
}

// ParseVerification reads the body of POST /otp/{otpId}.
func ParseVerification(body []byte) (Verification, error) {
	o, err := parseObject(body)
	if err != nil {
		return Verification{}, err
	}
	g, err := guess(o)
	if err != nil {
		return Verification{}, err
	}
	var f faults
	v := Verification{Guess: g, Context: f.context(o)}
	switch raw := o["proof"]; string(raw) {
	case "", "null", "false":
	case "true":
		v.Proof = true
	default:
		f.add(CodeProof, "The parameter 'proof' is not true or false")
	}
	if f.lowest != nil {
		return Verification{}, f.lowest
	}
	return v, nil
}

// guess is the PIN of a body. One of another type than string and number is none.
func guess(o strictjson.Object) (pin.Guess, error) {
	v := o.Value("pin")
	g := pin.Guess{Text: v.Text, Number: v.Kind == strictjson.Number}
	if v.Kind == strictjson.Unset || v.Kind == strictjson.Other || g.Blank() {
		return pin.Guess{}, &Error{Code: CodePINMissing, Message: "The parameter pin is empty or not set"}
	}
	return g, nil
}
