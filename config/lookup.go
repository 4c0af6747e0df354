package config

import (
	"net/url"
	"regexp"
	"time"
)

// Lookup says who is asked of each number, see package otp/lookup.
type Lookup struct {
	URL     string
	Subject string // of a NATS request
	Secret  string // whsec_; empty until the secret key is known, see UseKey
	Timeout time.Duration
	Cache   time.Duration // 0: nothing is remembered
	Closed  bool          // without an answer nothing is sent
}

// On says whether anybody is asked.
func (l Lookup) On() bool { return l.URL != "" || l.Subject != "" }

// lookupSecretName is what the lookup's secret is derived from, as an application's is from its name, which
// this is none of.
const lookupSecretName = "/lookup"

var subjectForm = regexp.MustCompile(`^[^\s.*>]+(\.[^\s.*>]+)*$`)

// lookupURL reads the operator's own URL: it may be on a private address.
func (v *value) lookupURL() string {
	u, err := url.Parse(v.trim())
	switch {
	case v.text == "":
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "":
		v.fault("is not an http or https URL; write it like https://lookup.example/number")
	case u.User != nil:
		v.fault("holds a user or password; the requests are signed instead")
	}
	return v.text
}

func readLookupSubject(v *value, l *loader) {
	switch v.trim() {
	case "":
	default:
		switch {
		case !subjectForm.MatchString(v.text):
			v.bad(v.text, "a subject without wildcards, like otp.lookup")
		case l.config.Lookup.URL != "":
			v.fault("is set beside OTPGW_LOOKUP_URL; take one out")
		case l.config.NATS.URL == "":
			v.fault("is for an external cluster; set OTPGW_NATS_URL, or use OTPGW_LOOKUP_URL")
		}
	}
	l.config.Lookup.Subject = v.text
}

// eventSubject reads the first words of subjects, or off.
func (v *value) eventSubject() string {
	switch {
	case v.trim() == off:
		return ""
	case !subjectForm.MatchString(v.text) || v.text[0] == '$' || v.text[0] == '_':
		v.bad(v.text, "the begin of a subject, like otpgw, or off")
	}
	return v.text
}

func (v *value) lookupSecret() string {
	if v.text == "" {
		return ""
	}
	if secrets := v.callbackSecrets(); len(secrets) == 1 {
		return secrets[0]
	}
	v.fault("is more than one secret; keep 1")
	return ""
}
