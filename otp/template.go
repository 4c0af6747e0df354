package otp

import (
	"maps"
	"slices"
	"strings"
)

// MaxParts is the most parts a message may take. A text for one PIN that needs more is a mistake, and each part is paid
// for.
const MaxParts = 10

// Templates are the texts of one request or of one application: the plain one and those by language subtag.
type Templates struct {
	Plain      string
	ByLanguage map[string]string
}

// pick chooses the template for a language; the name of its language is empty when it is a plain one.
//
// What the request says goes before what the application is set to, for the caller wrote it for this message: a request
// with its own template gets that text, never a translation of another from the application's settings. So the order is
// the request's template_<language>, the request's template, the application's for the language, the application's.
func pick(language string, request, app Templates) (text, used string) {
	for _, t := range []Templates{request, app} {
		if text, ok := t.byLanguage(language); ok {
			return text, language
		}
		if t.Plain != "" {
			return t.Plain, ""
		}
	}
	return "", ""
}

// byLanguage finds a template under any name of the language; of several the canonical name wins, then the first by
// alphabet.
func (t Templates) byLanguage(language string) (string, bool) {
	if language == "" {
		return "", false
	}
	if text, ok := t.ByLanguage[language]; ok {
		return text, true
	}
	for _, name := range slices.Sorted(maps.Keys(t.ByLanguage)) {
		if canonicalLanguage(name) == language {
			return t.ByLanguage[name], true
		}
	}
	return "", false
}

// ValidTemplate says whether a text can be a template.
func ValidTemplate(text string) bool { return strings.Contains(text, Placeholder) }

func render(template, pin string) string { return strings.ReplaceAll(template, Placeholder, pin) }
