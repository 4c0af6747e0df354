package behave

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"
)

// DelayKind is how a delay is spread.
type DelayKind string

// The kinds of delay.
const (
	Fixed       DelayKind = "fixed"
	Uniform     DelayKind = "uniform"     // between Min and Max, each as likely
	Normal      DelayKind = "normal"      // around Mean with the standard deviation Dev, never below zero
	Exponential DelayKind = "exponential" // Mean on average, as the times between calls are
)

// MaxDelay is the longest delay, drawn or written.
const MaxDelay = 24 * time.Hour

// Delay is a time that is drawn anew each time it is used. In JSON it is a string for a fixed one, "250ms",
// or an object: {"kind":"uniform","min":"1s","max":"3s"}, {"kind":"normal","mean":"2s","dev":"500ms"},
// {"kind":"exponential","mean":"2s"}. Any may have a max, which cuts what is drawn.
type Delay struct {
	Kind     DelayKind
	Value    time.Duration // of a fixed one
	Min, Max time.Duration
	Mean     time.Duration
	Dev      time.Duration
}

// After is a fixed delay.
func After(d time.Duration) *Delay { return &Delay{Kind: Fixed, Value: d} }

// Between is a uniform delay.
func Between(low, high time.Duration) *Delay { return &Delay{Kind: Uniform, Min: low, Max: high} }

// Draw takes a time from the distribution.
func (d *Delay) Draw(r *rand.Rand) time.Duration {
	var v time.Duration
	switch d.Kind {
	case Uniform:
		v = d.Min + time.Duration(r.Float64()*float64(d.Max-d.Min))
	case Normal:
		v = d.Mean + time.Duration(r.NormFloat64()*float64(d.Dev))
	case Exponential:
		v = time.Duration(r.ExpFloat64() * float64(d.Mean))
	default:
		return d.Value
	}
	v = max(v, d.Min, 0)
	if d.Max > 0 {
		v = min(v, d.Max)
	}
	return min(v, MaxDelay)
}

// Validate says what is wrong with a delay, as a *FieldError about that field.
func (d *Delay) Validate(field string) error {
	if d == nil {
		return nil
	}
	for _, p := range []struct {
		name  string
		value time.Duration
	}{{"value", d.Value}, {"min", d.Min}, {"max", d.Max}, {"mean", d.Mean}, {"dev", d.Dev}} {
		if p.value < 0 || p.value > MaxDelay {
			return Wrong(field+"."+p.name, "%s is not within 0s and %s", p.value, MaxDelay)
		}
	}
	switch d.Kind {
	case Fixed, "":
	case Uniform:
		if d.Max == 0 {
			return Wrong(field+".max", "is missing: a uniform delay has min and max")
		}
	case Normal, Exponential:
		if d.Mean == 0 {
			return Wrong(field+".mean", "is missing: a delay that is %s has one", d.Kind)
		}
	default:
		return Wrong(field+".kind", "%q is none of fixed, uniform, normal, exponential", d.Kind)
	}
	if d.Max > 0 && d.Min > d.Max {
		return Wrong(field+".min", "%s is more than max, %s", d.Min, d.Max)
	}
	return nil
}

// delayJSON is a Delay as an object.
type delayJSON struct {
	Kind  DelayKind `json:"kind"`
	Value string    `json:"value,omitempty"`
	Min   string    `json:"min,omitempty"`
	Max   string    `json:"max,omitempty"`
	Mean  string    `json:"mean,omitempty"`
	Dev   string    `json:"dev,omitempty"`
}

// UnmarshalJSON reads a string or an object.
func (d *Delay) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		v, err := parseDelay("delay", s)
		*d = Delay{Kind: Fixed, Value: v}
		return err
	}
	var j delayJSON
	if err := Strict(b, &j); err != nil {
		var f *FieldError
		if errors.As(err, &f) {
			return Wrong("delay."+f.Field, "%s", f.Reason)
		}
		return Wrong("delay", `want a string such as "250ms", or an object with kind: %v`, err)
	}
	*d = Delay{Kind: j.Kind}
	for _, p := range []struct {
		name, text string
		to         *time.Duration
	}{
		{"value", j.Value, &d.Value}, {"min", j.Min, &d.Min}, {"max", j.Max, &d.Max}, {"mean", j.Mean, &d.Mean}, {"dev", j.Dev, &d.Dev},
	} {
		if p.text == "" {
			continue
		}
		v, err := parseDelay("delay."+p.name, p.text)
		if err != nil {
			return err
		}
		*p.to = v
	}
	return nil
}

func parseDelay(field, s string) (time.Duration, error) {
	v, err := time.ParseDuration(s)
	if err != nil {
		return 0, Wrong(field, "%q is no duration such as 250ms", s)
	}
	return v, nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (d Delay) MarshalJSON() ([]byte, error) {
	if d.Kind == Fixed || d.Kind == "" {
		return json.Marshal(d.Value.String())
	}
	text := func(v time.Duration) string {
		if v == 0 {
			return ""
		}
		return v.String()
	}
	return json.Marshal(delayJSON{Kind: d.Kind, Min: text(d.Min), Max: text(d.Max), Mean: text(d.Mean), Dev: text(d.Dev)})
}
