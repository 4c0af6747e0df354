package lookup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/otpgw/otpgw/otp/internal/strictjson"
)

// The bounds of an answer.
const (
	maxAnswer = 16 << 10
	maxRisks  = 8
	maxReason = 200
)

var (
	riskForm    = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	networkForm = regexp.MustCompile(`^[0-9]{3}([0-9]{2,3})?$`)
	routeForm   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
)

func (q Question) encode() []byte {
	body, _ := json.Marshal(q) // strings
	return body
}

// words is one string or several.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		if *w = nil; one != "" {
			*w = words{one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(w))
}

// reason is a sentence, or true for one that nobody wrote.
type reason string

func (r *reason) UnmarshalJSON(b []byte) error {
	var yes bool
	if json.Unmarshal(b, &yes) == nil {
		if *r = ""; yes {
			*r = "lookup"
		}
		return nil
	}
	return json.Unmarshal(b, (*string)(r))
}

// parse reads an answer; nil is that nothing is known. keep is how long it may be remembered at most, and
// what it returns how long it is.
func parse(body []byte, keep time.Duration) (f Finding, hold time.Duration, err error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return Finding{}, keep, nil
	}
	var a struct {
		Network, MCC, MNC string
		Route             string
		Deny              reason
		Risk              words
		TTL               *int64
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return Finding{}, 0, fmt.Errorf("the answer is no JSON object of what it may hold: %w", errShape)
	}
	if _, err := strictjson.Parse(body); errors.Is(err, strictjson.ErrRepeated) { // of two refusals one may be none
		return Finding{}, 0, fmt.Errorf("the answer cannot be used: %w", err)
	}
	if a.TTL != nil {
		hold = time.Duration(min(max(*a.TTL, 0), int64(keep/time.Second))) * time.Second
	} else {
		hold = keep
	}
	f = Finding{Network: strings.NewReplacer("-", "", " ", "").Replace(a.Network), Route: a.Route, Deny: clean(string(a.Deny)), Risks: a.Risk}
	if f.Network == "" {
		f.Network = a.MCC + a.MNC
	}
	switch {
	case f.Network != "" && !networkForm.MatchString(f.Network):
		return Finding{}, 0, errors.New("the answer's network is not MCC and MNC, 5 or 6 digits")
	case f.Route != "" && !routeForm.MatchString(f.Route):
		return Finding{}, 0, errors.New("the answer's route is no name")
	case len(f.Risks) > maxRisks:
		return Finding{}, 0, fmt.Errorf("the answer has more than %d risks", maxRisks)
	}
	for _, r := range f.Risks {
		if !riskForm.MatchString(r) {
			return Finding{}, 0, errors.New("a risk in the answer is not a word of small letters, digits, - and _")
		}
	}
	return f, hold, nil
}

var errShape = errors.New("it has another shape")

// clean is a sentence that may be shown to a caller.
func clean(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	for utf8.RuneCountInString(s) > maxReason {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
