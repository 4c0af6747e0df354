package config

import (
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mask stands for a secret that is set.
const mask = "****"

var (
	urlUserinfo = regexp.MustCompile(`://[^/?#]*@`)
	urlQuery    = regexp.MustCompile(`\?.*`)
)

// withoutTokens shows URLs without what may be a password or a token.
func withoutTokens(text string) string {
	return urlQuery.ReplaceAllString(urlUserinfo.ReplaceAllString(text, "://"+mask+"@"), "?"+mask)
}

// masked shows whether a secret is set, and no more.
func masked(text string) string {
	if text == "" {
		return ""
	}
	return mask
}

// Print writes the configuration in force as NAME=value lines in the order of Variables, secrets masked,
// then as comments where the values that nobody set come from. A value that would not fit its line or
// would lose spaces at its ends is quoted as Go quotes.
func (c *Config) Print(w io.Writer) error {
	var b strings.Builder
	for _, l := range c.ordered() {
		fmt.Fprintf(&b, "%s=%s\n", l.name, quoted(l.text))
	}
	c.printSources(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// ordered are all lines: those of applications, links and routes stand behind the list that names them.
func (c *Config) ordered() []line {
	var all []line
	for _, l := range c.lines[""] {
		all = append(all, l)
		for _, group := range []string{appGroup, linkGroup, routeGroup} {
			if l.name == listOf(group) {
				all = append(all, c.lines[group]...)
			}
		}
	}
	return all
}

// String is Print's text, so that a Config given to fmt shows no secret.
func (c *Config) String() string {
	var b strings.Builder
	_ = c.Print(&b) // a Builder takes everything
	return b.String()
}

// GoString covers %#v.
func (c *Config) GoString() string { return c.String() }

// quoted returns a value as it stands when one line can hold it.
func quoted(value string) string {
	plain := strings.TrimSpace(value) == value && !strings.HasPrefix(value, `"`)
	for _, r := range value {
		plain = plain && strconv.IsPrint(r)
	}
	if plain {
		return value
	}
	return strconv.Quote(value)
}

// printSources says where the secrets are that no variable gives.
func (c *Config) printSources(b *strings.Builder) {
	unset := func(group, name string) bool {
		return slices.Contains(c.lines[group], line{name: name}) // neither text nor given
	}
	if unset("", "OTPGW_SECRET_KEY") {
		fmt.Fprintf(b, "# OTPGW_SECRET_KEY is kept in %s, made at the first start\n", quoted(c.SecretKeyFile()))
	}
	for _, app := range c.Apps {
		if name := appGroup + prefixOf(app.Name) + "_CALLBACK_SECRET"; unset(appGroup, name) {
			fmt.Fprintf(b, "# %s is derived from the secret key; to see it: otpgw check -callback-secret %s\n", name, app.Name)
		}
	}
}

// Changed names the variables whose values are not the same in two configurations, in the order in which they
// are printed; of an application, a link or a route that comes or goes, those that are given. Of files that a
// variable names it looks into secrets, prices and numbers that nothing is sent to.
func Changed(old, fresh *Config) []string {
	before, after := old.values(), fresh.values()
	read := map[string]bool{"OTPGW_PRICES": !reflect.DeepEqual(old.Prices, fresh.Prices), "OTPGW_DO_NOT_SEND": !reflect.DeepEqual(old.DoNotSend, fresh.DoNotSend)}
	var names []string
	for _, l := range slices.Concat(fresh.ordered(), old.ordered()) {
		was, there := before[l.name]
		now, stays := after[l.name]
		changed := was.raw != now.raw
		if there != stays {
			changed = was.given || now.given
		}
		if (changed || read[l.name]) && !slices.Contains(names, l.name) {
			names = append(names, l.name)
		}
	}
	return names
}

func (c *Config) values() map[string]line {
	values := make(map[string]line)
	for _, l := range c.ordered() {
		values[l.name] = l
	}
	return values
}
