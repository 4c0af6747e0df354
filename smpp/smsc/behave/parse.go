package behave

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ParseRule reads one rule from JSON. A field that it does not know is an error.
func ParseRule(b []byte) (Rule, error) {
	var r Rule
	if err := Strict(b, &r); err != nil {
		return Rule{}, whichDelay(b, JSONError(err))
	}
	return r, r.Validate()
}

// whichDelay gives the fault of a delay, which does not know where it stands, the path of the first one that
// is wrong.
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
		if err := Strict(b, &o); err != nil {
			return nil, JSONError(err)
		}
		if o.Rules == nil {
			return nil, Wrong("rules", "is missing: want an array of rules")
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
