package country

import (
	"fmt"
	"regexp"
	"strings"
)

// The optional parameters in which Indian operators want what is registered with them (TRAI's TCCCPR 2018).
// Each is ASCII. The third, 0x1402, is of the way that a message takes, so it is the link's (smpp/link).
const (
	TagEntity   uint16 = 0x1400 // the principal entity's id
	TagTemplate uint16 = 0x1401 // the template's id
)

// India is the country of these rules.
const India = "IN"

// registeredID is an id of a DLT platform.
var registeredID = regexp.MustCompile(`^[0-9]{10,30}$`)

// IsDLTID says whether an id may be one of an entity, a template or a telemarketer.
func IsDLTID(id string) bool { return registeredID.MatchString(id) }

// variable is a place in a registered template: {#var#}, or since 2025 with the kind of what stands there.
var variable = regexp.MustCompile(`\{#(var|numeric|number|alphanumeric|url|urlott|cbn|email)#\}`)

// A variable holds at most 30 characters.
var variableForms = map[string]string{
	"var": `.{0,30}`, "numeric": `[0-9]{1,30}`, "number": `[0-9]{1,30}`, "alphanumeric": `[\p{L}\p{N} ]{1,30}`,
	"url": `\S{1,30}`, "urlott": `\S{1,30}`, "cbn": `\+?[0-9]{3,15}`, "email": `\S{1,30}@\S{1,30}`,
}

// Template is a registered template.
type Template struct {
	text string
	form *regexp.Regexp
}

// ParseTemplate reads a template as it is registered. It has at least one variable, for the PIN.
func ParseTemplate(text string) (*Template, error) {
	if !variable.MatchString(text) {
		return nil, fmt.Errorf("has no {#var#}, {#numeric#} or the like where the PIN stands")
	}
	var form strings.Builder
	form.WriteString(`(?s)^`)
	at := 0
	for _, m := range variable.FindAllStringSubmatchIndex(text, -1) {
		form.WriteString(regexp.QuoteMeta(text[at:m[0]]))
		form.WriteString(variableForms[text[m[2]:m[3]]])
		at = m[1]
	}
	form.WriteString(regexp.QuoteMeta(text[at:]) + `$`)
	compiled, err := regexp.Compile(form.String())
	if err != nil {
		return nil, err
	}
	return &Template{text, compiled}, nil
}

// String is the template as it is registered.
func (t *Template) String() string { return t.text }

// Match says whether a text is one of the template's.
func (t *Template) Match(text string) bool { return t.form.MatchString(text) }

// The codes that Indian operators give in receipts when a message fails their check (scrubbing), by what to
// do.
var dltCodes = []struct {
	from, to int
	advice   string
}{
	{600, 602, "the entity (PE id, DLT_ENTITY) is not registered or inactive at the operator"},
	{603, 603, "the entity is blacklisted by the operators"},
	{604, 604, "the PE id is missing or has a wrong form: check DLT_ENTITY, and that the carrier takes it in TLV 0x1400"},
	{605, 609, "the entity may not use this telemarketer: bind the two on the DLT portal"},
	{610, 613, "the telemarketer is not registered, inactive, or not bound to the entity: check the ids in the link's DLT_CHAIN"},
	{614, 614, "no chain hash arrived: set the link's DLT_CHAIN, and ask the carrier whether it passes TLV 0x1402 on"},
	{615, 618, "the chain hash is not one that is approved: the ids in DLT_CHAIN have to be those of the chain on the DLT portal, in its order, and all have to have approved it"},
	{619, 619, "the telemarketer is refused"},
	{620, 622, "the sender (header) is not registered, inactive or blacklisted; capitals count"},
	{623, 623, "the sender belongs to another entity"},
	{624, 629, "the sender is suspended, mostly because it was not used: reactivate it on the DLT portal"},
	{630, 632, "the template id (DLT_TEMPLATE) is unknown, inactive or blacklisted"},
	{633, 633, "the text is not that of the template: compare it with DLT_TEXT, blank by blank"},
	{634, 634, "the sender is not registered for this template"},
	{635, 635, "what stands for a variable is too long: at most 30 characters"},
	{636, 637, "the template id is missing or has a wrong form: check DLT_TEMPLATE, and that the carrier takes it in TLV 0x1401"},
	{638, 649, "the template is refused"},
	{650, 659, "the subscriber's preferences refuse this kind of message: register the template as transactional or service"},
	{660, 669, "the subscriber's consent is missing: register the template as transactional or service"},
	{670, 699, "the operator's check itself failed: ask the carrier"},
}

// DLTAdvice says what a code of an Indian receipt means and what to do; empty for other codes.
func DLTAdvice(code int) string {
	for _, c := range dltCodes {
		if code >= c.from && code <= c.to {
			return c.advice
		}
	}
	return ""
}
