package otp

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp/country"
	"github.com/otpgw/otpgw/otp/pin"
)

// SenderRules is what happens to a message from a sender that its country does not deliver (package country).
type SenderRules string

// The ways of OTPGW_APP_<NAME>_SENDER_RULES.
const (
	SendersEnforced SenderRules = "enforce" // it is refused
	SendersWarned   SenderRules = "warn"    // it is sent, and logged
	SendersAny      SenderRules = "off"
)

// DLT is what an application has registered in India; the plain template's is under the empty language.
type DLT struct {
	Entity    string                       // id of the principal entity; empty: it has nothing there
	Templates map[string]string            // ids, by language
	Texts     map[string]*country.Template // registered texts, by language
}

// ofLanguage is what is registered for a language, else for the plain template.
func ofLanguage[T any](m map[string]T, language string) T {
	if v, ok := m[language]; ok {
		return v
	}
	return m[""]
}

// demanded refuses a message that the country of its number would not deliver.
func (s *Service) demanded(app *App, n NewOtp, now time.Time) error {
	if app.SenderRules == SendersAny {
		return nil
	}
	f, ok := country.Of(n.Phone.Country).Sender(n.From, now)
	if !ok || !f.Refused {
		return nil
	}
	if app.SenderRules == SendersWarned {
		s.Log.Warn().Str("app", app.Name).Str("country", n.Phone.Country).Msg("the country does not deliver from this sender: " + f.Text)
		return nil
	}
	return &Error{Code: CodeFromInvalid, Message: fmt.Sprintf("The parameter 'from' is not valid for this number: %s; the operator can give the application one by SENDERS_%s", f.Text, n.Phone.Country)}
}

// registered refuses a text that is not that of the template registered in the country of its number.
func registered(app *App, n NewOtp, message string) error {
	if n.Phone.Country != country.India {
		return nil
	}
	if t := app.RegisteredText(n.Language); t != nil && !t.Match(message) {
		return &Error{Code: CodeTemplate, Message: "The text does not match the template that the application has registered in India: " + t.String()}
	}
	return nil
}

// RegisteredText is what the application has registered in India for messages in a language; nil for nothing.
func (a *App) RegisteredText(language string) *country.Template {
	return ofLanguage(a.DLT.Texts, language)
}

// TLVsOf are the optional parameters of a message of the application to a country, in a language.
func (a *App) TLVsOf(to, language string) map[uint16][]byte {
	tlvs := maps.Clone(a.TLVs)
	set := func(tag uint16, value []byte) {
		if tlvs == nil {
			tlvs = make(map[uint16][]byte)
		}
		tlvs[tag] = value
	}
	if to == country.India && a.DLT.Entity != "" {
		set(country.TagEntity, []byte(a.DLT.Entity))
		if id := ofLanguage(a.DLT.Templates, language); id != "" {
			set(country.TagTemplate, []byte(id))
		}
	}
	for tag, value := range a.TLVsIn[language] {
		set(tag, value)
	}
	return tlvs
}

// Policy is a standard that an application's OTPs keep to.
type Policy string

// The policies of OTPGW_APP_<NAME>_POLICY.
const (
	PolicyNone Policy = "none"
	PolicyNIST Policy = "nist" // SP 800-63B-4, out-of-band authenticators: 10 minutes, 20 bits, no VoIP
)

// What NIST SP 800-63B-4 asks for.
const (
	nistTTL  = 10 * time.Minute
	nistBits = 20
)

// MaxTTL is how long a PIN may be valid under the policy.
func (p Policy) MaxTTL() time.Duration {
	if p == PolicyNIST {
		return nistTTL
	}
	return MaxTTL
}

// pin.Min is how long a PIN of a type has to be under the policy.
func (p Policy) MinPIN(t pin.Type) int {
	if p != PolicyNIST {
		return pin.Min
	}
	n := pin.Min
	for pin.Entropy(t, n) < nistBits {
		n++
	}
	return n
}

// allowed refuses what the policy forbids of a request.
func (p Policy) allowed(f *faults, n *NewOtp) {
	if p != PolicyNIST {
		return
	}
	if n.TTL > nistTTL {
		f.add(CodeTTLHigh, "Max value for 'ttl' is 600 seconds under the application's policy (NIST SP 800-63B)")
	}
	if least := p.MinPIN(n.PINType); n.PIN == "" && n.PINLength < least {
		f.add(CodePINLengthLow, fmt.Sprintf("Min value for 'pinLength' is %d for this 'pinType' under the application's policy (NIST SP 800-63B)", least))
	}
	if n.PIN != "" && len(strings.TrimSpace(n.PIN)) < p.MinPIN(pin.TypeOf(n.PIN)) {
		f.add(CodeOwnPIN, "The parameter 'pin' is too short under the application's policy (NIST SP 800-63B)")
	}
	if n.Phone.VoIP() {
		f.add(CodePhoneInvalid, "The phone number is one of Internet telephony, which the application's policy (NIST SP 800-63B) excludes")
	}
}
