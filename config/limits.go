package config

import (
	"encoding/csv"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/otpgw/otpgw/otp"
)

var allDigits = regexp.MustCompile(`^[0-9]+$`)

// The bounds of what keeps an application from being abused.
const (
	limitShortest, limitLongest = time.Second, 31 * 24 * time.Hour
	resendsMax                  = 10
	resendSoonest               = time.Second
	guardCountMax               = 1_000_000
	authFailuresMax             = 1_000_000

	off = "off"
)

// limits reads "5/10m,10/24h", or off.
func (s scope) limits(value *string, key string) otp.Limits {
	if strings.TrimSpace(*value) == off {
		*value = off
		return nil
	}
	var limits otp.Limits
	for _, text := range s.list(value, key) {
		count, per, _ := strings.Cut(text, "/")
		n, err := strconv.Atoi(strings.TrimSpace(count))
		per = strings.TrimSpace(per)
		d, perErr := time.ParseDuration(per)
		if seconds, err := strconv.Atoi(per); err == nil {
			d, perErr = time.Duration(seconds)*time.Second, nil
		}
		if err != nil || perErr != nil || n < 1 || n > otp.MaxLimit || d < limitShortest || d > limitLongest {
			s.bad(key, text, "a limit: 1 to "+strconv.Itoa(otp.MaxLimit)+", / and a time from 1s to 744h, like 5/10m; or off for none")
			continue
		}
		limits = append(limits, otp.Limit{Max: n, Per: d})
	}
	*value = limits.String()
	return limits
}

// durationOrOff is 0 for off.
func (s scope) durationOrOff(value *string, key string, low, high, unit time.Duration) time.Duration {
	if text := strings.TrimSpace(*value); text == off || text == "0" {
		*value = off
		return 0
	}
	return s.duration(value, key, low, high, unit)
}

// resends reads how an application's messages are sent again.
func (s scope) resends(app *otp.App, v *appVars) {
	app.MaxResends = s.integer(&v.MaxResends, "MAX_RESENDS", 0, resendsMax)
	app.ResendInterval = s.duration(&v.ResendInterval, "RESEND_INTERVAL", resendSoonest, ttlMax, time.Second)
	app.ResendAfter = s.durationOrOff(&v.ResendAfter, "RESEND_AFTER", resendSoonest, ttlMax, time.Second)
	switch {
	case app.ResendAfter > 0 && app.MaxResends == 0:
		s.warn(s.prefix+"RESEND_AFTER", "is without effect: %sMAX_RESENDS is 0", s.prefix)
	case app.ResendAfter >= app.TTL && app.ResendAfter > 0:
		s.warn(s.prefix+"RESEND_AFTER", "is without effect while a PIN is valid for no longer than that")
	}
}

// guard reads the guard against SMS pumping.
func (s scope) guard(v *appVars) otp.Guard {
	g := otp.Guard{
		Mode:              otp.GuardMode(s.oneOf(&v.Guard, "GUARD", string(otp.GuardOff), string(otp.GuardObserve), string(otp.GuardEnforce))),
		Allow:             s.countries(&v.GuardCountries, "GUARD_COUNTRIES"),
		Deny:              s.countries(&v.GuardDeny, "GUARD_DENY"),
		Trust:             s.numberPrefixes(&v.GuardTrust, "GUARD_TRUST"),
		PrefixUnverified:  s.integer(&v.GuardPrefix, "GUARD_PREFIX", 0, guardCountMax),
		CountryUnverified: s.integer(&v.GuardCountry, "GUARD_COUNTRY", 0, guardCountMax),
		Share:             float64(s.integer(&v.GuardShare, "GUARD_SHARE", 0, 100)) / 100,
	}
	if g.Mode != otp.GuardEnforce && (len(g.Allow) > 0 || len(g.Deny) > 0) {
		s.warn(s.prefix+"GUARD", "is %s, so no country is refused; set it to enforce for that", g.Mode)
	}
	return g
}

func (s scope) countries(value *string, key string) []string {
	*value = strings.ToUpper(*value)
	countries := s.list(value, key)
	for _, c := range countries {
		if c != "" && !otp.IsCountry(c) {
			s.bad(key, c, "a country: two letters of ISO 3166-1, like SE")
		}
	}
	return countries
}

// numberPrefixes reads beginnings of international numbers, with or without "+".
func (s scope) numberPrefixes(value *string, key string) []string {
	prefixes := s.list(value, key)
	for i, p := range prefixes {
		digits := strings.TrimPrefix(p, "+")
		if p != "" && (!allDigits.MatchString(digits) || len(digits) > e164Max) {
			s.bad(key, p, "the beginning of an international number, like +46701")
		}
		prefixes[i] = "+" + digits
	}
	return prefixes
}

// autofill reads what lets a page or an app read the PIN.
func (s scope) autofill(app *otp.App, v *appVars) {
	v.WebOTPDomain, v.AppHash = strings.TrimSpace(v.WebOTPDomain), strings.TrimSpace(v.AppHash)
	if v.WebOTPDomain != "" && !otp.ValidWebOTPDomain(v.WebOTPDomain) {
		s.bad("WEBOTP_DOMAIN", v.WebOTPDomain, "a host name in lower case, like shop.example")
	}
	if v.AppHash != "" && !otp.ValidAppHash(v.AppHash) {
		s.bad("APP_HASH", v.AppHash, "the 11 characters of an Android app (AppSignatureHelper prints them)")
	}
	app.WebOTPDomain, app.AppHash = v.WebOTPDomain, v.AppHash
}

// e164Max is the most digits of a number (ITU-T E.164, 6.1).
const e164Max = 15

// testNumbers reads "+46700000000:123456,...". PINs are not shown, for they may be somebody's habit.
func (s scope) testNumbers(value secret, key string) map[string]string {
	text := string(value)
	numbers := make(map[string]string)
	for i, element := range s.list(&text, key) {
		number, pin, _ := strings.Cut(element, ":")
		parsed, err := phonenumbers.Parse(number, "")
		switch {
		case err != nil || !phonenumbers.IsValidNumber(parsed) || phonenumbers.Format(parsed, phonenumbers.E164) != number:
			s.fault(s.prefix+key, "element %d does not begin with an international number that can exist, like +46700000000:123456", i+1)
		case !otp.ValidTestPIN(pin):
			s.fault(s.prefix+key, "element %d has no PIN of 4 to 10 digits or capital letters after its colon", i+1)
		case numbers[number] != "":
			s.fault(s.prefix+key, "element %d has a number that has a PIN already", i+1)
		default:
			numbers[number] = pin
		}
	}
	return numbers
}

// Prices are what a part of a message costs, by the digits its destination begins with.
type Prices struct {
	byPrefix map[string]float64
	longest  int
}

// Of is the price of a part to an E.164 number: that of the longest prefix; 0 for none.
func (p Prices) Of(e164 string) float64 {
	digits := strings.TrimPrefix(e164, "+")
	for n := min(p.longest, len(digits)); n > 0; n-- {
		if price, ok := p.byPrefix[digits[:n]]; ok {
			return price
		}
	}
	return 0
}

// readPrices reads OTPGW_PRICES: a CSV file of prefix and price. A first line that has no digits is its heading.
func (l *loader) readPrices(s scope) {
	const key = "OTPGW_PRICES"
	l.vars.Prices = strings.TrimSpace(l.vars.Prices)
	content := s.file(&l.vars.Prices, key)
	if content != nil {
		l.pricesOf(s, string(content))
	}
}

func (l *loader) pricesOf(s scope, content string) {
	const key = "OTPGW_PRICES"
	l.config.Prices.byPrefix = make(map[string]float64)
	r := csv.NewReader(strings.NewReader(content))
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = 2, '#', true
	for first := true; ; first = false {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.fault(key, "the file it names is no CSV of prefix and price: %v", err)
			return
		}
		if first && !strings.ContainsAny(strings.Join(row, ""), "0123456789") {
			continue
		}
		line, _ := r.FieldPos(0)
		l.config.Prices.add(s, key, line, row)
	}
}

func (p *Prices) add(s scope, key string, line int, row []string) {
	digits := strings.TrimPrefix(strings.TrimSpace(row[0]), "+")
	price, err := strconv.ParseFloat(strings.TrimSpace(row[1]), 64)
	_, twice := p.byPrefix[digits]
	switch {
	case !allDigits.MatchString(digits) || len(digits) > e164Max:
		s.fault(key, "line %d of the file it names: %q is not the beginning of an international number", line, row[0])
	case err != nil || math.IsNaN(price) || price < 0 || price > 1e6:
		s.fault(key, "line %d of the file it names: %q is not a price of 0 or more, like 0.045", line, row[1])
	case twice:
		s.fault(key, "line %d of the file it names: the prefix %s has a price already", line, digits)
	default:
		p.byPrefix[digits] = price
		p.longest = max(p.longest, len(digits))
	}
}
