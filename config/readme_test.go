package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The marks around the tables of README.md.
const (
	tablesBegin = "<!-- variables: TestReadmeTables writes them -->\n"
	tablesEnd   = "<!-- end of the variables -->\n"
)

// TestReadmeTables: the tables of README.md are what the program works by. OTPGW_TEST_UPDATE=1 writes them
// anew.
func TestReadmeTables(t *testing.T) {
	const path = "README.md"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(content), tablesBegin)
	old, after, ended := strings.Cut(rest, tablesEnd)
	if !begun || !ended {
		t.Fatalf("%s has no place for the tables: %q and %q", path, tablesBegin, tablesEnd)
	}
	want := tables()
	if strings.TrimSpace(old) == strings.TrimSpace(want) {
		return
	}
	if os.Getenv("OTPGW_TEST_UPDATE") == "" {
		t.Fatal("the tables of config/README.md are old ones; OTPGW_TEST_UPDATE=1 go test -run TestReadmeTables ./config writes them anew")
	}
	if err := os.WriteFile(path, []byte(before+tablesBegin+"\n"+want+"\n"+tablesEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTablesHaveEveryVariable: once, in a row of three columns.
func TestTablesHaveEveryVariable(t *testing.T) {
	markdown := tables()
	for _, v := range Variables {
		if n := strings.Count(markdown, "| `"+v.Name+"`"); n != 1 {
			t.Errorf("%s is in the tables %d times", v.Name, n)
		}
	}
	for line := range strings.Lines(markdown) {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|")-strings.Count(line, `\|`) != 4 {
			t.Errorf("not three columns: %s", line)
		}
	}
}

// tables are all variables by what they belong to.
func tables() string {
	var b strings.Builder
	for _, part := range []struct{ title, about, group string }{
		{"The daemon", "", ""},
		{"An application", "`OTPGW_APPS` names the applications.", appGroup},
		{"A link", "`OTPGW_LINKS` names the links.", linkGroup},
		{"A route", "`OTPGW_ROUTES` names the routes.", routeGroup},
	} {
		fmt.Fprintf(&b, "## %s\n\n", part.title)
		if part.about != "" {
			b.WriteString(part.about + "\n\n")
		}
		b.WriteString("| variable | default | |\n|---|---|---|\n")
		for _, v := range Variables {
			if group, _ := v.group(); group == part.group {
				b.WriteString(row(v))
			}
		}
		b.WriteString("\n")
	}
	return b.String() + strings.NewReplacer("*", `\*`, "<NAME>", "`<NAME>`").Replace(filesNote)
}

func row(v Variable) string {
	name, value := "`"+v.Name+"`", v.Default
	if v.Secret {
		name += " *"
	}
	if value != "" {
		value = "`" + value + "`"
	}
	meaning := v.Meaning
	if Restart(v.Name) != "" {
		meaning += "; takes a restart"
	}
	return fmt.Sprintf("| %s | %s | %s |\n", name, value, strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(meaning))
}
