package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestVariablesAgree: each field has its row and each row its field, with the same default and secrecy.
func TestVariablesAgree(t *testing.T) {
	fields := make(map[string]bool)
	for group, vars := range map[string]any{"": daemonVars{}, appGroup: appVars{}, linkGroup: linkVars{}, routeGroup: routeVars{}} {
		hole := nameHole
		if group == "" {
			hole = ""
		}
		for _, field := range reflect.VisibleFields(reflect.TypeOf(vars)) {
			key, option, _ := strings.Cut(field.Tag.Get("env"), ", ")
			if key == "" {
				if field.Name != "Templates" {
					t.Errorf("%T.%s has no env tag", vars, field.Name)
				}
				continue
			}
			name := group + hole + key
			fields[name] = true
			i := slices.IndexFunc(Variables, func(v Variable) bool { return v.Name == name })
			if i < 0 {
				t.Errorf("%T.%s: no row for %s in Variables", vars, field.Name, name)
				continue
			}
			if row, value := Variables[i], strings.TrimPrefix(option, "default="); row.Default != value {
				t.Errorf("%s: the tag's default is %q, the table's %q", name, value, row.Default)
			}
			if masked := field.Type == reflect.TypeFor[secret](); masked != Variables[i].Secret {
				t.Errorf("%s: its field is a secret: %v, its row: %v", name, masked, Variables[i].Secret)
			}
			if field.Type.Kind() != reflect.String {
				t.Errorf("%s: a %v; all are strings, so that one fault does not hide the others", name, field.Type)
			}
		}
	}
	for _, v := range Variables {
		if !fields[v.Name] && !strings.HasSuffix(v.Name, langHole) {
			t.Errorf("%s has a row and no field", v.Name)
		}
		if v.Meaning == "" {
			t.Errorf("%s has no meaning", v.Name)
		}
	}
}

func TestTables(t *testing.T) {
	var help, markdown strings.Builder
	if err := Help(&help); err != nil {
		t.Fatal(err)
	}
	if err := Markdown(&markdown); err != nil {
		t.Fatal(err)
	}
	for _, v := range Variables {
		if !strings.Contains(help.String(), "\n"+v.Name) && !strings.HasPrefix(help.String(), v.Name) {
			t.Errorf("%s is not in the help text", v.Name)
		}
		if !strings.Contains(markdown.String(), "| `"+v.Name+"`") {
			t.Errorf("%s is not in the table for the README", v.Name)
		}
	}
	for line := range strings.Lines(markdown.String()) {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|")-strings.Count(line, `\|`) != 4 {
			t.Errorf("not three columns: %s", line)
		}
	}
}

func TestIsSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"OTPGW_SECRET_KEY": true, "OTPGW_APP_A_API_KEYS": true, "OTPGW_APP_A_B_CALLBACK_SECRET": true, "OTPGW_LINK_X_PASSWORD": true,
		"OTPGW_LINK_X_TLS_KEY": false, "OTPGW_HTTP_ADDR": false, "OTPGW_NATS_CREDS": false, "OTPGW_APP_A_TTL": false,
	} {
		if isSecret(name) != want {
			t.Errorf("isSecret(%s) is %v", name, !want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"same", "same", 0}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
