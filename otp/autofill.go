package otp

import (
	"regexp"
	"strings"

	"github.com/otpgw/otpgw/otp/internal/strictjson"
)

// Lines at the end of a message let the phone hand the PIN to the page or the app that asked for it:
//
//   - WebOTP: "@example.com #12345" as the last line (Web Incubator CG, Origin-bound one-time codes delivered via SMS);
//   - SMS Retriever of Android: the app's hash of 11 characters as a line of its own, in a message of at most 140 bytes.
//
// Where both are wanted WebOTP's is the last, for it must be; Android finds its hash wherever it is.
const (
	appHashLength   = 11
	maxRetriever    = 140
	maxWebOTPDomain = 253
)

var (
	webOTPDomain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$|^localhost$`)
	appHash      = regexp.MustCompile(`^[A-Za-z0-9+/]{11}$`) // the first of a base64
)

// ValidWebOTPDomain says whether s is a host name in lower case, as browsers write one: without port, IDNs as
// punycode.
func ValidWebOTPDomain(s string) bool {
	return len(s) <= maxWebOTPDomain && webOTPDomain.MatchString(s)
}

// ValidAppHash says whether s can be the hash of an Android app.
func ValidAppHash(s string) bool { return appHash.MatchString(s) }

func (f *faults) webOTPDomain(v strictjson.Value, fallback string) string {
	switch {
	case v.Kind == strictjson.Unset:
		return fallback
	case v.Kind == strictjson.Text && v.Text == "": // none, whatever the application has
	case v.Kind != strictjson.Text || !ValidWebOTPDomain(v.Text):
		f.add(CodeWebOTPDomain, "The parameter 'webOtpDomain' is not a host name in lower case")
	}
	return v.Text
}

func (f *faults) appHash(v strictjson.Value, fallback string) (hash string, asked bool) {
	switch {
	case v.Kind == strictjson.Unset:
		return fallback, false
	case v.Kind == strictjson.Text && v.Text == "":
	case v.Kind != strictjson.Text || !ValidAppHash(v.Text):
		f.add(CodeAppHash, "The parameter 'appHash' is not the 11 characters of an Android app")
	}
	return v.Text, true
}

// append puts the lines under a rendered text, after an empty line where that costs no part more than a plain
// line break. A hash that would not fit the 140 bytes Android reads is left out when it came from the
// application's settings, for it would be paid for and not work, and is an error when the request asked for
// it.
func (n NewOtp) append(text, pin string, measure func(string) int) (string, error) {
	if n.WebOTPDomain == "" && n.AppHash == "" {
		return text, nil
	}
	var lines []string
	room := len(text) + maxRetriever*2 + maxWebOTPDomain
	if n.AppHash != "" {
		lines = append(lines, n.AppHash)
		room = maxRetriever
	}
	if n.WebOTPDomain != "" {
		lines = append(lines, "@"+n.WebOTPDomain+" #"+pin)
	}
	text = strings.TrimRight(text, " \r\n")
	end := strings.Join(lines, "\n")
	tight, wide := text+"\n"+end, text+"\n\n"+end
	switch {
	case len(tight) > room && n.hashAsked:
		return "", &Error{Code: CodeAppHash, Message: "With 'appHash' the message is longer than the 140 bytes that Android reads"}
	case len(tight) > room:
		n.AppHash = ""
		return n.append(text, pin, measure)
	case len(wide) <= room && measure(wide) <= measure(tight):
		return wide, nil
	}
	return tight, nil
}
