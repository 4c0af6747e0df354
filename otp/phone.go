package otp

import (
	"slices"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// noCountry is the countryIso of numbers that belong to no country (+800, +870, +883, ...): the API wants two letters, and
// ZZ is what ISO 3166-1 leaves to users and CLDR calls the unknown region.
const noCountry = "ZZ"

// nonGeographic is libphonenumber's region of such numbers.
const nonGeographic = "001"

// unnumbered are the countries of ISO 3166-1 that libphonenumber has no numbering plan for.
var unnumbered = []string{"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}

// Phone is a destination.
type Phone struct {
	E164    string // with "+"
	Country string // ISO 3166-1 alpha-2; noCountry for a number of none
	risky   bool   // of a type that no phone reads messages on, see riskyType
}

// IsCountry says whether s is a country as requests name it.
func IsCountry(s string) bool { return isCountry(s) }

// isCountry: ISO 3166-1 alpha-2 in upper case, and AC, TA and XK, which have numbers of their own and which people send.
// GB is a country here, UK is not.
func isCountry(s string) bool {
	return phonenumbers.GetSupportedRegions()[s] || slices.Contains(unnumbered, s)
}

// parsePhone reads an international number, which begins with "+", or a national one of the country. Spaces and the usual
// punctuation may be in it; letters and extensions may not, for a message to half of what was written is worse than none.
func parsePhone(number, country string) (Phone, bool) {
	if strings.ContainsFunc(number, notDialled) {
		return Phone{}, false
	}
	if country == "" {
		country = noCountry
	}
	n, err := phonenumbers.Parse(number, country)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return Phone{}, false
	}
	p := Phone{E164: phonenumbers.Format(n, phonenumbers.E164), Country: phonenumbers.GetRegionCodeForNumber(n), risky: riskyType(n)}
	if p.Country == "" || p.Country == nonGeographic {
		p.Country = noCountry
	}
	return p, true
}

func isInternational(number string) bool {
	return strings.HasPrefix(number, "+") || strings.HasPrefix(number, "\uFF0B") // full width, as East Asian keyboards have it
}

func notDialled(r rune) bool {
	return !unicode.IsDigit(r) && !strings.ContainsRune("+\uFF0B -.()/\u00A0\u2010\u2011", r)
}

// maskPhone is what a log at info may show of a number.
func maskPhone(e164 string) string {
	if len(e164) <= 7 {
		return "***"
	}
	return e164[:4] + strings.Repeat("*", len(e164)-6) + e164[len(e164)-2:]
}
