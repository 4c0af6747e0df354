package config

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Variable is one row of the table of environment variables. In Name, <NAME> stands for the name of an
// application, a link or a route (see Prefix) and <LANG> for a language tag.
type Variable struct {
	Name    string
	Default string // the value of an unset variable; empty when Meaning tells what happens then
	Meaning string
	Secret  bool // may come as NAME_FILE, and is masked wherever it is shown
}

// The groups of variables that belong to one named thing.
const (
	appGroup   = "OTPGW_APP_"
	linkGroup  = "OTPGW_LINK_"
	routeGroup = "OTPGW_ROUTE_"

	nameHole = "<NAME>_"
)

// Variables is the contract with operators: every variable that is read, in the order in which faults are
// reported and the configuration is printed. The help text and the tables of README.md are made from it.
var Variables = allVariables()

func allVariables() []Variable {
	var all []Variable
	for _, row := range daemonRows {
		all = append(all, row.variable(""))
		switch row.key {
		case listOf(appGroup):
			all = append(all, variablesOf(appGroup, appRows)...)
		case listOf(linkGroup):
			all = append(all, variablesOf(linkGroup, linkRows)...)
		case listOf(routeGroup):
			all = append(all, variablesOf(routeGroup, routeRows)...)
		}
	}
	return all
}

func variablesOf[T any](group string, rows []setting[T]) []Variable {
	variables := make([]Variable, len(rows))
	for i, row := range rows {
		variables[i] = row.variable(group)
	}
	return variables
}

// listOf is the variable that names the members of a group.
func listOf(group string) string { return strings.TrimSuffix(group, "_") + "S" }

// group returns the prefix that the variable shares with others of its kind, empty for the daemon's own,
// and the rest of its name.
func (v Variable) group() (prefix, key string) {
	if prefix, key, ok := strings.Cut(v.Name, nameHole); ok {
		return prefix, key
	}
	return "", v.Name
}

// isSecret tells whether a full variable name is one whose value is a secret.
func isSecret(name string) bool {
	return slices.ContainsFunc(Variables, func(v Variable) bool {
		group, key := v.group()
		switch {
		case !v.Secret:
			return false
		case group == "":
			return name == key
		default:
			return strings.HasPrefix(name, group) && strings.HasSuffix(name, "_"+key)
		}
	})
}

// filesNote is true of every variable marked secret; the table says it once.
const filesNote = "A variable marked * may instead be given as NAME_FILE: a file that holds the value.\n" +
	"<NAME> is a name in upper case, every character outside A-Z and 0-9 turned into _. An empty value is an unset one.\n" +
	"A duration is a number of seconds or has a unit: 90, 90s, 1m30s.\n"

// Help writes the table of variables as plain text, for -help.
func Help(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range Variables {
		name := v.Name
		if v.Secret {
			name += " *"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", name, v.Default, v.Meaning)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n"+filesNote)
	return err
}
