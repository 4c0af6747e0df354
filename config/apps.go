package config

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/smpp/text"
)

// The bounds of an application's settings that package otp does not keep for requests too.
const (
	rateMax          = 1e6
	guardCountMax    = 1_000_000
	defaultPINLength = "6"
	keyShort         = 20 // characters from which a key or an OAuth secret is not warned of
)

// appRows are the variables of one application.
var appRows = []setting[otp.App]{
	{"API_KEYS", "", "API keys accepted, comma-separated; an application needs keys or a secret",
		secretList(func(v *value, a *otp.App) { a.APIKeys = v.apiKeys() })},
	{"SECRET", "", "OAuth client secret; the application's name is the client id", secretly(func(v *value, a *otp.App) { a.Secret = v.clientSecret() })},
	{"SENDERS", "", "approved senders, comma-separated: 3 to 11 characters, or up to 15 digits",
		read(func(v *value, a *otp.App) { a.Senders = v.senders() })},
	{"FROM", "", "default sender, one of the approved; empty: the first of them", read(func(v *value, a *otp.App) { a.From = v.from(a.Senders) })},
	{"SENDERS_<COUNTRY>", "", "approved senders for numbers of COUNTRY (US, CA, ...) in place of SENDERS and FROM, the default one first: where names are refused, a number",
		read(readSendersIn)},
	{"SENDER_RULES", string(otp.SendersEnforced), "a sender that the country of a number does not deliver (otp/country/README.md): {}",
		oneOf(func(a *otp.App) *otp.SenderRules { return &a.SenderRules }, otp.SendersEnforced, otp.SendersWarned, otp.SendersAny)},
	{"POLICY", string(otp.PolicyNone), "none, or nist (SP 800-63B-4): PINs live for 10 minutes at most, have 20 bits, and go to no number of Internet telephony",
		oneOf(func(a *otp.App) *otp.Policy { return &a.Policy }, otp.PolicyNone, otp.PolicyNIST)},
	{"TEMPLATE", "Your verification code is {{pin}}", "message text, holds {{pin}}", read(func(v *value, a *otp.App) { a.Template = v.template() })},
	{"TEMPLATE_<LANG>", "", "text for destinations that speak LANG, a language tag: FR, BG, PT_BR, SR_LATN", read(readTemplate)},
	{"TTL", "300", "how long a PIN is valid: seconds, or a duration like 5m; {}", underPolicy(
		duration(otp.MinTTL, otp.MaxTTL, time.Second, func(a *otp.App) *time.Duration { return &a.TTL }), (*value).policyTTL)},
	{"MAX_ATTEMPTS", "5", "guesses per PIN, {}", integer(otp.MinAttempts, otp.MaxAttempts, func(a *otp.App) *int { return &a.MaxAttempts })},
	{"PIN_TYPE", "numbers", "{}", oneOf(func(a *otp.App) *pin.Type { return &a.PINType }, pin.Numbers, pin.Letters, pin.Alphanumeric)},
	{"PIN_LENGTH", defaultPINLength, "characters in a PIN, {}", underPolicy(
		integer(pin.Min, pin.Max, func(a *otp.App) *int { return &a.PINLength }), (*value).policyPIN)},
	{"CALLBACK_URL", "", "http(s) URL told of changes when a request names none; empty: no callback",
		callbackURL(func(a *otp.App) *string { return &a.CallbackURL })},
	{"CALLBACK_SECRET", "", "whsec_ and base64 of 24 to 64 bytes, signs callbacks; new,old while it is changed: both sign; empty: derived from the secret key and the name",
		secretList(func(v *value, a *otp.App) { a.CallbackSecrets = v.callbackSecrets() })},
	{"MO_URL", "", "http(s) URL told of what handsets write to the application's senders, and of STOP and START; empty: nobody is told what they write",
		callbackURL(func(a *otp.App) *string { return &a.MOURL })},
	{"STOP_REPLY", "", "text sent to a number that wrote STOP; empty: none", read(func(v *value, a *otp.App) { a.StopReply = v.reply() })},
	{"HELP_REPLY", "", "text sent to a number that wrote HELP; empty: none, and HELP is a message like any other",
		read(func(v *value, a *otp.App) { a.HelpReply = v.reply() })},
	{"RATE", "0", "requests per second over the API, on all daemons together; 0: no limit", number(rateMax, func(a *otp.App) *float64 { return &a.Rate })},
	{"ALLOW", "", "CIDRs that its callers come from; empty: anywhere", read(func(v *value, a *otp.App) { a.Allow = v.networks() })},
	{"SEND_LIMITS", "5/10m,10/24h", "messages to one number, as count/time, all of which hold; or off",
		read(func(v *value, a *otp.App) { a.SendLimits = v.limits() })},
	{"TRY_LIMITS", "25/1h,50/24h", "guesses for one number, over all its OTPs, as count/time; or off",
		read(func(v *value, a *otp.App) { a.TryLimits = v.limits() })},
	{"LIMITS", "", "messages by what a request names in limits, as name=count/time: ip=5/10m,session=3/10m; empty: none",
		read(func(v *value, a *otp.App) { a.Limits = v.namedLimits() })},
	{"MAX_RESENDS", "3", "how often an OTP's message may be sent again, {}",
		integer(0, otp.MaxResends, func(a *otp.App) *int { return &a.MaxResends })},
	{"RESEND_INTERVAL", "30s", "least time between two messages of an OTP, {}",
		duration(otp.MinResendInterval, otp.MaxTTL, time.Second, func(a *otp.App) *time.Duration { return &a.ResendInterval })},
	{"RESEND_AFTER", off, "sent again by itself after this time without a receipt, or at once when it failed; or off",
		durationOrOff(otp.MinResendInterval, otp.MaxTTL, time.Second, func(a *otp.App) *time.Duration { return &a.ResendAfter })},
	{"GUARD", "observe", "guard against SMS pumping: off, observe (log, metric, risk in the answer) or enforce (refuse)",
		oneOf(func(a *otp.App) *guard.Mode { return &a.Guard.Mode }, guard.Off, guard.Observe, guard.Enforce)},
	{"GUARD_COUNTRIES", "", "the only countries to send to, as SE,NO; empty: all", read(func(v *value, a *otp.App) { a.Guard.Allow = v.countries() })},
	{"GUARD_DENY", "", "countries not to send to", read(func(v *value, a *otp.App) { a.Guard.Deny = v.countries() })},
	{"GUARD_TRUST", "", "beginnings of numbers that are never a risk, as +46701,+46702",
		read(func(v *value, a *otp.App) { a.Guard.Trust = v.numberPrefixes() })},
	{"GUARD_PREFIX", "10", "OTPs never verified to a number's neighbours (all but its last four digits) in a day, half as many in an hour, that are a risk; 0: none",
		integer(0, guardCountMax, func(a *otp.App) *int { return &a.Guard.PrefixUnverified })},
	{"GUARD_COUNTRY", "20", "the same for a country, or GUARD_SHARE of the most verified there on a day of the last 14 where that is more; 0: none",
		integer(0, guardCountMax, func(a *otp.App) *int { return &a.Guard.CountryUnverified })},
	{"GUARD_SHARE", "20", "percent verified from which a prefix is no risk",
		read(func(v *value, a *otp.App) { a.Guard.Share = float64(v.integer(0, 100)) / 100 })},
	{"QUOTA_DAY", "0", "messages in a day, those sent again included, on all daemons together; 0: no quota", quotaOf(func(q *otp.Quotas) *int64 { return &q.Day })},
	{"QUOTA_MONTH", "0", "the same in a month", quotaOf(func(q *otp.Quotas) *int64 { return &q.Month })},
	{"BUDGET_DAY", "0", "what messages may cost in a day, by OTPGW_PRICES; 0: no budget",
		number(budgetMax, func(a *otp.App) *float64 { return &a.Quotas.DayBudget })},
	{"BUDGET_MONTH", "0", "the same in a month", number(budgetMax, func(a *otp.App) *float64 { return &a.Quotas.MonthBudget })},
	{"QUOTA_ZONE", "UTC", "time zone of these days and months, like Europe/Sofia", read(func(v *value, a *otp.App) { a.Quotas.Zone = v.zone() })},
	{"COUNTRY_LIMITS", "", "messages to a country in an hour of the clock, as GB:500/h,US:50/h; empty: no limit",
		read(func(v *value, a *otp.App) { a.Quotas.Countries = v.countryLimits() })},
	{"WEBOTP_DOMAIN", "", "host whose pages may read the PIN (WebOTP): the last line becomes @host #PIN",
		read(func(v *value, a *otp.App) { a.WebOTPDomain = v.webOTPDomain() })},
	{"APP_HASH", "", "11 characters of the Android app that may read the PIN (SMS Retriever)", read(func(v *value, a *otp.App) { a.AppHash = v.appHash() })},
	{"TEST_NUMBERS", "", "numbers that nothing is sent to, each with its PIN: +46700000000:123456,...",
		secretList(func(v *value, a *otp.App) { a.TestNumbers = v.testNumbers() })},
	{"OWN_PIN", off, "on: a request may bring the PIN to be sent, and tell how it ended", onOff(func(a *otp.App) *bool { return &a.OwnPIN })},
	{"SUPABASE_SECRET", "", "secret of Supabase Auth's Send SMS hook, v1,whsec_ and base64, several separated by |; empty: no hook",
		secretly(func(v *value, a *otp.App) { a.SupabaseSecret = v.supabaseSecret() })},
	{"CAMARA", off, "on: the CAMARA API one-time-password-sms is for this application too", onOff(func(a *otp.App) *bool { return &a.CAMARA })},
	{"DLT_ENTITY", "", "id of the principal entity in India (PE id), TLV 0x1400 of messages there", read(func(v *value, a *otp.App) { a.DLT.Entity = v.dltID() })},
	{"DLT_TEMPLATE", "", "id of the template registered in India, TLV 0x1401", read(readDLTTemplate)},
	{"DLT_TEMPLATE_<LANG>", "", "that of the template in LANG", read(readDLTTemplate)},
	{"DLT_TEXT", "", "the registered text, {#var#} or {#numeric#} where the PIN stands: a message to India that is not it is refused", read(readDLTText)},
	{"DLT_TEXT_<LANG>", "", "that of the template in LANG", read(readDLTText)},
	{"TLVS_<LANG>", "", "optional parameters on messages in the language LANG; they win over TLVS", read(readLanguageTLVs)},
	{"TLVS", "", `optional parameters on each of its messages, like those of India's DLT; they win over the link's: 0x1400="1201"`,
		read(func(v *value, a *otp.App) { a.TLVs = tlvMap(v.tlvs()) })},
}

func readApps(v *value, l *loader) {
	if v.text == "" {
		v.fault("is not set: name at least one application, like OTPGW_APPS=shop (or try otpgw -demo)")
	}
	keyOwner := make(map[string]string)
	each(l, v, appGroup, appRows,
		func(name string) *otp.App { return &otp.App{Name: name, Templates: make(map[string]string)} },
		func(s scope, app *otp.App) {
			s.checkApp(app)
			s.sharedKeys(app, keyOwner)
			l.config.Apps = append(l.config.Apps, *app)
		})
}

// checkApp looks at what an application's variables say together.
func (s scope) checkApp(app *otp.App) {
	switch {
	case app.ResendAfter > 0 && app.MaxResends == 0:
		s.warnOf("RESEND_AFTER", "is without effect: %sMAX_RESENDS is 0", s.prefix)
	case app.ResendAfter >= app.TTL && app.ResendAfter > 0:
		s.warnOf("RESEND_AFTER", "is without effect while a PIN is valid for no longer than that")
	}
	s.checkDLT(app)
	if g := app.Guard; g.Mode != guard.Enforce && (len(g.Allow) > 0 || len(g.Deny) > 0) {
		s.warnOf("GUARD", "is %s, so no country is refused; set it to enforce for that", g.Mode)
	}
	if len(app.APIKeys) == 0 && app.Secret == "" && app.SupabaseSecret == "" && !s.hasFault("API_KEYS", "SECRET") {
		s.faultOf("API_KEYS", "is not set, nor is %sSECRET: nobody could use the application; set one of them", s.prefix)
	}
}

// readTemplate reads the text of one language. It is kept by the one name that otp has for the language (FRA
// is fr, IW is he, PT_BR is pt-BR), so that two texts for one language are seen.
func readTemplate(v *value, app *otp.App) {
	lang, ok := otp.CanonicalLanguage(v.chosen)
	switch _, twice := app.Templates[lang]; {
	case !ok:
		v.fault("%q is not a language tag; end the name in FR, PT_BR, SR_LATN or the like", v.chosen)
	case twice:
		v.fault("the language %s has two templates; take one out", lang)
	default:
		app.Templates[lang] = v.template()
		v.chosen = strings.ReplaceAll(lang, "-", "_")
	}
}

// hasFault tells whether a secret of this scope is already known to be faulty, by its own name or its
// file's, so that an unreadable file is not called a missing key as well.
func (s scope) hasFault(keys ...string) bool {
	for _, f := range s.out.faults {
		for _, key := range keys {
			if f.Variable == s.prefix+key || f.Variable == s.prefix+key+fileSuffix {
				return true
			}
		}
	}
	return false
}

// apiKeys reads keys that can travel in a header.
func (v *value) apiKeys() []string {
	keys := v.list()
	for i, k := range keys {
		if !printableASCII(k) || strings.Contains(k, " ") {
			v.fault("key %d holds a character that no HTTP header can carry; use printable ASCII without spaces", i+1)
		} else if len(k) < keyShort && k != "" && k != demoKey {
			v.warn("key %d has %d characters and could be guessed; make one of %d or more with: openssl rand -hex 32", i+1, len(k), keyShort)
		}
	}
	return keys
}

func (v *value) clientSecret() string {
	if n := len(v.text); n > 0 && n < keyShort {
		v.warn("has %d characters and could be guessed; make one of %d or more with: openssl rand -hex 32", n, keyShort)
	}
	return v.text
}

// sharedKeys reports a key that two applications accept: whose OTP would it be?
func (s scope) sharedKeys(app *otp.App, owner map[string]string) {
	for i, k := range app.APIKeys {
		if other, taken := owner[k]; taken && other != app.Name && k != "" {
			s.faultOf("API_KEYS", "key %d is also a key of the application %s; give each its own", i+1, other)
			continue
		}
		owner[k] = app.Name
	}
}

// SenderRule is what can be a sender: what a link can put into a PDU. It is here that package otp, which
// knows no SMPP, is given the rule.
var SenderRule otp.SenderRule = text.SenderProblem

func (v *value) senders() []string {
	senders := v.list()
	if len(senders) == 0 {
		v.fault("is not set: name at least one approved sender, like Shop or 447700900123")
	}
	for _, sender := range senders {
		if problem := SenderRule.Problem(sender); problem != "" && sender != "" {
			v.fault("%q %s", sender, problem)
		}
	}
	return senders
}

// readSendersIn reads the senders of one country.
func readSendersIn(v *value, app *otp.App) {
	country := strings.ToUpper(v.chosen)
	switch _, twice := app.SendersIn[country]; {
	case !phone.IsCountry(country):
		v.fault("%q is not a country; end the name in two letters of ISO 3166-1, like US", v.chosen)
	case twice:
		v.fault("the country %s has two lists of senders; take one out", country)
	default:
		if app.SendersIn == nil {
			app.SendersIn = make(map[string][]string)
		}
		app.SendersIn[country] = v.senders()
		v.chosen = country
	}
}

// from reads the default sender, which is the first approved one unless told otherwise.
func (v *value) from(senders []string) string {
	if v.trim() == "" && len(senders) > 0 {
		v.text = senders[0]
	}
	if v.text != "" && !slices.Contains(senders, v.text) {
		v.fault("%q is not among %sSENDERS; add it there", v.text, v.prefix)
	}
	return v.text
}

// reply reads a text that is sent as it is.
func (v *value) reply() string {
	switch {
	case !utf8.ValidString(v.text):
		v.fault("is not UTF-8")
	case utf8.RuneCountInString(v.text) > otp.MaxTemplate:
		v.fault("is longer than %d characters", otp.MaxTemplate)
	}
	return v.text
}

func (v *value) template() string {
	switch {
	case !utf8.ValidString(v.text):
		v.fault("is not UTF-8")
	case utf8.RuneCountInString(v.text) > otp.MaxTemplate:
		v.fault("is longer than %d characters", otp.MaxTemplate)
	default:
		if problem := otp.TemplateProblem(v.text); problem != "" {
			v.fault("%s", problem)
		}
	}
	return v.text
}
