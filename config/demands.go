package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/country"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/otp/pin"
)

// underPolicy is a reader whose value the application's policy, which was read before, may not allow.
func underPolicy(r reader[otp.App], check func(*value, *otp.App)) reader[otp.App] {
	plain := r.read
	r.read = func(v *value, app *otp.App) {
		plain(v, app)
		check(v, app)
	}
	return r
}

func (v *value) policyTTL(app *otp.App) {
	if most := app.Policy.MaxTTL(); app.TTL > most && app.TTL <= otp.MaxTTL {
		v.fault("is longer than the %s that %sPOLICY=%s allows", most, v.prefix, app.Policy)
	}
}

// policyPIN also makes the length that nobody chose what the policy asks for.
func (v *value) policyPIN(app *otp.App) {
	least := app.Policy.MinPIN(app.PINType)
	switch {
	case app.PINLength >= least || app.PINLength < pin.Min:
	case v.text == defaultPINLength:
		app.PINLength, v.text = least, strconv.Itoa(least)
	default:
		v.fault("is too few for %s under %sPOLICY=%s; give %d or more", app.PINType, v.prefix, app.Policy, least)
	}
}

func (v *value) dltID() string {
	if v.trim() != "" && !country.IsDLTID(v.text) {
		v.bad(v.text, "an id of a DLT platform: 10 to 30 digits, as the portal shows it")
	}
	return v.text
}

// chosenLanguage is the language that the name of a variable ends in; "" for a name without one.
func (v *value) chosenLanguage() (string, bool) {
	if v.chosen == "" {
		return "", true
	}
	lang, ok := otp.CanonicalLanguage(v.chosen)
	if !ok {
		v.fault("%q is not a language tag; end the name in HI, PT_BR or the like", v.chosen)
		return "", false
	}
	v.chosen = strings.ReplaceAll(lang, "-", "_")
	return lang, true
}

// byLanguage keeps what a variable says for its language, once.
func byLanguage[T any](v *value, to *map[string]T, lang string, x T) {
	if _, twice := (*to)[lang]; twice {
		v.fault("the language %s has this twice; take one out", lang)
		return
	}
	if *to == nil {
		*to = make(map[string]T)
	}
	(*to)[lang] = x
}

func readDLTTemplate(v *value, app *otp.App) {
	if lang, ok := v.chosenLanguage(); ok && v.text != "" {
		byLanguage(v, &app.DLT.Templates, lang, v.dltID())
	}
}

func readDLTText(v *value, app *otp.App) {
	lang, ok := v.chosenLanguage()
	if !ok || v.text == "" {
		return
	}
	t, err := country.ParseTemplate(v.text)
	if err != nil {
		v.fault("%v", err)
		return
	}
	byLanguage(v, &app.DLT.Texts, lang, t)
}

func readLanguageTLVs(v *value, app *otp.App) {
	if lang, ok := v.chosenLanguage(); ok {
		byLanguage(v, &app.TLVsIn, lang, tlvMap(v.tlvs()))
	}
}

// checkDLT looks at what is registered in India: it belongs together, and the texts are those of the
// templates.
func (s scope) checkDLT(app *otp.App) {
	if len(app.DLT.Templates)+len(app.DLT.Texts) > 0 && app.DLT.Entity == "" {
		s.warnOf("DLT_ENTITY", "is not set, so messages to India have no TLV 0x1400; give the PE id")
	}
	for _, lang := range slices.Sorted(maps.Keys(app.DLT.Texts)) {
		key, template := "DLT_TEXT", app.Template
		if lang != "" {
			key, template = key+"_"+strings.ToUpper(strings.ReplaceAll(lang, "-", "_")), app.Templates[lang]
		}
		if template != "" && !app.DLT.Texts[lang].Match(otp.Sample(template, app.PINType, app.PINLength)) {
			s.warnOf(key, "is not the text of the template, so requests that bring no other are refused; the two have to agree to the blank")
		}
	}
}

// warnSenders names the applications whose senders a country does not deliver, of the countries that a route
// or the guard names.
func (l *loader) warnSenders() {
	for i := range l.config.Apps {
		app := &l.config.Apps[i]
		if app.SenderRules == otp.SendersAny {
			continue
		}
		for _, to := range l.namedCountries(app) {
			from := app.SenderIn(to)
			if f, ok := country.Of(to).Sender(from, time.Now()); ok && f.Refused {
				l.warn(appGroup+prefixOf(app.Name)+"_SENDERS_"+to, "is not set, and the sender there would be %s: %s", from, f.Text)
			}
		}
	}
}

// namedCountries are those that a route of the application has a prefix of, and those that its guard allows.
func (l *loader) namedCountries(app *otp.App) []string {
	named := slices.Clone(app.Guard.Allow)
	for _, rule := range country.Rules() {
		for _, r := range l.config.Routes {
			of := len(r.Apps) == 0 || slices.Contains(r.Apps, app.Name)
			if of && slices.ContainsFunc(r.Prefixes, func(p string) bool { return p != "" && phone.Reaches(p, rule.Country) }) {
				named = append(named, rule.Country)
			}
		}
	}
	slices.Sort(named)
	return slices.Compact(named)
}

// dltChain reads the ids of telemarketers.
func (v *value) dltChain() []string {
	ids := v.list()
	for _, id := range ids {
		if id != "" && !country.IsDLTID(id) {
			v.bad(id, "an id of a DLT platform: 10 to 30 digits, as the portal shows it")
		}
	}
	return ids
}
