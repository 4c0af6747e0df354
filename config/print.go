package config

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mask stands for a secret that is set.
const mask = "****"

var (
	natsURL     = regexp.MustCompile(`^(nats|tls|ws|wss)://([^/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[^?#]*)?$`)
	urlUserinfo = regexp.MustCompile(`://[^/?#]*@`)
	urlQuery    = regexp.MustCompile(`\?.*`)
)

// urlText is one or several URLs. It shows itself to fmt without what may be a password or a token.
type urlText string

func (u urlText) String() string {
	return urlQuery.ReplaceAllString(urlUserinfo.ReplaceAllString(string(u), "://"+mask+"@"), "?"+mask)
}

// settings are the variables as text, in force: defaults filled in, forms made canonical.
type settings struct {
	daemon  *daemonVars
	members map[string][]member // by group, in the order of their list
}

// member is one application, link or route.
type member struct {
	prefix string
	vars   any // pointer to a struct of strings
}

func (s *settings) add(group, prefix string, vars any) {
	if s.members == nil {
		s.members = make(map[string][]member)
	}
	s.members[group] = append(s.members[group], member{prefix, vars})
}

// Print writes the configuration in force as NAME=value lines in the order of Variables, secrets masked,
// then as comments where the values that nobody set come from. A value that would not fit its line or
// would lose spaces at its ends is quoted as Go quotes.
func (c *Config) Print(w io.Writer) error {
	var b strings.Builder
	printed := make(map[string]bool)
	for _, v := range Variables {
		group, _ := v.group()
		if group == "" {
			printRows(&b, []Variable{v}, member{"", c.settings.daemon})
		} else if !printed[group] {
			printed[group] = true
			for _, m := range c.settings.members[group] {
				printRows(&b, variablesOf(group), m)
			}
		}
	}
	c.printSources(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// String is Print's text, so that a Config given to fmt shows no secret.
func (c *Config) String() string {
	var b strings.Builder
	_ = c.Print(&b) // a Builder takes everything
	return b.String()
}

// GoString covers %#v.
func (c *Config) GoString() string { return c.String() }

func printRows(b *strings.Builder, rows []Variable, m member) {
	values := textOf(m.vars)
	for _, v := range rows {
		_, key := v.group()
		if stem, ok := strings.CutSuffix(key, langHole); ok {
			templates := m.vars.(*appVars).Templates
			for _, lang := range slices.Sorted(maps.Keys(templates)) {
				fmt.Fprintf(b, "%s%s%s=%s\n", m.prefix, stem, strings.ToUpper(lang), quoted(templates[lang]))
			}
			continue
		}
		fmt.Fprintf(b, "%s%s=%s\n", m.prefix, key, quoted(values[key]))
	}
}

// textOf returns the fields of a struct of variables by their key. Fields that are secrets have a type
// that masks itself.
func textOf(vars any) map[string]string {
	values := make(map[string]string)
	v := reflect.ValueOf(vars).Elem()
	for i := range v.NumField() {
		if key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("env"), ","); key != "" {
			values[key] = fmt.Sprint(v.Field(i).Interface())
		}
	}
	return values
}

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
	if c.settings.daemon.SecretKey == "" {
		fmt.Fprintf(b, "# OTPGW_SECRET_KEY is kept in %s, made at the first start\n", quoted(c.SecretKeyFile()))
	}
	for i, m := range c.settings.members[appGroup] {
		if m.vars.(*appVars).CallbackSecret == "" {
			fmt.Fprintf(b, "# %sCALLBACK_SECRET is derived from the secret key; to see it: otpgw check -callback-secret %s\n", m.prefix, c.Apps[i].Name)
		}
	}
}
