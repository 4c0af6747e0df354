// Package phone reads telephone numbers as people write them, gives each one spelling (E.164, of today's
// plan), and knows whose country and of what kind it is. It stands on libphonenumber.
package phone

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"github.com/otpgw/otpgw/otp/internal/typed"
)

// NoCountry is the countryIso of numbers that belong to no country (+800, +870, +883, ...): the API wants two
// letters, and ZZ is what ISO 3166-1 leaves to users and CLDR calls the unknown region.
const NoCountry = "ZZ"

// nonGeographic is libphonenumber's region of such numbers.
const nonGeographic = "001"

// unnumbered are the countries of ISO 3166-1 that libphonenumber has no numbering plan for.
var unnumbered = []string{"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}

// Number is a destination.
type Number struct {
	E164    string // with "+"
	Country string // ISO 3166-1 alpha-2; NoCountry for a number of none
	special bool   // see Special
	fixed   bool   // a line of no mobile network
	voip    bool
}

// VoIP: of Internet telephony, which anybody may have without being known.
func (p Number) VoIP() bool { return p.voip }

// TakesSMS is false for a number that no phone reads messages on: a fixed line, a premium or toll-free
// number. Some fixed lines do show them, so it is no reason to refuse but where another API wants it so.
func (p Number) TakesSMS() bool { return !p.special && !p.fixed }

// Special: of a kind that no phone reads messages on, such as a premium or a toll-free number.
func (p Number) Special() bool { return p.special }

// isSpecial is true for the kinds of number that no phone reads messages on.
func isSpecial(kind phonenumbers.PhoneNumberType) bool {
	switch kind {
	case phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST, phonenumbers.TOLL_FREE, phonenumbers.PAGER, phonenumbers.VOICEMAIL, phonenumbers.UAN:
		return true
	}
	return false
}

// Countries are those that have a numbering plan.
func Countries() []string { return slices.Sorted(maps.Keys(phonenumbers.GetSupportedRegions())) }

// IsCountry says whether requests may name s as a country: ISO 3166-1 alpha-2 in upper case, and AC, TA and
// XK, which have numbers of their own and which people send. GB is a country here, UK is not.
func IsCountry(s string) bool {
	return phonenumbers.GetSupportedRegions()[s] || slices.Contains(unnumbered, s)
}

// Begins says whether a number of any country may begin with these digits.
func Begins(digits string) bool {
	for code := range phonenumbers.GetSupportedCallingCodes() {
		c := strconv.Itoa(code)
		if strings.HasPrefix(c, digits) || strings.HasPrefix(digits, c) {
			return true
		}
	}
	return false
}

// Reaches says whether numbers that begin with these digits can be of a country, which may share its code
// with others.
func Reaches(digits, country string) bool {
	code := strconv.Itoa(phonenumbers.GetCountryCodeForRegion(country))
	if strings.HasPrefix(code, digits) {
		return true
	}
	if !strings.HasPrefix(digits, code) {
		return false
	}
	const rest = "5550123" // of a number long enough to say whose it is, where a code is shared
	if n, err := phonenumbers.Parse("+"+(digits + rest)[:max(len(digits), len(code)+10)], ""); err == nil {
		if region := phonenumbers.GetRegionCodeForNumber(n); region != "" {
			return region == country
		}
	}
	n, _ := strconv.Atoi(code)
	return phonenumbers.GetRegionCodeForCountryCode(n) == country
}

// Parse reads an international number, which begins with "+", or a national one of the country, as people
// write and paste it (see dialled); without a country it must be an international one. One that was
// renumbered is the number of today, so a phone has one number however it is spelt.
func Parse(number, country string) (Number, bool) {
	digits, ok := dialled(number)
	if !ok {
		return Number{}, false
	}
	if country == "" {
		country = NoCountry
	}
	p, ok := read(digits, country)
	if !ok {
		// "+39 (0) 340 ...": the 0 of calls within the country, which some countries' numbers have no more.
		if digits, ok = dialled(trunkZero.ReplaceAllString(number, "")); ok {
			p, ok = read(digits, country)
		}
	}
	return p, ok
}

var trunkZero = regexp.MustCompile(`\(\s*0\s*\)`)

// read is what libphonenumber reads, in the plan of today; false for what is no valid number.
func read(digits, country string) (Number, bool) {
	code, national, ok := parse(digits, country)
	if !ok {
		return Number{}, false
	}
	if now, moved := today(code, national); moved {
		if code, national, ok := parse(now, NoCountry); ok {
			if p, ok := valid(code, national); ok {
				return p, true
			}
		}
	}
	return valid(code, national)
}

func parse(digits, country string) (code int, national string, ok bool) {
	if code, national, ok = split(digits); ok {
		return code, national, true
	}
	n, err := phonenumbers.Parse(digits, country)
	if err != nil {
		return 0, "", false
	}
	return int(n.GetCountryCode()), phonenumbers.GetNationalSignificantNumber(n), true
}

func valid(code int, national string) (Number, bool) {
	country, kind := identify(code, national)
	if kind == phonenumbers.UNKNOWN {
		return Number{}, false
	}
	if country == nonGeographic {
		country = NoCountry
	}
	return Number{E164: "+" + strconv.Itoa(code) + national, Country: country, special: isSpecial(kind), voip: kind == phonenumbers.VOIP,
		fixed: kind == phonenumbers.FIXED_LINE}, true
}

// dialled keeps what is dialled of a number: its digits, and the "+" before them. Digits may be of any
// script; spaces, dashes, brackets, dots, slashes and what nobody sees may stand among them, and "tel:"
// before them (RFC 3966). Letters and extensions may not, for a message to half of what was written is worse
// than none; then it is what was before them, and false.
func dialled(number string) (string, bool) {
	number = typed.Plain(number)
	if len(number) > 4 && strings.EqualFold(number[:4], "tel:") {
		number = number[4:]
	}
	if typed.Digits(strings.TrimPrefix(number, "+")) {
		return number, true
	}
	var b strings.Builder
	for _, r := range number {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '+' && b.Len() == 0:
			b.WriteByte('+')
		case r == '+' && b.String() == "+", betweenDigits(r):
		default:
			return b.String(), false
		}
	}
	return b.String(), true
}

func betweenDigits(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Ps, unicode.Pe) || strings.ContainsRune("./\u2212\u2043\u00B7\u2022\u2044\u2215", r)
}

// International says whether a number as people write it begins with the code of its country.
func International(number string) bool {
	digits, _ := dialled(number)
	return isInternational(digits)
}

func isInternational(number string) bool { return strings.HasPrefix(number, "+") }

// Mask is what a log at info may show of a number.
func Mask(e164 string) string {
	if len(e164) <= 7 {
		return "***"
	}
	return e164[:4] + strings.Repeat("*", len(e164)-6) + e164[len(e164)-2:]
}
