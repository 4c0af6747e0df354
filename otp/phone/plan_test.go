package phone

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

func BenchmarkParse(b *testing.B) {
	for _, number := range []string{"+33612345678", "+46701234567", "+14165550123", "+33 (0) 6 12 34 56 78"} {
		b.Run(number, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := Parse(number, ""); !ok {
					b.Fatal(number)
				}
			}
		})
	}
}

// asLibrary compares what is read here of a number with what libphonenumber's own functions make of it.
func asLibrary(t *testing.T, number, country string) {
	t.Helper()
	digits, ok := dialled(number)
	if !ok {
		return
	}
	n, err := phonenumbers.Parse(digits, country)
	code, national, ok := parse(digits, country)
	if ok != (err == nil) {
		t.Fatalf("%q in %q: %v, libphonenumber: %v", digits, country, ok, err)
	}
	if !ok {
		return
	}
	if n.Extension != nil || code != int(n.GetCountryCode()) || national != phonenumbers.GetNationalSignificantNumber(n) {
		t.Fatalf("%q in %q: +%d %s, libphonenumber: %v", digits, country, code, national, n)
	}
	kind, region := phonenumbers.GetNumberType(n), phonenumbers.GetRegionCodeForNumber(n)
	if is, of := identify(code, national); of != kind || kind != phonenumbers.UNKNOWN && is != region {
		t.Fatalf("%q in %q: kind %d of %q, libphonenumber: %d of %q", digits, country, of, is, kind, region)
	}
	if p, ok := valid(code, national); ok && p.E164 != phonenumbers.Format(n, phonenumbers.E164) {
		t.Fatalf("%q in %q: %s, libphonenumber: %s", digits, country, p.E164, phonenumbers.Format(n, phonenumbers.E164))
	}
}

// examples are libphonenumber's of each country, calling code and kind.
func examples() (list []*phonenumbers.PhoneNumber) {
	for _, c := range Countries() {
		for kind := phonenumbers.FIXED_LINE; kind <= phonenumbers.VOICEMAIL; kind++ {
			if n := phonenumbers.GetExampleNumberForType(c, kind); n != nil {
				list = append(list, n)
			}
		}
	}
	for code := range phonenumbers.GetSupportedGlobalNetworkCallingCodes() {
		list = append(list, phonenumbers.GetExampleNumberForNonGeoEntity(code))
	}
	return list
}

// TestAsLibrary: every example; and one of each calling code also when it is wrong by a digit, has its trunk
// prefix or another's, or is dialled from elsewhere.
func TestAsLibrary(t *testing.T) {
	seen := make(map[int32]bool)
	for _, n := range examples() {
		asLibrary(t, phonenumbers.Format(n, phonenumbers.E164), NoCountry)
		if seen[n.GetCountryCode()] {
			continue
		}
		seen[n.GetCountryCode()] = true
		code, national := fmt.Sprint(n.GetCountryCode()), phonenumbers.GetNationalSignificantNumber(n)
		region := phonenumbers.GetRegionCodeForNumber(n)
		for _, trunk := range []string{"0", "1", "8", "9", phonenumbers.GetNddPrefixForRegion(region, true)} {
			asLibrary(t, "+"+code+trunk+national, NoCountry)
		}
		for _, number := range []string{code + national, national, "0" + national, "00" + code + national, "+0" + code + national} {
			asLibrary(t, number, region)
			asLibrary(t, number, NoCountry)
		}
		e164 := "+" + code + national
		for _, number := range []string{e164[:len(e164)-1], e164 + "0", e164 + "7777777"} {
			asLibrary(t, number, NoCountry)
		}
	}
}

// TestAsLibraryAnyDigits: of each code, and of those that are none.
func TestAsLibraryAnyDigits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for code := range 1000 {
		numbers := 2
		if len(plans()[code]) > 0 {
			numbers = 12
		}
		for range numbers {
			national := fmt.Sprintf("%018d", r.Uint64N(1e18))[:r.IntN(19)]
			asLibrary(t, fmt.Sprint("+", code, national), []string{NoCountry, "", "FR", "US", "BR"}[r.IntN(5)])
		}
	}
	for _, number := range []string{"", "+", "+1", "+12", "+123", "+1234", "+0", "+00", "+33", "+330", "+3300", "+33000", "+390000", "+39" + strings.Repeat("0", 17), "0", "00", "1", "12", "123"} {
		for _, country := range []string{"", NoCountry, "FR", "IT", "US"} {
			asLibrary(t, number, country)
		}
	}
}

func FuzzParse(f *testing.F) {
	for i, n := range examples() {
		if i%20 == 0 { // all of them are TestAsLibrary's
			f.Add(phonenumbers.Format(n, phonenumbers.E164), phonenumbers.GetRegionCodeForNumber(n))
		}
	}
	for _, number := range []string{"+33 (0) 6 12 34 56 78", "tel:+33-6-12-34-56-78", "00 49 1512 3456789", "+0", "+999123456789"} {
		f.Add(number, "FR")
	}
	f.Fuzz(asLibrary)
}
