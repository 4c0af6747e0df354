package otp

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// CanonicalLanguage is the one form of a language tag (BCP 47) that a template is for: "fr", "pt-BR",
// "sr-Latn". It may be written with underscores and in any case, and under an old or long name: "nb" and "no"
// are one, "iw" and "he", "fra" and "fr". False for what is no tag, or names no language.
func CanonicalLanguage(name string) (string, bool) {
	tag, ok := parseLanguage(name)
	return tag.String(), ok
}

func parseLanguage(name string) (language.Tag, bool) {
	tag, err := language.All.Parse(strings.ReplaceAll(name, "_", "-"))
	if err != nil || tag.IsRoot() {
		return tag, false
	}
	base, confidence := tag.Base()
	if confidence == language.No {
		return tag, false
	}
	switch base.String() {
	case "und", "mul", "mis", "zxx": // no language, several, another, none
		return tag, false
	}
	return tag, true
}

// languageOf is the likely language of a country (CLDR likely subtags) with its script: "FR" is fr-Latn-FR,
// "AT" de-Latn-AT, "TW" zh-Hant-TW. False where CLDR knows none, and for numbers of no country.
func languageOf(country string) (language.Tag, bool) {
	region, err := language.ParseRegion(country)
	if err != nil || !region.IsCountry() {
		return language.Und, false
	}
	tag, err := language.Compose(region)
	if err != nil {
		return language.Und, false
	}
	base, confidence := tag.Base()
	if confidence == language.No || base.String() == "und" {
		return language.Und, false
	}
	script, _ := tag.Script()
	if tag, err = language.Compose(base, script, region); err != nil {
		return language.Und, false
	}
	return tag, true
}

// nearest finds the name of the tag that people of a country read best, by CLDR's distances; false when none
// is near. A language is near to itself, whatever its script, and to those that CLDR calls understood without
// trouble: Swiss German and German, Norwegian and Danish, but not Ukrainian and Russian.
func nearest(country string, names []string) (string, bool) {
	if len(names) == 0 {
		return "", false
	}
	return nearestKept.find(country, names)
}

func nearestOf(country string, names []string) (string, bool) {
	wanted, ok := languageOf(country)
	if !ok {
		return "", false
	}
	var tags []language.Tag
	var known []string
	for _, name := range names {
		if tag, ok := parseLanguage(name); ok {
			tags, known = append(tags, tag), append(known, name)
		}
	}
	if len(tags) == 0 {
		return "", false
	}
	_, i, confidence := language.NewMatcher(tags).Match(wanted)
	if confidence < language.High && !sameLanguage(tags[i], wanted) {
		return "", false
	}
	return known[i], true
}

func sameLanguage(a, b language.Tag) bool {
	x, _ := a.Base()
	y, _ := b.Base()
	return x == y
}

// nearestCache remembers choices, for a matcher costs as much as a tenth of an OTP and there are few sets of
// languages. It is emptied when full, as callers name the sets.
type nearestCache struct {
	mu    sync.Mutex
	known map[string]string // "" for none
}

const maxNearest = 4096

var nearestKept = nearestCache{known: make(map[string]string)}

func (c *nearestCache) find(country string, names []string) (string, bool) {
	key := country + " " + strings.Join(names, " ")
	c.mu.Lock()
	name, known := c.known[key]
	c.mu.Unlock()
	if known {
		return name, name != ""
	}
	name, ok := nearestOf(country, names)
	if len(key) > 256 {
		return name, ok
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxNearest {
		clear(c.known)
	}
	c.known[key] = name
	return name, ok
}
