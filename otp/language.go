package otp

import (
	"strings"

	"golang.org/x/text/language"
)

// languageOf is the likely language of a country (CLDR likely subtags): "FR" is "fr", "AT" is "de", "MX" is "es". It is
// empty where CLDR knows none, and for numbers of no country.
func languageOf(country string) string {
	region, err := language.ParseRegion(country)
	if err != nil || !region.IsCountry() {
		return ""
	}
	tag, err := language.Compose(region)
	if err != nil {
		return ""
	}
	base, confidence := tag.Base()
	if confidence == language.No || base.String() == "und" {
		return ""
	}
	return canonicalLanguage(base.String())
}

// canonicalLanguage is one name for a language that has several: "nb" (CLDR's Norwegian) and "no", "iw" and "he", "fra"
// and "fr". A subtag that names no known language is itself in lower case.
func canonicalLanguage(subtag string) string {
	subtag = strings.ToLower(subtag)
	base, err := language.ParseBase(subtag)
	if err != nil {
		return subtag
	}
	tag, err := language.All.Compose(base)
	if err != nil {
		return subtag
	}
	base, _ = tag.Base()
	return base.String()
}
