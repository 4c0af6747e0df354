package otp

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/otpgw/otpgw/otp/pin"
)

// placeholder is where the PIN goes; each one of a template is replaced. People write spaces in it.
var placeholder = regexp.MustCompile(`\{\{[ \t\x{A0}]*pin[ \t\x{A0}]*\}\}`)

// MaxParts is the most parts a message may take. A text for one PIN that needs more is a mistake, and each
// part is paid for.
const MaxParts = 10

// Templates are the texts of one request or of one application: the plain one and those by language subtag.
type Templates struct {
	Plain      string
	ByLanguage map[string]string
}

// pick chooses the template for a country; the tag of its language is empty when it is a plain one.
//
// What the request says goes before what the application is set to, for the caller wrote it for this message:
// a request with its own template gets that text, never a translation of another from the application's
// settings. So the order is the request's template_<language>, the request's template, the application's for
// the language, the application's.
func pick(country string, request, app Templates) (text, used string) {
	for _, t := range []Templates{request, app} {
		if text, tag, ok := t.byLanguage(country); ok {
			return text, tag
		}
		if t.Plain != "" {
			return t.Plain, ""
		}
	}
	return "", ""
}

// byLanguage finds the template that the country's people read best. Of several names of one language the
// first by alphabet.
func (t Templates) byLanguage(country string) (text, tag string, ok bool) {
	if len(t.ByLanguage) == 0 {
		return "", "", false
	}
	name, ok := nearest(country, slices.Sorted(maps.Keys(t.ByLanguage)))
	if !ok {
		return "", "", false
	}
	tag, _ = CanonicalLanguage(name)
	return t.ByLanguage[name], tag, true
}

// TemplateProblem says why a text can be no template, in words that follow its name; empty when it can.
func TemplateProblem(text string) string {
	switch {
	case text == "":
		return "is empty"
	case !placeholder.MatchString(text):
		return "does not contain placeholder {{pin}}"
	case strings.ContainsFunc(text, unsendable):
		return "contains a control character, which no phone shows"
	}
	return ""
}

// unsendable: controls but for line breaks, tab and form feed, which SMS has.
func unsendable(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t\f", r) }

// label is a place in a template for something of the request: {{ref}}, or a field of its context.
var label = regexp.MustCompile(`\{\{[ \t\x{A0}]*([A-Za-z][A-Za-z0-9_]{0,31})[ \t\x{A0}]*\}\}`)

// Sample is a template with a PIN of a type and length, for a look at it.
func Sample(template string, t pin.Type, length int) string {
	return NewOtp{Template: template}.Render("sample", strings.Repeat(t.Alphabet()[:1], length))
}

// Render writes the message: the PIN, the reference, and what the context has for other labels. What is put
// in is not looked at again, so a payee may be called {{pin}}. A label of nothing stays as it is.
func (n NewOtp) Render(id, pin string) string {
	texts := labels(n.Context)
	return label.ReplaceAllStringFunc(n.Template, func(found string) string {
		switch name := label.FindStringSubmatch(found)[1]; name {
		case "pin":
			return pin
		case "ref":
			return reference(id)
		default:
			if text, ok := texts[name]; ok {
				return text
			}
		}
		return found
	})
}
