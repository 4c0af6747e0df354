package config

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/donotsend"
	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/otp/pin"
)

var allDigits = regexp.MustCompile(`^[0-9]+$`)

const (
	limitShortest, limitLongest = time.Second, 31 * 24 * time.Hour

	off = "off"
)

// limits reads "5/10m,10/24h", or off.
func (v *value) limits() limit.Limits {
	if v.trim() == off {
		return nil
	}
	var limits limit.Limits
	for _, text := range v.list() {
		one, ok := readLimit(text)
		if !ok {
			v.bad(text, "a limit: 1 to "+strconv.Itoa(limit.Most)+", / and a time from 1s to 744h, like 5/10m; or off for none")
			continue
		}
		limits = append(limits, one)
	}
	v.text = limits.String()
	return limits
}

// readLimit reads count/time; a time without a unit is seconds.
func readLimit(text string) (limit.Limit, bool) {
	count, per, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per = strings.TrimSpace(per)
	d, perErr := time.ParseDuration(per)
	if seconds, err := strconv.Atoi(per); err == nil {
		d, perErr = time.Duration(seconds)*time.Second, nil
	}
	return limit.Limit{Max: n, Per: d}, err == nil && perErr == nil && n >= 1 && n <= limit.Most && d >= limitShortest && d <= limitLongest
}

// namedLimits reads name=count/time; a name may have several limits.
func (v *value) namedLimits() map[string]limit.Limits {
	limits := make(map[string]limit.Limits)
	for _, text := range v.list() {
		if text == "" { // list has said so
			continue
		}
		name, rest, _ := strings.Cut(text, "=")
		name = strings.TrimSpace(name)
		one, ok := readLimit(rest)
		if !ok || !otp.ValidLimitName(name) {
			v.bad(text, "a limit by name: a name of small letters, =, 1 to "+strconv.Itoa(limit.Most)+", / and a time from 1s to 744h, like ip=5/10m")
			continue
		}
		limits[name] = append(limits[name], one)
	}
	return limits
}

func (v *value) countries() []string {
	v.text = strings.ToUpper(v.text)
	countries := v.list()
	for _, c := range countries {
		if c != "" && !phone.IsCountry(c) {
			v.bad(c, "a country: two letters of ISO 3166-1, like SE")
		}
	}
	return countries
}

// numberPrefixes reads beginnings of international numbers, with or without "+".
func (v *value) numberPrefixes() []string {
	prefixes := v.list()
	for i, p := range prefixes {
		digits := strings.TrimPrefix(p, "+")
		if p != "" && (!allDigits.MatchString(digits) || len(digits) > otp.MaxDigits) {
			v.bad(p, "the beginning of an international number, like +46701")
		}
		prefixes[i] = "+" + digits
	}
	return prefixes
}

func (v *value) webOTPDomain() string {
	if v.trim() != "" && !otp.ValidWebOTPDomain(v.text) {
		v.bad(v.text, "a host name in lower case, like shop.example")
	}
	return v.text
}

func (v *value) appHash() string {
	if v.trim() != "" && !otp.ValidAppHash(v.text) {
		v.bad(v.text, "the 11 characters of an Android app (AppSignatureHelper prints them)")
	}
	return v.text
}

// testNumbers reads "+46700000000:123456,...". PINs are not shown, for they may be somebody's habit.
func (v *value) testNumbers() map[string]string {
	numbers := make(map[string]string)
	for i, element := range v.list() {
		number, code, _ := strings.Cut(element, ":")
		parsed, err := phonenumbers.Parse(number, "")
		switch {
		case err != nil || !phonenumbers.IsValidNumber(parsed) || phonenumbers.Format(parsed, phonenumbers.E164) != number:
			v.fault("element %d does not begin with an international number that can exist, like +46700000000:123456", i+1)
		case !pin.ValidTest(code):
			v.fault("element %d has no PIN of %d to %d digits or capital letters after its colon", i+1, pin.Min, pin.Max)
		case numbers[number] != "":
			v.fault("element %d has a number that has a PIN already", i+1)
		default:
			numbers[number] = code
		}
	}
	return numbers
}

// Prices are what a part of a message costs, by the digits its destination begins with, and by its network
// where that is known.
type Prices struct {
	by      map[priced]float64
	longest int
}

// doNotSend reads the file of numbers that nothing is sent to.
func (v *value) doNotSend() donotsend.Set {
	v.trim()
	content := v.file()
	set, err := donotsend.Read(bytes.NewReader(content))
	if err != nil {
		v.fault("the file it names has a %v", err)
	}
	return set
}
