package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrintReadsBack: what is printed, with the secrets filled in again, is the same configuration.
func TestPrintReadsBack(t *testing.T) {
	vars := with("OTPGW_APPS= shop , a-b ", "OTPGW_APP_A_B_API_KEYS=k", "OTPGW_APP_A_B_SENDERS=Abc, 447700900123", "OTPGW_APP_A_B_TTL=2m",
		"OTPGW_APP_A_B_TEMPLATE_bg=Код {{pin}}", "OTPGW_LINK_TELE_TLS=no", `OTPGW_LINK_TELE_TLVS= 5120 = "a" , 0x1401=6162`,
		"OTPGW_CALLBACK_ALLOW=127.0.0.1", "OTPGW_APP_SHOP_RATE=1.50", "OTPGW_LINK_TELE_WINDOW=010")
	first := mustLoad(t, vars)
	text := first.String()
	again := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case !ok:
			t.Fatalf("not NAME=value: %q", line)
		case value == mask:
			value = vars[name]
		}
		again[name] = value
	}
	second := mustLoad(t, again)
	if second.String() != text {
		t.Errorf("printed first:\n%s\nthen:\n%s", text, second)
	}
	for _, line := range []string{"OTPGW_APPS=shop,a-b", "OTPGW_APP_SHOP_FROM=Shop", "OTPGW_APP_A_B_TEMPLATE_BG=Код {{pin}}",
		`OTPGW_LINK_TELE_TLVS=0x1400="a",0x1401="ab"`, "OTPGW_ROUTE_DEFAULT_LINKS=tele:0", "OTPGW_CALLBACK_ALLOW=127.0.0.1/32",
		"OTPGW_LINK_TELE_TLS=off", "OTPGW_APP_SHOP_RATE=1.5", "OTPGW_LINK_TELE_WINDOW=10", "OTPGW_APP_SHOP_SECRET="} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
}

// TestPrintOrder: the lines come in the order of the table, whole groups together.
func TestPrintOrder(t *testing.T) {
	c := mustLoad(t, with("OTPGW_APPS=shop,bank", "OTPGW_APP_BANK_API_KEYS=k", "OTPGW_APP_BANK_SENDERS=Bank"))
	last := -1
	text := c.String()
	for _, name := range []string{"OTPGW_HTTP_ADDR", "OTPGW_LOG_FORMAT", "OTPGW_APPS", "OTPGW_APP_SHOP_API_KEYS", "OTPGW_APP_SHOP_RATE",
		"OTPGW_APP_BANK_API_KEYS", "OTPGW_APP_BANK_RATE", "OTPGW_LINKS", "OTPGW_LINK_TELE_ADDR", "OTPGW_LINK_TELE_TLVS", "OTPGW_ROUTES",
		"OTPGW_ROUTE_DEFAULT_PREFIXES", "OTPGW_CALLBACK_ALLOW"} {
		at := strings.Index(text, name+"=")
		if at <= last {
			t.Errorf("%s is at %d, after what is at %d", name, at, last)
		}
		last = at
	}
}

func TestPrintQuotes(t *testing.T) {
	c := mustLoad(t, with("OTPGW_APP_SHOP_TEMPLATE=Code:\n{{pin}}", "OTPGW_APP_SHOP_TEMPLATE_FR= {{pin}}", "OTPGW_APP_SHOP_TEMPLATE_pt_br={{ pin }}"))
	for _, line := range []string{"OTPGW_APP_SHOP_TEMPLATE_PT_BR={{ pin }}", `OTPGW_APP_SHOP_TEMPLATE="Code:\n{{pin}}"`, `OTPGW_APP_SHOP_TEMPLATE_FR=" {{pin}}"`} {
		if !strings.Contains(c.String(), line+"\n") {
			t.Errorf("no line %s in\n%s", line, c)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, bytes.ErrTooLarge }

func TestPrintReportsWriter(t *testing.T) {
	c := mustLoad(t, with())
	for name, err := range map[string]error{"Print": c.Print(fullDisk{}), "Help": Help(fullDisk{})} {
		if err == nil {
			t.Errorf("%s hides the error of its writer", name)
		}
	}
}

// TestChanged: what is not the same is named, what a file holds too; of an application that comes or goes,
// what is said of it.
func TestChanged(t *testing.T) {
	prices := filepath.Join(t.TempDir(), "prices.csv")
	priced := func(price string, more ...string) *Config {
		t.Helper()
		if err := os.WriteFile(prices, []byte("46,"+price+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return mustLoad(t, with(append(more, "OTPGW_PRICES="+prices)...))
	}
	old := priced("0.05")
	bank := []string{"OTPGW_APPS=shop,bank", "OTPGW_APP_BANK_API_KEYS=another-key-of-the-bank", "OTPGW_APP_BANK_SENDERS=Bank", "OTPGW_APP_BANK_GUARD=observe"}
	for _, tt := range []struct {
		fresh *Config
		want  string
	}{
		{priced("0.05"), ""},
		{priced("0.05", "OTPGW_LOG_LEVEL=info"), ""}, // the default
		{priced("0.05", "OTPGW_RETENTION=3h"), "OTPGW_RETENTION"},
		{priced("0.06"), "OTPGW_PRICES"},
		{priced("0.05", bank...), "OTPGW_APPS OTPGW_APP_BANK_API_KEYS OTPGW_APP_BANK_SENDERS"},
	} {
		for _, got := range [][]string{Changed(old, tt.fresh), Changed(tt.fresh, old)} {
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		}
	}
}
