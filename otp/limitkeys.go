package otp

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/otpgw/otpgw/otp/internal/strictjson"
)

// A request may name what else it is to be counted by: the address, session or device of who typed the number
// in, which only the application knows. Its settings say what each name is limited to (App.Limits). The
// values are kept as keyed names, for as long as the limit looks back, and stand nowhere else.
var limitName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// ValidLimitName says whether an application can limit something by this name.
func ValidLimitName(name string) bool { return limitName.MatchString(name) }

const maxLimitValue = 255 // octets

// limitKeys reads limits: an object of texts. It stays JSON, so that requests can be compared.
func (f *faults) limitKeys(o strictjson.Object, app *App) string {
	raw := o["limits"]
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	var values map[string]*string
	if json.Unmarshal(raw, &values) != nil || values == nil || strictjson.HalvesPair(raw) {
		f.add(CodeLimits, "The parameter 'limits' is not an object of texts")
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		switch {
		case len(app.Limits[name]) == 0:
			f.add(CodeLimits, fmt.Sprintf("The parameter 'limits' has '%.32s', for which the application has no limit", name))
		case value == nil || *value == "" || len(*value) > maxLimitValue:
			f.add(CodeLimits, fmt.Sprintf("The parameter 'limits' has a '%s' that is empty or longer than 255 octets", name))
		}
	}
	return string(raw)
}

// uses are what a new OTP counts as: a message to its number, and what the request names.
func (n NewOtp) uses(app *App) []use {
	uses := []use{{sends, n.Phone.E164, app.SendLimits}}
	var values map[string]string
	if n.LimitKeys == "" || json.Unmarshal([]byte(n.LimitKeys), &values) != nil {
		return uses
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		what := usage{"limit." + name, "Too many messages for this " + name + ": at most %d in %s"}
		uses = append(uses, use{what, values[name], app.Limits[name]})
	}
	return uses
}
