package guard

import (
	"slices"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/internal/counts"
	"github.com/otpgw/otpgw/otp/phone"
)

// at is a group's counts: what was sent and verified in the hour before now, and the best day before.
func at(now time.Time, sent, verified, best int) counts.Counts {
	day := now.Add(-3*24*time.Hour).Unix() / 86400
	return counts.Counts{Slots: map[int64]counts.Window{now.Unix() / 600: {Sent: sent, Verified: verified}}, Days: map[int64]int{day: best}}
}

// TestRisks: each rule at its bound and one below it.
func TestRisks(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	number, ok := phone.Parse("+46701234567", "")
	if !ok {
		t.Fatal("no number")
	}
	premium, ok := phone.Parse("+33899123456", "")
	if !ok {
		t.Fatal("no premium number")
	}
	standard := Settings{Mode: Observe, PrefixUnverified: 10, CountryUnverified: 20, Share: 0.2}
	allowed, denied := standard, standard
	allowed.Allow, denied.Deny = []string{"NO"}, []string{"SE"}
	off := Settings{Mode: Observe}
	for _, test := range []struct {
		name            string
		settings        Settings
		to              phone.Number
		prefix, country counts.Counts
		want            []string
	}{
		{"nothing known", standard, number, counts.Counts{}, counts.Counts{}, nil},
		{"four not verified in an hour", standard, number, at(now, 4, 0, 0), counts.Counts{}, nil},
		{"five", standard, number, at(now, 5, 0, 0), counts.Counts{}, []string{RiskPrefixTraffic}},
		{"more, and a fifth verified", standard, number, at(now, 50, 10, 0), counts.Counts{}, nil},
		{"more, and less than a fifth", standard, number, at(now, 50, 9, 0), counts.Counts{}, []string{RiskPrefixTraffic}},
		{"nine of a country", standard, number, counts.Counts{}, at(now, 9, 0, 0), nil},
		{"ten of a country", standard, number, counts.Counts{}, at(now, 10, 0, 0), []string{RiskCountryTraffic}},
		{"a country whose best day had 300", standard, number, counts.Counts{}, at(now, 29, 0, 300), nil},
		{"more than half of a fifth of that", standard, number, counts.Counts{}, at(now, 30, 0, 300), []string{RiskCountryTraffic}},
		{"both", standard, number, at(now, 10, 0, 0), at(now, 10, 0, 0), []string{RiskPrefixTraffic, RiskCountryTraffic}},
		{"rules that are off", off, number, at(now, 1000, 0, 0), at(now, 1000, 0, 0), nil},
		{"not an allowed country", allowed, number, counts.Counts{}, counts.Counts{}, []string{RiskCountry}},
		{"a denied country", denied, number, counts.Counts{}, counts.Counts{}, []string{RiskCountry}},
		{"a premium number", standard, premium, counts.Counts{}, counts.Counts{}, []string{RiskNumberType}},
	} {
		if got := test.settings.Risks(test.to, test.prefix, test.country, now); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestFoundWarnsSeldom: every risk is counted, one warning in ten seconds is enough.
func TestFoundWarnsSeldom(t *testing.T) {
	var f Found
	warned := 0
	for range 5 {
		if f.Add("shop", Observe, []string{RiskCountry}) {
			warned++
		}
	}
	if !f.Add("shop", Observe, []string{RiskCountry, RiskNumberType}) {
		t.Error("another risk is not warned of")
	}
	if n := f.Counts()[Risk{"shop", Observe, RiskCountry}]; n != 6 || warned != 1 {
		t.Errorf("counted %d with %d warnings, want 6 with 1", n, warned)
	}
}
