package config

import (
	"regexp"
	"slices"
	"strings"
)

// A name becomes part of NATS subjects and keys, of metric labels and URLs, so it is kept to what all
// of them take.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// prefixOf turns a name into its part of the variables' names: my-app is MY_APP.
func prefixOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}

// names reads the list of names of one group and returns those that are sound. Names that share their
// variables, like my-app and MY_APP, are a fault.
func (s scope) names(value *string, key, group string) []string {
	var sound []string
	owner := make(map[string]string)
	for _, name := range s.list(value, key) {
		switch other, taken := owner[prefixOf(name)]; {
		case name == "" || other == name: // list has said so
		case !nameForm.MatchString(name):
			s.fault(s.prefix+key, "%q is not a name: 1 to 32 letters, digits, - and _", name)
		case taken:
			s.fault(s.prefix+key, "%q and %q both read %s...; rename one", other, name, group+prefixOf(name)+"_")
		default:
			owner[prefixOf(name)] = name
			sound = append(sound, name)
		}
	}
	return sound
}

// known is every variable name that this configuration reads, with the thing it belongs to.
type known map[string]string

// addDaemon adds the daemon's own variables.
func (k known) addDaemon() {
	for _, v := range variablesOf("") {
		k[v.Name] = ""
		if v.Secret {
			k[v.Name+fileSuffix] = ""
		}
	}
}

// addGroup adds the variables of the named members of a group. Two members may meet in one variable:
// OTPGW_APP_A_CALLBACK_SECRET belongs to the application a, and to a_callback.
func (k known) addGroup(out *report, list, group string, members []string) {
	for _, member := range members {
		for _, v := range variablesOf(group) {
			_, key := v.group()
			if strings.Contains(key, langHole) {
				continue // which languages there are is told by the environment
			}
			name := group + prefixOf(member) + "_" + key
			if other, taken := k[name]; taken {
				out.fault(list, "%q and %q both read %s; rename one", other, member, name)
			}
			k[name] = member
			if v.Secret {
				k[name+fileSuffix] = member
			}
		}
	}
}

// sortedNames returns the names in a fixed order, so that the nearest of them is the same each time.
func (k known) sortedNames() []string {
	names := make([]string, 0, len(k))
	for name := range k {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
