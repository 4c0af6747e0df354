package config

import (
	"strings"
	"testing"
)

// TestRows: what the rows say of each variable is whole, and each is there once.
func TestRows(t *testing.T) {
	seen := make(map[string]bool)
	for _, v := range Variables {
		if v.Meaning == "" || strings.Contains(v.Meaning, "{}") {
			t.Errorf("%s means %q", v.Name, v.Meaning)
		}
		if seen[v.Name] || !strings.HasPrefix(v.Name, ourPrefix) && !strings.HasPrefix(v.Name, "OTEL_") {
			t.Errorf("%s is there twice, or is neither ours nor OpenTelemetry's", v.Name)
		}
		seen[v.Name] = true
	}
	checkRows(t, daemonRows)
	checkRows(t, appRows)
	checkRows(t, linkRows)
	checkRows(t, routeRows)
}

// checkRows: a bound that the reader knows is told by the meaning, unless that tells it in its own words.
func checkRows[T any](t *testing.T, rows []setting[T]) {
	for _, row := range rows {
		if strings.Contains(row.meaning, "{}") && row.takes == "" {
			t.Errorf("%s: the reader does not say what it takes", row.key)
		}
		if row.secret && row.shown("x") != mask {
			t.Errorf("%s is a secret and is shown", row.key)
		}
	}
}

// TestDefaultsAreSound: each default is what its own reader takes, and is printed as it stands in the table.
func TestDefaultsAreSound(t *testing.T) {
	printed := mustLoad(t, with()).String()
	for _, v := range Variables {
		name := strings.NewReplacer("_APP_<NAME>_", "_APP_SHOP_", "_LINK_<NAME>_", "_LINK_TELE_", "_ROUTE_<NAME>_", "_ROUTE_DEFAULT_").Replace(v.Name)
		if v.Default != "" && !strings.Contains(printed, "\n"+name+"="+v.Default+"\n") && !strings.HasPrefix(printed, name+"="+v.Default+"\n") {
			t.Errorf("%s: the default %s is not printed so", name, v.Default)
		}
	}
}

// TestHelp: every variable is in the help text.
func TestHelp(t *testing.T) {
	var help strings.Builder
	if err := Help(&help); err != nil {
		t.Fatal(err)
	}
	for _, v := range Variables {
		if !strings.Contains(help.String(), "\n"+v.Name) && !strings.HasPrefix(help.String(), v.Name) {
			t.Errorf("%s is not in the help text", v.Name)
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
