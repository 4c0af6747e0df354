package otp

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/otpgw/otpgw/otp/pin"
)

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
	case !hasLabel(text, pinLabel):
		return "does not contain placeholder {{pin}}"
	case strings.ContainsFunc(text, unsendable):
		return "contains a control character, which no phone shows"
	}
	return ""
}

// unsendable: controls but for line breaks, tab and form feed, which SMS has.
func unsendable(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t\f", r) }

// The labels that are not fields of a context.
const (
	pinLabel = "pin" // where the PIN goes
	refLabel = "ref" // the reference
)

const (
	maxLabel = 32
	blanks   = " \t\u00A0" // people write them around a label
)

// nextLabel finds the first place in a text for something of the request: {{pin}}, {{ref}}, or a field of its
// context. name is empty when there is none.
func nextLabel(text string) (begin, end int, name string) {
	for ; ; begin++ {
		i := strings.Index(text[begin:], "{{")
		if i < 0 {
			return 0, 0, ""
		}
		begin += i
		rest := strings.TrimLeft(text[begin+2:], blanks)
		name := labelName(rest)
		rest, ok := strings.CutPrefix(strings.TrimLeft(rest[len(name):], blanks), "}}")
		if ok && name != "" {
			return begin, len(text) - len(rest), name
		}
	}
}

// labelName is the name that a text begins with: a letter, and then letters, digits and _.
func labelName(text string) string {
	n := 0
	for ; n < min(len(text), maxLabel); n++ {
		c := text[n]
		if letter := c|0x20 >= 'a' && c|0x20 <= 'z'; !letter && (n == 0 || c != '_' && (c < '0' || c > '9')) {
			break
		}
	}
	return text[:n]
}

// hasLabel says whether a template has a place for something.
func hasLabel(template, want string) bool {
	for {
		_, end, name := nextLabel(template)
		if name == "" || name == want {
			return name != ""
		}
		template = template[end:]
	}
}

// Sample is a template with a PIN of a type and length, for a look at it.
func Sample(template string, t pin.Type, length int) string {
	return NewOtp{Template: template}.Render("sample", strings.Repeat(t.Alphabet()[:1], length))
}

// Render writes the message: the PIN, the reference, and what the context has for other labels. What is put
// in is not looked at again, so a payee may be called {{pin}}. A label of nothing stays as it is.
func (n NewOtp) Render(id, pin string) string {
	texts := labels(n.Context)
	var message strings.Builder
	message.Grow(len(n.Template) + len(pin))
	rest := n.Template
	for {
		begin, end, name := nextLabel(rest)
		if name == "" {
			message.WriteString(rest)
			return message.String()
		}
		text := rest[begin:end]
		switch of, ok := texts[name]; {
		case name == pinLabel:
			text = pin
		case name == refLabel:
			text = reference(id)
		case ok:
			text = of
		}
		message.WriteString(rest[:begin])
		message.WriteString(text)
		rest = rest[end:]
	}
}
