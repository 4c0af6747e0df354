package otp

import (
	"maps"
	"slices"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

func supportedCountries() []string {
	return slices.Sorted(maps.Keys(phonenumbers.GetSupportedRegions()))
}

func TestParsePhone(t *testing.T) {
	tests := []struct{ name, number, country, e164, iso string }{
		{"E.164", "+33612345678", "", "+33612345678", "FR"},
		{"punctuation", "+33 (0) 6.12-34 56/78", "", "+33612345678", "FR"},
		{"full-width plus and digits", "＋３３６12345678", "", "+33612345678", "FR"},
		{"national", "06 12 34 56 78", "FR", "+33612345678", "FR"},
		{"national with the country code", "33612345678", "FR", "+33612345678", "FR"},
		{"international prefix of the country", "00 49 1512 3456789", "FR", "+4915123456789", "DE"},
		{"its own code counts, not the country", "+33612345678", "DE", "+33612345678", "FR"},
		{"Guernsey under +44", "+447781123456", "GB", "+447781123456", "GG"},
		{"Canada under +1", "+14165550123", "", "+14165550123", "CA"},
		{"Italian leading zero stays", "06 6982 1234", "IT", "+390669821234", "VA"},
		{"non-geographic", "+80012345678", "", "+80012345678", "ZZ"},
		{"satellite", "+881612345678", "", "+881612345678", "ZZ"},
		{"networks", "+883510012345", "", "+883510012345", "ZZ"},
		{"too short", "+3361234", "", "", ""},
		{"too long", "+336123456789012345", "", "", ""},
		{"no such country code", "+999123456789", "", "", ""},
		{"national without a country", "0612345678", "", "", ""},
		{"letters", "+1800FLOWERS", "", "", ""},
		{"extension", "+33612345678;ext=5", "", "", ""},
		{"extension by a word", "+33612345678 x5", "", "", ""},
		{"NUL", "+33612345678\x00", "", "", ""},
		{"only a plus", "+", "", "", ""},
		{"country without a numbering plan", "123456789", "AQ", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, ok := parsePhone(test.number, test.country)
			if ok != (test.e164 != "") || p.E164 != test.e164 || p.Country != test.iso {
				t.Errorf("%+v, %v", p, ok)
			}
		})
	}
}

// TestCountryNeverEmpty: of every kind of number there is an example of.
func TestCountryNeverEmpty(t *testing.T) {
	var examples []*phonenumbers.PhoneNumber
	for _, c := range supportedCountries() {
		examples = append(examples, phonenumbers.GetExampleNumber(c), phonenumbers.GetExampleNumberForType(c, phonenumbers.MOBILE))
	}
	for code := range phonenumbers.GetSupportedGlobalNetworkCallingCodes() {
		examples = append(examples, phonenumbers.GetExampleNumberForNonGeoEntity(code))
	}
	for _, n := range examples {
		if n == nil {
			continue
		}
		e164 := phonenumbers.Format(n, phonenumbers.E164)
		if p, ok := parsePhone(e164, ""); !ok || len(p.Country) != 2 || p.E164 != e164 {
			t.Errorf("%s: %+v, %v", e164, p, ok)
		}
	}
}

func TestIsCountry(t *testing.T) {
	for _, c := range []string{"FR", "GB", "AQ", "XK", "AC", "UM"} {
		if !isCountry(c) {
			t.Errorf("%s is none", c)
		}
	}
	for _, c := range []string{"UK", "EU", "ZZ", "XX", "001", "", "F", "FRA", "fr", "A ", "Q ", " B", "SU", "AN"} {
		if isCountry(c) {
			t.Errorf("%q is one", c)
		}
	}
}

func TestMaskPhone(t *testing.T) {
	if got := maskPhone("+33612345678"); got != "+336******78" {
		t.Error(got)
	}
	if got := maskPhone("+29012"); got != "***" {
		t.Error(got)
	}
}
