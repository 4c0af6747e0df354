package smsc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Rule says what becomes of the messages it matches. The first rule that matches decides; a field left out is a good
// day's.
type Rule struct {
	ID    string `json:"id,omitempty"` // given when left out
	Note  string `json:"note,omitempty"`
	Match Match  `json:"match"`

	Submit  SubmitRule  `json:"submit"`
	Receipt ReceiptRule `json:"receipt"`

	// Count is for how many messages the rule holds; zero: all. What comes then meets the next rule.
	Count int `json:"count,omitempty"`
	// PerMessage counts for each message by itself: the same destination and content sent again is the next try. After
	// Count tries the rule lets one pass, and then starts anew.
	PerMessage bool `json:"perMessage,omitempty"`
	// Share is which share of the messages that match it takes, 0 to 1; left out: all.
	Share *float64 `json:"share,omitempty"`

	Hits uint64 `json:"hits"` // messages it decided; written by the server
}

// Match chooses messages; all that is set has to fit. The zero value matches every message.
type Match struct {
	To          string `json:"to,omitempty"`          // how the destination begins; a leading + counts for nothing
	ToPattern   string `json:"toPattern,omitempty"`   // RE2, anywhere in the destination without +
	From        string `json:"from,omitempty"`        // the sender, whole
	FromPattern string `json:"fromPattern,omitempty"` // RE2, anywhere in the sender
	Account     string `json:"account,omitempty"`     // system_id
	Text        string `json:"text,omitempty"`        // anywhere in the text of the part
	TextPattern string `json:"textPattern,omitempty"` // RE2, anywhere in the text of the part
	Command     string `json:"command,omitempty"`     // submit_sm, data_sm or submit_multi
}

// Close says when a connection is closed.
type Close string

// When a connection is closed.
const (
	CloseBefore Close = "before" // instead of the answer
	CloseAfter  Close = "after"  // behind the answer
)

// SubmitRule is the answer to a submit_sm, data_sm or submit_multi.
type SubmitRule struct {
	Status      *StatusCode `json:"status,omitempty"`
	Delay       *Delay      `json:"delay,omitempty"`
	NoAnswer    bool        `json:"noAnswer,omitempty"`
	Close       Close       `json:"close,omitempty"`
	GenericNack bool        `json:"genericNack,omitempty"` // with Status, ESME_RSYSERR when it is left out; instead of the answer
	Malformed   Malformed   `json:"malformed,omitempty"`
	Fault       Fault       `json:"fault,omitempty"`
	FaultFor    *Delay      `json:"faultFor,omitempty"`  // how long a stall lasts (5s), a partial PDU pauses (50ms)
	MessageID   string      `json:"messageId,omitempty"` // the message id, instead of one of ours
	IDFormat    IDFormat    `json:"idFormat,omitempty"`
}

// ReceiptRule is the receipts to a message. They go out when registered_delivery asks for them, or with Always.
type ReceiptRule struct {
	State        State         `json:"state,omitempty"` // DELIVRD
	Err          string        `json:"err,omitempty"`   // the err field; 000 for a state that is no failure, else 001
	Delay        *Delay        `json:"delay,omitempty"` // from the answer
	None         bool          `json:"none,omitempty"`
	Always       bool          `json:"always,omitempty"`       // also when nobody asked for it, or the message was refused
	Early        bool          `json:"early,omitempty"`        // before the answer
	Copies       int           `json:"copies,omitempty"`       // how often it is sent; zero: once
	Intermediate []State       `json:"intermediate,omitempty"` // sent before it, spread over the delay
	OutOfOrder   bool          `json:"outOfOrder,omitempty"`   // the last state first, the intermediate ones (ENROUTE) behind it
	Format       ReceiptFormat `json:"format,omitempty"`
	IDFormat     IDFormat      `json:"idFormat,omitempty"` // of the message id in the receipt; left out: as in the answer
	TLVOnly      bool          `json:"tlvOnly,omitempty"`
	DataSM       bool          `json:"dataSm,omitempty"` // in a data_sm
}

// StatusCode is a command_status in JSON: a name such as "ESME_RTHROTTLED" or "RTHROTTLED", or a number.
type StatusCode wire.Status

// Refuse is a command_status for a SubmitRule.
func Refuse(s wire.Status) *StatusCode { return (*StatusCode)(&s) }

// MarshalJSON writes the name.
func (c StatusCode) MarshalJSON() ([]byte, error) { return json.Marshal(wire.Status(c).Name()) }

// UnmarshalJSON reads a name or a number.
func (c *StatusCode) UnmarshalJSON(b []byte) error {
	s, err := wire.ParseStatus(strings.Trim(string(b), `"`))
	*c = StatusCode(s)
	if err != nil {
		return fault("submit.status", "%v", err)
	}
	return nil
}

const (
	maxRules    = 1000
	maxCopies   = 100
	maxStates   = 20
	maxIDLength = 64 // SMPP 3.4, 5.2.23
)

// Validate says what is wrong with a rule, as a *FieldError.
func (r Rule) Validate() error {
	_, err := compile(r)
	return err
}

func (r Rule) validate() error {
	switch {
	case r.Count < 0:
		return fault("count", "%d is below zero", r.Count)
	case r.PerMessage && r.Count == 0:
		return fault("count", "is missing: perMessage says how it counts")
	case r.Share != nil && !(*r.Share >= 0 && *r.Share <= 1):
		return fault("share", "%v is not within 0 and 1", *r.Share)
	case len(r.ID) > 64 || strings.ContainsAny(r.ID, "/ \t\n"):
		return fault("id", "is longer than 64 characters, or has a slash or a blank")
	}
	if c := r.Match.Command; c != "" && c != "submit_sm" && c != "data_sm" && c != "submit_multi" {
		return fault("match.command", "%q is none of submit_sm, data_sm, submit_multi", c)
	}
	if err := r.Submit.validate(); err != nil {
		return err
	}
	return r.Receipt.validate()
}

func (s SubmitRule) validate() error {
	if err := errors.Join(s.Delay.validate("submit.delay"), s.FaultFor.validate("submit.faultFor")); err != nil {
		return first(err)
	}
	switch {
	case s.Close != "" && s.Close != CloseBefore && s.Close != CloseAfter:
		return fault("submit.close", "%q is neither before nor after", s.Close)
	case s.Malformed != "" && !s.Malformed.known():
		return fault("submit.malformed", "%q is none of %s", s.Malformed, join(MalformedKinds()))
	case s.Fault != "" && !s.Fault.known():
		return fault("submit.fault", "%q is none of %s", s.Fault, join(FaultKinds()))
	case s.IDFormat != "" && !s.IDFormat.known():
		return fault("submit.idFormat", "%q is none of %s", s.IDFormat, join(IDFormats()))
	case len(s.MessageID) > maxIDLength || strings.ContainsRune(s.MessageID, 0):
		return fault("submit.messageId", "is longer than %d octets, or has a NUL", maxIDLength)
	}
	ways := 0
	for _, on := range []bool{s.NoAnswer, s.Close == CloseBefore, s.GenericNack, s.Malformed != "", s.Fault != ""} {
		if on {
			ways++
		}
	}
	if ways > 1 {
		return fault("submit", "only one of noAnswer, close before, genericNack, malformed and fault can be")
	}
	return nil
}

func (r ReceiptRule) validate() error {
	switch {
	case r.Copies < 0 || r.Copies > maxCopies:
		return fault("receipt.copies", "%d is not within 0 and %d", r.Copies, maxCopies)
	case len(r.Intermediate) > maxStates:
		return fault("receipt.intermediate", "has more than %d states", maxStates)
	case r.Format != "" && !r.Format.known():
		return fault("receipt.format", "%q is none of %s", r.Format, join(ReceiptFormats()))
	case r.IDFormat != "" && !r.IDFormat.known():
		return fault("receipt.idFormat", "%q is none of %s", r.IDFormat, join(IDFormats()))
	case len(r.Err) > 10 || strings.ContainsRune(r.Err, 0):
		return fault("receipt.err", "is longer than 10 characters")
	case len(r.State) > 20 || strings.ContainsRune(string(r.State), 0):
		return fault("receipt.state", "is longer than 20 characters")
	case r.None && (r.Always || r.Early || r.Copies > 0):
		return fault("receipt.none", "goes with none of always, early, copies")
	}
	for i, s := range r.Intermediate {
		if s == "" || len(s) > 20 {
			return fault(fmt.Sprintf("receipt.intermediate[%d]", i), "is empty or longer than 20 characters")
		}
	}
	return r.Delay.validate("receipt.delay")
}

// ParseRule reads one rule from JSON. A field that it does not know is an error.
func ParseRule(b []byte) (Rule, error) {
	var r Rule
	if err := strict(b, &r); err != nil {
		return Rule{}, whichDelay(b, jsonFault(err))
	}
	return r, r.Validate()
}

// whichDelay gives the fault of a delay, which does not know where it stands, the path of the first one that is wrong.
func whichDelay(b []byte, err error) error {
	var f *FieldError
	if !errors.As(err, &f) || f.Field != "delay" && !strings.HasPrefix(f.Field, "delay.") {
		return err
	}
	var r struct {
		Submit  struct{ Delay, FaultFor json.RawMessage }
		Receipt struct{ Delay json.RawMessage }
	}
	_ = json.Unmarshal(b, &r) // it was JSON of this shape already
	for _, d := range []struct {
		path string
		raw  json.RawMessage
	}{{"submit.delay", r.Submit.Delay}, {"submit.faultFor", r.Submit.FaultFor}, {"receipt.delay", r.Receipt.Delay}} {
		if d.raw != nil && json.Unmarshal(d.raw, new(Delay)) != nil {
			return &FieldError{d.path + strings.TrimPrefix(f.Field, "delay"), f.Reason}
		}
	}
	return err
}

// ParseRules reads an array of rules, or an object {"rules": [...]}.
func ParseRules(b []byte) ([]Rule, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		var o struct {
			Rules *[]json.RawMessage `json:"rules"`
		}
		if err := strict(b, &o); err != nil {
			return nil, jsonFault(err)
		}
		if o.Rules == nil {
			return nil, fault("rules", "is missing: want an array of rules")
		}
		list = *o.Rules
	}
	rules := make([]Rule, len(list))
	for i, raw := range list {
		r, err := ParseRule(raw)
		if err != nil {
			return nil, inList(i, err)
		}
		rules[i] = r
	}
	return rules, nil
}

// inList names the place of a rule in its list.
func inList(i int, err error) error {
	var f *FieldError
	if errors.As(err, &f) {
		return &FieldError{fmt.Sprintf("rules[%d].%s", i, f.Field), f.Reason}
	}
	return err
}

// strict decodes JSON and refuses fields that v does not have, and anything behind it.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the JSON value")
	}
	return nil
}

// jsonFault makes a FieldError of what encoding/json says.
func jsonFault(err error) error {
	var f *FieldError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &typ):
		return fault(cmp.Or(typ.Field, "body"), "is a JSON %s, want %s", typ.Value, wanted(typ.Type))
	}
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
		return fault(cmp.Or(strings.Trim(name, `"`), "body"), "is no field here")
	}
	return fault("body", "is no JSON that can be read: %v", err)
}

// wanted says what JSON a Go type is.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	}
	return "a number of type " + t.Kind().String()
}

// first is the first of joined errors.
func first(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()[0]
	}
	return err
}

func join[T ~string](names []T) string {
	s := make([]string, len(names))
	for i, n := range names {
		s[i] = string(n)
	}
	return strings.Join(s, ", ")
}

// compiled is a rule ready to match.
type compiled struct {
	Rule
	to, from, text *regexp.Regexp
	tries          map[uint64]int // by message, with PerMessage
}

func compile(r Rule) (*compiled, error) {
	if err := r.validate(); err != nil {
		return nil, err
	}
	c := &compiled{Rule: r}
	c.Match.To = number(r.Match.To)
	for _, p := range []struct {
		field, pattern string
		to             **regexp.Regexp
	}{
		{"match.toPattern", r.Match.ToPattern, &c.to},
		{"match.fromPattern", r.Match.FromPattern, &c.from},
		{"match.textPattern", r.Match.TextPattern, &c.text},
	} {
		if p.pattern == "" {
			continue
		}
		if len(p.pattern) > maxPattern {
			return nil, fault(p.field, "is longer than %d octets", maxPattern)
		}
		re, err := regexp.Compile(p.pattern)
		if err != nil {
			return nil, fault(p.field, "is no RE2 pattern: %v", err)
		}
		*p.to = re
	}
	return c, nil
}

// matches reports whether the rule is for the message, whatever its count and share.
func (c *compiled) matches(in *incoming) bool {
	m := &c.Match
	to, from := number(in.to.Addr), in.from()
	switch {
	case m.Account != "" && m.Account != in.account,
		m.To != "" && !strings.HasPrefix(to, m.To),
		m.From != "" && number(m.From) != number(from),
		m.Command != "" && m.Command != commandName(in.command),
		c.to != nil && !c.to.MatchString(to),
		c.from != nil && !c.from.MatchString(from):
		return false
	}
	if m.Text == "" && c.text == nil {
		return true
	}
	text := in.text()
	return (m.Text == "" || strings.Contains(text, m.Text)) && (c.text == nil || c.text.MatchString(text))
}
