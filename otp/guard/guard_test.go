package guard

import (
	"slices"
	"testing"

	"github.com/otpgw/otpgw/otp/internal/counts"
	"github.com/otpgw/otpgw/otp/phone"
)

// of is a group's traffic: what was sent and verified in the last hour, and the best day before.
func of(sent, verified, best int) counts.Traffic {
	w := counts.Window{Sent: sent, Verified: verified}
	return counts.Traffic{Hour: w, Day: w, BestDay: best}
}

// TestRisks: each rule at its bound and one below it.
func TestRisks(t *testing.T) {
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
		prefix, country counts.Traffic
		want            []string
	}{
		{"nothing known", standard, number, counts.Traffic{}, counts.Traffic{}, nil},
		{"four not verified in an hour", standard, number, of(4, 0, 0), counts.Traffic{}, nil},
		{"five", standard, number, of(5, 0, 0), counts.Traffic{}, []string{RiskPrefixTraffic}},
		{"more, and a fifth verified", standard, number, of(50, 10, 0), counts.Traffic{}, nil},
		{"more, and less than a fifth", standard, number, of(50, 9, 0), counts.Traffic{}, []string{RiskPrefixTraffic}},
		{"nine of a country", standard, number, counts.Traffic{}, of(9, 0, 0), nil},
		{"ten of a country", standard, number, counts.Traffic{}, of(10, 0, 0), []string{RiskCountryTraffic}},
		{"a country whose best day had 300", standard, number, counts.Traffic{}, of(29, 0, 300), nil},
		{"more than half of a fifth of that", standard, number, counts.Traffic{}, of(30, 0, 300), []string{RiskCountryTraffic}},
		{"both", standard, number, of(10, 0, 0), of(10, 0, 0), []string{RiskPrefixTraffic, RiskCountryTraffic}},
		{"rules that are off", off, number, of(1000, 0, 0), of(1000, 0, 0), nil},
		{"not an allowed country", allowed, number, counts.Traffic{}, counts.Traffic{}, []string{RiskCountry}},
		{"a denied country", denied, number, counts.Traffic{}, counts.Traffic{}, []string{RiskCountry}},
		{"a premium number", standard, premium, counts.Traffic{}, counts.Traffic{}, []string{RiskNumberType}},
	} {
		if got := test.settings.Risks(test.to, test.prefix, test.country); !slices.Equal(got, test.want) {
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
