package country

import (
	"fmt"
	"regexp"
	"time"
)

// Names is what becomes of a sender that is a name.
type Names string

// The ways.
const (
	Free       Names = ""           // no rule is known
	Refused    Names = "refused"    // a message from a name is not delivered
	Replaced   Names = "replaced"   // it arrives from a number of the carrier's
	Registered Names = "registered" // the name has to be registered first
)

// Rule is what a country demands of senders.
type Rule struct {
	Country string // ISO 3166-1 alpha-2
	Names   Names
	Since   string         // the day from which names have to be registered; empty: for long
	Else    string         // what becomes of a name that is not registered
	Form    *regexp.Regexp // of a name; nil: any
	FormIs  string         // that, in words
	Numbers bool           // false where numbers are refused
	Source  string
	Read    string // the day on which the source was read
}

// Finding is what a rule says of a sender.
type Finding struct {
	Refused bool   // the message would not be delivered
	Text    string // one sentence, without its stop
}

// number is a sender that is digits.
var number = regexp.MustCompile(`^\+?[0-9]+$`)

// IsNumber says whether a sender is a number or a short code, and no name.
func IsNumber(sender string) bool { return number.MatchString(sender) }

// Sender says what a sender meets in the country; ok is false when there is nothing to say.
func (r Rule) Sender(sender string, now time.Time) (f Finding, ok bool) {
	switch {
	case IsNumber(sender) && !r.Numbers:
		return Finding{true, fmt.Sprintf("%s takes no numbers as senders, only registered names", r.Country)}, true
	case IsNumber(sender):
		return Finding{}, false
	case r.Names == Refused:
		return Finding{true, fmt.Sprintf("%s takes no names as senders, only numbers", r.Country)}, true
	case r.Names == Replaced:
		return Finding{false, fmt.Sprintf("in %s a name is replaced by a number of the carrier", r.Country)}, true
	case r.Names == Registered && r.Form != nil && !r.Form.MatchString(sender):
		return Finding{false, fmt.Sprintf("in %s a sender has to be %s, and registered", r.Country, r.FormIs)}, true
	case r.Names == Registered:
		return Finding{false, fmt.Sprintf("in %s a name has to be registered%s; %s", r.Country, r.since(now), r.Else)}, true
	}
	return Finding{}, false
}

func (r Rule) since(now time.Time) string {
	day, err := time.Parse(time.DateOnly, r.Since)
	switch {
	case err != nil:
		return ""
	case now.Before(day):
		return " from " + r.Since
	}
	return " since " + r.Since
}

// Of is the rule of a country; one that says nothing where none is known.
func Of(country string) Rule {
	for _, r := range rules {
		if r.Country == country {
			return r
		}
	}
	return Rule{Country: country, Numbers: true}
}

// Rules are all that are known, by country.
func Rules() []Rule { return rules }
