// Package guard finds SMS pumping (artificially inflated traffic): someone has a share in what messages to
// some numbers cost, and makes an application's sign-up page send to them. Such messages are never verified.
// So it judges a message by the OTPs that were sent and verified before, to its country and to its prefix (a
// number less its last digits), and finds risk in those that are hardly ever verified. Counting is package
// counts'; what becomes of a risk is its caller's affair.
package guard

import (
	"slices"
	"strings"

	"github.com/otpgw/otpgw/otp/internal/counts"
	"github.com/otpgw/otpgw/otp/phone"
)

// Mode is what is done about risk.
type Mode string

// The modes.
const (
	Off     Mode = "off"     // nothing is counted
	Observe Mode = "observe" // logged, counted, and shown as risk in the answer
	Enforce Mode = "enforce" // and not sent
)

// Settings are an application's. The zero value is off.
type Settings struct {
	Mode  Mode
	Allow []string // countries, ISO 3166-1; empty for all
	Deny  []string // countries
	Trust []string // prefixes of E.164 numbers, with "+", that are never a risk

	// A prefix is a risk with this many not verified in a day, or half as many in an hour, when the share
	// verified is below Share. A country is with CountryUnverified, or with Share of its best day's verified
	// in a fortnight where that is more, in a day, or half as many in an hour, when less than half are
	// verified. 0 turns a rule off.
	PrefixUnverified  int
	CountryUnverified int
	Share             float64 // 0 to 1
}

// The risks, as the answer has them.
const (
	RiskCountry        = "country"         // not allowed, or denied
	RiskNumberType     = "number_type"     // premium, shared cost, toll free, pager, voicemail: no phone reads SMS there
	RiskPrefixTraffic  = "prefix_traffic"  // hardly any verified among the neighbouring numbers
	RiskCountryTraffic = "country_traffic" // many more not verified than usual in the country
)

// Names are all of them.
var Names = []string{RiskCountry, RiskNumberType, RiskPrefixTraffic, RiskCountryTraffic}

// countryShare is the share verified from which a country's traffic is taken for people.
const countryShare = 0.5

// Skip is the mode that risks are counted under when the application vouched for the request.
const Skip Mode = "skip"

// On says whether anything is judged.
func (s *Settings) On() bool { return s.Mode == Observe || s.Mode == Enforce }

// Trusts says whether a number is never a risk.
func (s *Settings) Trusts(e164 string) bool {
	return slices.ContainsFunc(s.Trust, func(prefix string) bool { return strings.HasPrefix(e164, prefix) })
}

// Risks are those of a message to a number, by what was sent to its prefix and to its country.
func (s *Settings) Risks(n phone.Number, prefix, country counts.Traffic) []string {
	var risks []string
	if len(s.Allow) > 0 && !slices.Contains(s.Allow, n.Country) || slices.Contains(s.Deny, n.Country) {
		risks = append(risks, RiskCountry)
	}
	if n.Special() {
		risks = append(risks, RiskNumberType)
	}
	if s.prefixRisk(prefix) {
		risks = append(risks, RiskPrefixTraffic)
	}
	if s.countryRisk(country) {
		risks = append(risks, RiskCountryTraffic)
	}
	return risks
}

func (s *Settings) prefixRisk(t counts.Traffic) bool {
	return t.Day.Unverified(s.PrefixUnverified, s.Share) || t.Hour.Unverified(half(s.PrefixUnverified), s.Share)
}

func (s *Settings) countryRisk(t counts.Traffic) bool {
	if s.CountryUnverified == 0 {
		return false
	}
	most := max(s.CountryUnverified, int(s.Share*float64(t.BestDay)))
	return t.Day.Unverified(most, countryShare) || t.Hour.Unverified(half(most), countryShare)
}

func half(n int) int { return (n + 1) / 2 }
