package config

import (
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // an image from scratch has no time zones

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/phone"
)

// The bounds of quotas.
const (
	quotaMax  = 1_000_000_000
	budgetMax = 1e9
)

func quotaOf(field func(*otp.Quotas) *int64) reader[otp.App] {
	return read(func(v *value, a *otp.App) { *field(&a.Quotas) = int64(v.integer(0, quotaMax)) })
}

// zone reads a time zone by its name in the IANA's database.
func (v *value) zone() *time.Location {
	zone, err := time.LoadLocation(v.trim())
	if err != nil || v.text == "Local" {
		v.bad(v.text, "a time zone, like UTC or Europe/Sofia")
		return time.UTC
	}
	return zone
}

// countryLimits reads GB:500/h.
func (v *value) countryLimits() (limits []otp.CountryLimit) {
	for _, text := range v.list() {
		country, rest, _ := strings.Cut(text, ":")
		count, per, _ := strings.Cut(rest, "/")
		country = strings.ToUpper(strings.TrimSpace(country))
		n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
		switch {
		case text == "": // list has said so
		case !phone.IsCountry(country) || err != nil || n < 1 || n > quotaMax || strings.TrimSpace(per) != "h":
			v.bad(text, "country:messages/h with a country of two letters, like GB:500/h")
		case slices.ContainsFunc(limits, func(o otp.CountryLimit) bool { return o.Country == country }):
			v.fault("names %s twice; take one out", country)
		default:
			limits = append(limits, otp.CountryLimit{Country: country, Max: n})
		}
	}
	return limits
}
