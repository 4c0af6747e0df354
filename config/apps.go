package config

import (
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/otpgw/otpgw/otp"
)

// The limits of the API (otp-api.md, "Endpoints"), which an application's defaults keep too.
const (
	ttlMin, ttlMax           = 60 * time.Second, 1800 * time.Second
	attemptsMin, attemptsMax = 1, 10
	pinLenMin, pinLenMax     = 4, 10
	templateMax              = 1000
	rateMax                  = 1e6

	pinHole = "{{pin}}"
)

// appVars are the variables of one application as text.
type appVars struct {
	APIKeys        secret            `env:"API_KEYS"`
	Secret         secret            `env:"SECRET"`
	Senders        string            `env:"SENDERS"`
	From           string            `env:"FROM"`
	Template       string            `env:"TEMPLATE, default=Your verification code is {{pin}}"`
	Templates      map[string]string // by language subtag, from TEMPLATE_<LANG>
	TTL            string            `env:"TTL, default=300"`
	MaxAttempts    string            `env:"MAX_ATTEMPTS, default=5"`
	PINType        string            `env:"PIN_TYPE, default=numbers"`
	PINLength      string            `env:"PIN_LENGTH, default=6"`
	CallbackURL    urlText           `env:"CALLBACK_URL"`
	CallbackSecret secret            `env:"CALLBACK_SECRET"`
	Rate           string            `env:"RATE, default=0"`
	TLVs           string            `env:"TLVS"`
	SendLimits     string            `env:"SEND_LIMITS, default=5/10m,10/24h"`
	TryLimits      string            `env:"TRY_LIMITS, default=25/1h,50/24h"`
	MaxResends     string            `env:"MAX_RESENDS, default=3"`
	ResendInterval string            `env:"RESEND_INTERVAL, default=30s"`
	ResendAfter    string            `env:"RESEND_AFTER, default=off"`
	Guard          string            `env:"GUARD, default=observe"`
	GuardCountries string            `env:"GUARD_COUNTRIES"`
	GuardDeny      string            `env:"GUARD_DENY"`
	GuardTrust     string            `env:"GUARD_TRUST"`
	GuardPrefix    string            `env:"GUARD_PREFIX, default=10"`
	GuardCountry   string            `env:"GUARD_COUNTRY, default=20"`
	GuardShare     string            `env:"GUARD_SHARE, default=20"`
	WebOTPDomain   string            `env:"WEBOTP_DOMAIN"`
	AppHash        string            `env:"APP_HASH"`
	TestNumbers    secret            `env:"TEST_NUMBERS"`
}

func (l *loader) readApps(s scope) error {
	names := s.names(&l.vars.Apps, "OTPGW_APPS", appGroup)
	if l.vars.Apps == "" {
		s.fault("OTPGW_APPS", "is not set: name at least one application, like OTPGW_APPS=shop (or try otpgw -demo)")
	}
	l.known.addGroup(l.report, "OTPGW_APPS", appGroup, names)
	languages := l.languageVars(names)
	keyOwner := make(map[string]string)
	for _, name := range names {
		s := l.scope(appGroup + prefixOf(name) + "_")
		v := new(appVars)
		if err := s.fill(l.ctx, v); err != nil {
			return err
		}
		s.templates(v, languages[s.prefix])
		app := s.app(name, v)
		s.sharedKeys(app, keyOwner)
		l.config.Apps = append(l.config.Apps, app)
		l.config.settings.add(appGroup, s.prefix, v)
	}
	return nil
}

// languageVars finds the TEMPLATE_<LANG> variables that are set, by the prefix of their application. They
// count as known then; whether LANG is a language is judged with the application.
func (l *loader) languageVars(apps []string) map[string][]string {
	found := make(map[string][]string)
	for _, name := range l.environ {
		if _, taken := l.known[name]; taken {
			continue
		}
		owner := "" // of shop and shop_template, the longer one owns OTPGW_APP_SHOP_TEMPLATE_TEMPLATE_FR
		for _, app := range apps {
			prefix := appGroup + prefixOf(app) + "_"
			if len(prefix) > len(owner) && strings.HasPrefix(name, prefix+"TEMPLATE_") {
				owner = prefix
			}
		}
		if owner != "" {
			found[owner] = append(found[owner], strings.TrimPrefix(name, owner+"TEMPLATE_"))
			l.known[name] = owner
		}
	}
	return found
}

// templates reads the texts by language. The key is the one name that otp has for a language
// (FRA is fr, IW is he, NB is no), so that two texts for one language are seen.
func (s scope) templates(v *appVars, subtags []string) {
	v.Templates = make(map[string]string)
	for _, subtag := range subtags {
		key := "TEMPLATE_" + subtag
		text, set := s.source.Lookup(s.prefix + key)
		if !set {
			continue
		}
		lang := languageOf(subtag)
		switch _, twice := v.Templates[lang]; {
		case lang == "":
			s.fault(s.prefix+key, "%q is not a language subtag; end the name in FR, DE, BG or the like, without a country", subtag)
		case twice:
			s.fault(s.prefix+key, "the language %s has two templates; take one out", lang)
		default:
			v.Templates[lang] = s.template(text, key)
		}
	}
}

// languageOf is the canonical name of a language, empty when the subtag is none.
func languageOf(subtag string) string {
	base, err := language.ParseBase(subtag)
	if err != nil || base.String() == "und" {
		return ""
	}
	tag, err := language.All.Compose(base)
	if err != nil {
		return ""
	}
	base, _ = tag.Base()
	return base.String()
}

// app checks one application's variables.
func (s scope) app(name string, v *appVars) otp.App {
	app := otp.App{
		Name:           name,
		APIKeys:        s.apiKeys((*string)(&v.APIKeys), "API_KEYS"),
		Secret:         string(v.Secret),
		Senders:        s.senders(&v.Senders, "SENDERS"),
		Template:       s.template(v.Template, "TEMPLATE"),
		Templates:      v.Templates,
		TTL:            s.duration(&v.TTL, "TTL", ttlMin, ttlMax, time.Second),
		MaxAttempts:    s.integer(&v.MaxAttempts, "MAX_ATTEMPTS", attemptsMin, attemptsMax),
		PINType:        otp.PINType(s.oneOf(&v.PINType, "PIN_TYPE", string(otp.PINNumbers), string(otp.PINLetters), string(otp.PINAlphanumeric))),
		PINLength:      s.integer(&v.PINLength, "PIN_LENGTH", pinLenMin, pinLenMax),
		CallbackURL:    s.webURL((*string)(&v.CallbackURL), "CALLBACK_URL"),
		CallbackSecret: s.callbackSecret(v.CallbackSecret, "CALLBACK_SECRET"),
		Rate:           s.number(&v.Rate, "RATE", rateMax),
		TLVs:           tlvMap(s.tlvs(&v.TLVs, "TLVS")),
		SendLimits:     s.limits(&v.SendLimits, "SEND_LIMITS"),
		TryLimits:      s.limits(&v.TryLimits, "TRY_LIMITS"),
		Guard:          s.guard(v),
		TestNumbers:    s.testNumbers(v.TestNumbers, "TEST_NUMBERS"),
	}
	s.resends(&app, v)
	s.autofill(&app, v)
	app.From = s.from(&v.From, "FROM", app.Senders)
	if v.APIKeys == "" && v.Secret == "" && !s.hasFault("API_KEYS", "SECRET") {
		s.fault(s.prefix+"API_KEYS", "is not set, nor is %sSECRET: nobody could use the application; set one of them", s.prefix)
	}
	return app
}

// hasFault tells whether a secret of this scope is already known to be faulty, by its own name or its
// file's, so that an unreadable file is not called a missing key as well.
func (s scope) hasFault(keys ...string) bool {
	for _, f := range s.faults {
		for _, key := range keys {
			if f.Variable == s.prefix+key || f.Variable == s.prefix+key+fileSuffix {
				return true
			}
		}
	}
	return false
}

// apiKeys reads keys that can travel in a header.
func (s scope) apiKeys(value *string, key string) []string {
	keys := s.list(value, key)
	for i, k := range keys {
		if !printableASCII(k) || strings.Contains(k, " ") {
			s.fault(s.prefix+key, "key %d holds a character that no HTTP header can carry; use printable ASCII without spaces", i+1)
		}
	}
	return keys
}

// sharedKeys reports a key that two applications accept: whose OTP would it be?
func (s scope) sharedKeys(app otp.App, owner map[string]string) {
	for i, k := range app.APIKeys {
		if other, taken := owner[k]; taken && other != app.Name && k != "" {
			s.fault(s.prefix+"API_KEYS", "key %d is also a key of the application %s; give each its own", i+1, other)
			continue
		}
		owner[k] = app.Name
	}
}

func (s scope) senders(value *string, key string) []string {
	senders := s.list(value, key)
	if len(senders) == 0 {
		s.fault(s.prefix+key, "is not set: name at least one approved sender, like Shop or 447700900123")
	}
	for _, sender := range senders {
		if problem := otp.SenderProblem(sender); problem != "" && sender != "" {
			s.fault(s.prefix+key, "%q %s", sender, problem)
		}
	}
	return senders
}

// from reads the default sender, which is the first approved one unless told otherwise.
func (s scope) from(value *string, key string, senders []string) string {
	*value = strings.TrimSpace(*value)
	if *value == "" && len(senders) > 0 {
		*value = senders[0]
	}
	for _, sender := range senders {
		if sender == *value {
			return *value
		}
	}
	if *value != "" {
		s.fault(s.prefix+key, "%q is not among %sSENDERS; add it there", *value, s.prefix)
	}
	return *value
}

func (s scope) template(text, key string) string {
	switch {
	case !utf8.ValidString(text):
		s.fault(s.prefix+key, "is not UTF-8")
	case !strings.Contains(text, pinHole):
		s.fault(s.prefix+key, "does not hold %s, where the PIN goes", pinHole)
	case utf8.RuneCountInString(text) > templateMax:
		s.fault(s.prefix+key, "is longer than %d characters", templateMax)
	}
	return text
}
