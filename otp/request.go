package otp

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp/pin"

	"github.com/google/uuid"
	"github.com/otpgw/otpgw/otp/egress"
	"github.com/otpgw/otpgw/otp/internal/typed"
	"github.com/otpgw/otpgw/otp/phone"
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
		Phone:       f.phone(o.value("phoneNumber"), o.value("countryIso")),
		TrackID:     f.trackID(o.value("trackId")),
		TTL:         f.ttl(o.value("ttl"), app.TTL),
		MaxAttempts: f.maxAttempts(o.value("maxAttempts"), app.MaxAttempts),
		PINType:     f.pinType(o.value("pinType"), app.PINType),
		PINLength:   f.pinLength(o.value("pinLength"), app.PINLength),
		CallbackURL: f.callbackURL(o.value("otpCallbackUrl"), app.CallbackURL, callbackAllowed),
	}
	n.From = app.sender(f.from(o.value("from"), app.From, rule), n.Phone.Country)
	n.WebOTPDomain = f.webOTPDomain(o.value("webOtpDomain"), app.WebOTPDomain)
	n.AppHash, n.hashAsked = f.appHash(o.value("appHash"), app.AppHash)
	n.PIN, n.Context, n.Vouched = f.ownPIN(o.value("pin"), app), f.context(o), f.vouched(o.value("risk"))
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
func ignored(o object) (names []string) {
	for name := range o {
		if !slices.Contains(newOtpFields, name) && !strings.HasPrefix(name, templateField) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// phone checks countryIso also beside an international number, whose own country code counts.
func (f *faults) phone(v, iso value) phone.Number {
	country := typed.Upper(typed.Plain(iso.text))
	if iso.kind == kindOther || iso.kind == kindNumber || country != "" && !phone.IsCountry(country) {
		f.add(CodeCountryInvalid, "Country ISO provided is invalid")
		country = ""
	}
	if v.kind == kindUnset || v.kind == kindText && typed.Plain(v.text) == "" {
		f.add(CodePhoneMissing, "The parameter 'phoneNumber' is empty or not set")
		return phone.Number{}
	}
	if v.kind == kindOther {
		f.add(CodePhoneInvalid, "The phone number provided is invalid")
		return phone.Number{}
	}
	unsaid := iso.kind == kindUnset || iso.kind == kindText && typed.Plain(iso.text) == ""
	if !phone.International(v.text) && unsaid {
		f.add(CodeCountryMissing, "The parameter 'countryIso' is empty or not set, and the phone number has no country code (+)")
		return phone.Number{}
	}
	p, ok := phone.Parse(v.text, country)
	if !ok {
		f.add(CodePhoneInvalid, "The phone number provided is invalid")
	}
	return p
}

// from takes a number too: a short code.
func (f *faults) from(v value, fallback string, rule SenderRule) string {
	switch {
	case v.kind == kindUnset:
		return fallback
	case v.kind == kindText && v.text == "":
		f.add(CodeFromEmpty, "The parameter 'from' is empty or not set")
	case v.kind == kindOther || rule.Problem(v.text) != "":
		f.add(CodeFromInvalid, fmt.Sprintf("The parameter 'from' is not valid (min %d, max %d characters; a name at most 11 of the GSM alphabet)", minSender, maxSender))
	}
	return v.text
}

const templateField = "template_"

// templates checks every template of the request, also those of languages that are not the destination's: the
// fault would else show on the first number of that country. So it is with a tag that names no language:
// template_english would never be sent to anybody.
func (f *faults) templates(o object) Templates {
	t := Templates{ByLanguage: make(map[string]string)}
	t.Plain = f.template("template", o.value("template"))
	for _, name := range slices.Sorted(maps.Keys(o)) {
		tag, ok := strings.CutPrefix(name, templateField)
		v := o.value(name)
		if !ok || v.kind == kindUnset {
			continue
		}
		if _, ok := parseLanguage(tag); !ok {
			f.add(CodeTemplate, fmt.Sprintf("'%.40s' is not a template of a language: after 'template_' goes a tag like fr, pt_BR or sr_Latn", name))
			continue
		}
		t.ByLanguage[tag] = f.template(name, v)
	}
	return t
}

func (f *faults) template(name string, v value) string {
	switch {
	case v.kind == kindUnset:
		return ""
	case v.kind != kindText:
		f.add(CodeTemplate, fmt.Sprintf("The parameter '%s' is not a text", name))
	case v.halved:
		f.add(CodeTemplate, fmt.Sprintf("The parameter '%s' contains half of a character (a lone surrogate)", name))
	default:
		if problem := TemplateProblem(v.text); problem != "" {
			f.add(CodeTemplate, fmt.Sprintf("The parameter '%s' %s", name, problem))
		}
	}
	return v.text
}

func (f *faults) trackID(v value) string {
	if v.kind == kindUnset {
		return ""
	}
	// uuid.Parse also reads braces and urn:uuid:, which are no UUIDs to other programs.
	id, err := uuid.Parse(v.text)
	if v.kind != kindText || err != nil || len(v.text) != len(uuid.Nil.String()) || id.Version() < 1 || id.Version() > 5 || id.Variant() != uuid.RFC4122 {
		f.add(CodeTrackID, "Track ID provided (parameter 'trackId') is not a valid UUID (v1-v5)")
	}
	return strings.ToLower(v.text) // the published clients refuse capitals in an answer
}

func (f *faults) ttl(v value, fallback time.Duration) time.Duration {
	if v.kind == kindUnset {
		return fallback
	}
	n, p := v.integer(int(MinTTL/time.Second), int(MaxTTL/time.Second))
	switch p {
	case notNumber:
		f.add(CodeTTLNumber, "The parameter 'ttl' is not a number")
	case below:
		f.add(CodeTTLLow, fmt.Sprintf("Min value for 'ttl' is %g seconds", MinTTL.Seconds()))
	case above:
		f.add(CodeTTLHigh, fmt.Sprintf("Max value for 'ttl' is %g seconds (%g mins)", MaxTTL.Seconds(), MaxTTL.Minutes()))
	}
	return time.Duration(n) * time.Second
}

func (f *faults) maxAttempts(v value, fallback int) int {
	return f.number(v, fallback, numberField{"maxAttempts", MinAttempts, MaxAttempts, CodeMaxAttemptsNumber, CodeMaxAttemptsLow, CodeMaxAttemptsHigh})
}

// numberField is a field that holds a whole number: its name, its bounds, and the code of each fault.
type numberField struct {
	name                  string
	low, high             int
	noNumber, under, over Code
}

func (f *faults) number(v value, fallback int, field numberField) int {
	if v.kind == kindUnset {
		return fallback
	}
	n, p := v.integer(field.low, field.high)
	switch p {
	case notNumber:
		f.add(field.noNumber, fmt.Sprintf("The parameter '%s' is not a number", field.name))
	case below:
		f.add(field.under, fmt.Sprintf("Min value for '%s' is %d", field.name, field.low))
	case above:
		f.add(field.over, fmt.Sprintf("Max value for '%s' is %d", field.name, field.high))
	}
	return n
}

func (f *faults) pinType(v value, fallback pin.Type) pin.Type {
	switch {
	case v.kind == kindUnset:
		return fallback
	case v.kind == kindText && v.text == "":
		f.add(CodePINTypeEmpty, "The parameter 'pinType' is empty or not set")
	case v.kind != kindText || !pin.Type(v.text).Valid():
		f.add(CodePINTypeInvalid, "Invalid parameter 'pinType'. Must be one of: letters, numbers, alphanumeric")
	}
	return pin.Type(v.text)
}

func (f *faults) pinLength(v value, fallback int) int {
	return f.number(v, fallback, numberField{"pinLength", pin.Min, pin.Max, CodePINLengthNumber, CodePINLengthLow, CodePINLengthHigh})
}

func (f *faults) callbackURL(v value, fallback string, allowed func(netip.Addr) bool) string {
	if v.kind == kindUnset {
		return fallback
	}
	if v.kind != kindText {
		f.add(CodeCallbackURL, "The parameter 'otpCallbackUrl' is not a valid URL")
		return ""
	}
	encoded, err := egress.URL(v.text, allowed)
	if err != nil {
		f.add(CodeCallbackURL, "The parameter 'otpCallbackUrl' is not a valid URL: "+err.Error())
	}
	return encoded
}

// vouched reads risk: an application may vouch for a request ("skip"), and the guard lets it past.
func (f *faults) vouched(v value) bool {
	if v.kind != kindUnset && v.text != "skip" {
		f.add(CodeRisk, "The parameter 'risk' is not 'skip'")
	}
	return v.text == "skip"
}

// Verification is the body of POST /otp/{otpId}.
type Verification struct {
	Guess   pin.Guess
	Context string // JSON; empty for none
	Proof   bool   // a signed proof is wanted
}

// ParseVerification reads the body of POST /otp/{otpId}.
func ParseVerification(body []byte) (Verification, error) {
	g, err := ParseGuess(body)
	if err != nil {
		return Verification{}, err
	}
	o, err := parseObject(body)
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

// ParseGuess reads the body of POST /otp/{otpId}. A pin of another type than string and number is none.
func ParseGuess(body []byte) (pin.Guess, error) {
	o, err := parseObject(body)
	if err != nil {
		return pin.Guess{}, err
	}
	v := o.value("pin")
	g := pin.Guess{Text: v.text, Number: v.kind == kindNumber}
	if v.kind == kindUnset || v.kind == kindOther || g.Blank() {
		return pin.Guess{}, &Error{Code: CodePINMissing, Message: "The parameter pin is empty or not set"}
	}
	return g, nil
}
