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
func (v *value) names(group string) []string {
	var sound []string
	owner := make(map[string]string)
	for _, name := range v.list() {
		switch other, taken := owner[prefixOf(name)]; {
		case name == "" || other == name: // list has said so
		case !nameForm.MatchString(name):
			v.fault("%q is not a name: 1 to 32 letters, digits, - and _", name)
		case taken:
			v.fault("%q and %q both read %s...; rename one", other, name, group+prefixOf(name)+"_")
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
func (k known) addDaemon(rows []setting[loader]) {
	for _, row := range rows {
		k.add(row.key, row.secret, "")
	}
}

func (k known) add(name string, secret bool, member string) {
	k[name] = member
	if secret {
		k[name+fileSuffix] = member
	}
}

// addGroup adds the variables of the named members of a group. Two members may meet in one variable:
// OTPGW_APP_A_CALLBACK_SECRET belongs to the application a, and to a_callback.
func addGroup[T any](k known, list *value, group string, members []string, rows []setting[T]) {
	for _, member := range members {
		for _, row := range rows {
			if _, open := row.stem(); open {
				continue // which languages there are is told by the environment
			}
			name := group + prefixOf(member) + "_" + row.key
			if other, taken := k[name]; taken {
				list.fault("%q and %q both read %s; rename one", other, member, name)
			}
			k.add(name, row.secret, member)
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
