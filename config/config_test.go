package config

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/wire"
)

// small is the least configuration without a fault.
func small() map[string]string {
	return map[string]string{
		"OTPGW_APPS":                "shop",
		"OTPGW_APP_SHOP_API_KEYS":   "shop-key-1-of-at-least-twenty",
		"OTPGW_APP_SHOP_SENDERS":    "Shop",
		"OTPGW_LINKS":               "tele",
		"OTPGW_LINK_TELE_ADDR":      "smsc.example.net:2775",
		"OTPGW_LINK_TELE_SYSTEM_ID": "shop",
		"OTPGW_LINK_TELE_PASSWORD":  "pa55word",
	}
}

// with returns the small configuration with changes, given as NAME=value.
func with(changes ...string) map[string]string {
	vars := small()
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		vars[name] = value
	}
	return vars
}

func loadMap(vars map[string]string) (*Config, error) {
	return Load(context.Background(), envconfig.MapLookuper(vars), slices.Sorted(maps.Keys(vars)))
}

func mustLoad(t *testing.T, vars map[string]string) *Config {
	t.Helper()
	c, err := loadMap(vars)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, with())
	app, l := c.Apps[0], c.Links[0]
	for _, check := range []struct {
		name      string
		got, want any
	}{
		{"HTTP_ADDR", c.HTTPAddr, ":8080"},
		{"ADMIN_ADDR", c.AdminAddr, "127.0.0.1:9090"},
		{"DATA_DIR", c.DataDir, "./data"},
		{"NATS", c.NATS, NATS{Replicas: 1, Events: "otpgw", SyncAlways: true}},
		{"SECRET_KEY", len(c.SecretKey), 0},
		{"secret key file", c.SecretKeyFile(), "data/secret.key"},
		{"LOG_LEVEL", c.LogLevel, zerolog.InfoLevel},
		{"LOG_FORMAT", c.LogFormat, LogAuto},
		{"CALLBACK_ALLOW", len(c.CallbackAllow), 0}, {"CALLBACK_TIMEOUT", c.CallbackTimeout, 15 * time.Second},
		{"warnings", len(c.Warnings), 0},

		{"app", app.Name, "shop"},
		{"API_KEYS", app.APIKeys[0], "shop-key-1-of-at-least-twenty"},
		{"SECRET", app.Secret, ""},
		{"FROM", app.From, "Shop"},
		{"TEMPLATE", app.Template, "Your verification code is {{pin}}"},
		{"TEMPLATE_<LANG>", len(app.Templates), 0},
		{"TTL", app.TTL, 300 * time.Second},
		{"MAX_ATTEMPTS", app.MaxAttempts, 5},
		{"PIN_TYPE", app.PINType, pin.Numbers},
		{"PIN_LENGTH", app.PINLength, 6},
		{"CALLBACK_URL", app.CallbackURL, ""},
		{"CALLBACK_SECRET", len(app.CallbackSecrets), 0},
		{"RATE", app.Rate, 0.0},

		{"SYSTEM_TYPE", l.SystemType, ""},
		{"TLS", l.TLS == nil, true},
		{"BIND", l.Bind, link.BindTransceiver},
		{"BINDS", l.Binds, 1},
		{"WINDOW", l.Window, 100},
		{"TPS", l.TPS, 0},
		{"ENQUIRE_LINK", l.EnquireLink, 30 * time.Second},
		{"RESPONSE_TIMEOUT", l.ResponseTimeout, 10 * time.Second},
		{"MESSAGE_ID", l.MessageID, "auto"},
		{"ALPHABET", l.Alphabet, "gsm7"},
		{"LONG", l.Long, "udh8"},
		{"SERVICE_TYPE", l.ServiceType, ""},
		{"VALIDITY", l.Validity, link.ValidityRelative},
		{"SOURCE_TON and its like", len(l.SourceTON) + len(l.SourceNPI) + len(l.DestTON) + len(l.DestNPI), 0},
		{"STATUS_CLASSES", len(l.Classes), 0},
		{"TLVS", len(l.TLVs), 0},
		{"FAMILY", l.Family, link.FamilyAny},
		{"SOURCE_ADDR", l.SourceAddr, netip.Addr{}},
		{"INTERFACE_VERSION", l.InterfaceVersion, byte(0x34)},
		{"ADDRESS_RANGE, BIND_TON, BIND_NPI", l.AddressRange, wire.Address{}},
		{"TIMEOUT_RESENDS", l.TimeoutResends, 1},
		{"NATIONAL", len(l.National), 0},
		{"TRANSLITERATE", l.Transliterate, false},
		{"TRACE", l.Trace, ""},
		{"TRACE_SIZE", l.TraceSize, int64(link.DefaultTraceSize)},
		{"application's TLVS", len(app.TLVs), 0},
		{"link's route", l.Routes[0], link.Route{Name: "default"}},

		{"route", c.Routes[0].Name, "default"},
		{"PREFIXES", c.Routes[0].Prefixes[0], ""},
		{"LINKS", c.Routes[0].Links[0], RouteLink{Name: "tele"}},
	} {
		if check.got != check.want {
			t.Errorf("%s: %v, want %v", check.name, check.got, check.want)
		}
	}
}

func TestValues(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	hook := "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{8}, 24))
	c := mustLoad(t, with(
		"OTPGW_NATS_URL=nats://token@n1:4222, tls://n2:4222", "OTPGW_NATS_REPLICAS=3", "OTPGW_NATS_SYNC=always",
		"OTPGW_SECRET_KEY="+key, "OTPGW_LOG_LEVEL=debug", "OTPGW_LOG_FORMAT=console",
		"OTPGW_CALLBACK_ALLOW=10.1.2.3/8, ::1",
		"OTPGW_APPS=shop, my-bank", "OTPGW_APP_MY_BANK_SECRET=s3cret-of-at-least-twenty", "OTPGW_APP_MY_BANK_SENDERS=447700900123,Bank",
		"OTPGW_APP_MY_BANK_FROM=Bank", "OTPGW_APP_MY_BANK_TTL=2m", "OTPGW_APP_MY_BANK_TEMPLATE_FRA=Code {{pin}}",
		"OTPGW_APP_MY_BANK_TEMPLATE_de=Kode {{pin}}", "OTPGW_APP_MY_BANK_PIN_TYPE=alphanumeric",
		"OTPGW_APP_MY_BANK_RATE=2.5", "OTPGW_APP_MY_BANK_CALLBACK_SECRET="+hook,
		"OTPGW_APP_MY_BANK_CALLBACK_URL=https://bank.example/otp?token=abc",
		"OTPGW_LINK_TELE_BIND=split", "OTPGW_LINK_TELE_ENQUIRE_LINK=15", `OTPGW_LINK_TELE_TLVS=0x1400="a,b",5121=00ff`,
	))
	bank, l := c.Apps[1], c.Links[0]
	if c.NATS != (NATS{URL: "nats://token@n1:4222,tls://n2:4222", Replicas: 3, Events: "otpgw", SyncAlways: true}) {
		t.Errorf("NATS: %+v", c.NATS)
	}
	if len(c.SecretKey) != 32 || c.LogLevel != zerolog.DebugLevel || !c.LogFormat.Console(false) {
		t.Errorf("key of %d bytes, level %v, format %v", len(c.SecretKey), c.LogLevel, c.LogFormat)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}; !slices.Equal(c.CallbackAllow, want) {
		t.Errorf("allow: %v, want %v", c.CallbackAllow, want)
	}
	if bank.Name != "my-bank" || bank.From != "Bank" || bank.TTL != 2*time.Minute || bank.Rate != 2.5 || bank.Secret != "s3cret-of-at-least-twenty" {
		t.Errorf("app: %+v", bank)
	}
	if want := map[string]string{"fr": "Code {{pin}}", "de": "Kode {{pin}}"}; !maps.Equal(bank.Templates, want) {
		t.Errorf("templates: %v, want %v", bank.Templates, want)
	}
	if !slices.Equal(bank.CallbackSecrets, []string{hook}) || !strings.HasPrefix(c.Apps[0].CallbackSecrets[0], "whsec_") {
		t.Errorf("callback secrets: %q and %q", bank.CallbackSecrets, c.Apps[0].CallbackSecrets)
	}
	if l.Bind != link.BindSplit || l.EnquireLink != 15*time.Second || len(l.TLVs) != 2 || string(l.TLVs[0].Value) != "a,b" || l.TLVs[1].Tag != 0x1401 {
		t.Errorf("link: %+v", l)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

// TestEmptyIsUnset: what a compose file passes as empty is a default, not a fault.
func TestEmptyIsUnset(t *testing.T) {
	vars := with()
	for name := range knownNames(t) {
		if _, set := vars[name]; !set {
			vars[name] = ""
		}
	}
	c := mustLoad(t, vars)
	if c.HTTPAddr != ":8080" || c.Apps[0].MaxAttempts != 5 || len(c.Warnings) != 0 {
		t.Errorf("addr %q, attempts %d, warnings %v", c.HTTPAddr, c.Apps[0].MaxAttempts, c.Warnings)
	}
}

func knownNames(t *testing.T) known {
	t.Helper()
	k := make(known)
	k.addDaemon(daemonRows)
	list := &value{scope: scope{out: new(report)}}
	addGroup(k, list, appGroup, []string{"shop"}, appRows)
	addGroup(k, list, linkGroup, []string{"tele"}, linkRows)
	addGroup(k, list, routeGroup, []string{"default"}, routeRows)
	if len(list.out.faults) > 0 {
		t.Fatal(list.out.faults)
	}
	return k
}

func TestRoute(t *testing.T) {
	c := mustLoad(t, with(
		"OTPGW_LINKS=tele,spare", "OTPGW_LINK_SPARE_ADDR=127.0.0.1:2775", "OTPGW_LINK_SPARE_SYSTEM_ID=x",
		"OTPGW_ROUTES=uk,ee,rest", "OTPGW_ROUTE_UK_PREFIXES=44, +447", "OTPGW_ROUTE_UK_LINKS=tele:0, spare:1",
		"OTPGW_ROUTE_EE_PREFIXES=4477009", "OTPGW_ROUTE_EE_LINKS=spare", "OTPGW_ROUTE_REST_LINKS=tele",
	))
	for _, test := range []struct{ number, route string }{
		{"+442071838750", "uk"}, {"+447700100123", "uk"}, {"+447700900123", "ee"}, {"447700900123", "ee"},
		{"+35988123456", "rest"}, {"+4", "rest"}, {"", "rest"},
	} {
		if route, err := c.Route(otp.Traffic{To: test.number}); route != test.route || err != nil {
			t.Errorf("%s goes to %q, %v; want %q", test.number, route, err, test.route)
		}
	}
	want := []link.Route{{Name: "uk", Priority: 1}, {Name: "ee", Priority: 0}}
	if !slices.Equal(c.Links[1].Routes, want) {
		t.Errorf("spare serves %v, want %v", c.Links[1].Routes, want)
	}

	c = mustLoad(t, with("OTPGW_ROUTES=uk", "OTPGW_ROUTE_UK_PREFIXES=44", "OTPGW_ROUTE_UK_LINKS=tele"))
	if route, err := c.Route(otp.Traffic{To: "+35988123456"}); err == nil {
		t.Errorf("a number of no prefix goes to %q", route)
	}
}

func BenchmarkRoute(b *testing.B) {
	c, err := loadMap(with("OTPGW_ROUTES=a,b", "OTPGW_ROUTE_A_PREFIXES=4477009", "OTPGW_ROUTE_A_LINKS=tele", "OTPGW_ROUTE_B_LINKS=tele"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Route(otp.Traffic{To: "+35988123456"})
	}
}

func TestDemo(t *testing.T) {
	cacheDir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cacheDir)
	demo := func(vars map[string]string) *Config {
		t.Helper()
		lookup, names := Demo(envconfig.MapLookuper(vars), slices.Collect(maps.Keys(vars)))
		c, err := Load(context.Background(), lookup, names)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != 0 {
			t.Errorf("warnings: %v", c.Warnings)
		}
		return c
	}

	c := demo(nil)
	app, l := c.Apps[0], c.Links[0]
	if app.Name != "demo" || app.APIKeys[0] != "demo-key" || app.From != "Verify" || c.HTTPAddr != ":8080" {
		t.Errorf("app %+v at %s", app, c.HTTPAddr)
	}
	if got := slices.Sorted(maps.Keys(app.Templates)); !slices.Equal(got, []string{"bg", "de", "es", "fr", "it"}) {
		t.Errorf("languages %v", got)
	}
	if l.Name != "sim" || l.Addr != "127.0.0.1:2775" || l.SystemID != "demo" || l.Password != "demo" {
		t.Errorf("link %+v", l)
	}
	if !c.CallbackAllow[0].Contains(netip.MustParseAddr("127.0.0.1")) || !c.CallbackAllow[1].Contains(netip.IPv6Loopback()) {
		t.Errorf("allow %v", c.CallbackAllow)
	}
	if filepath.Base(c.DataDir) != "otpgw-demo" {
		t.Errorf("data directory %s", c.DataDir)
	}

	c = demo(map[string]string{
		"OTPGW_HTTP_ADDR": "127.0.0.1:0", "OTPGW_APP_DEMO_API_KEYS_FILE": writeFile(t, "keys", "other-key-of-at-least-twenty\n"),
		"OTPGW_DATA_DIR": t.TempDir(), "OTPGW_LINK_SIM_ADDR": "127.0.0.1:4000", "OTPGW_CALLBACK_ALLOW": "10.0.0.0/8",
	})
	if c.HTTPAddr != "127.0.0.1:0" || c.Apps[0].APIKeys[0] != "other-key-of-at-least-twenty" || c.Links[0].Addr != "127.0.0.1:4000" || len(c.CallbackAllow) != 1 {
		t.Errorf("the environment does not win: %s", c)
	}

	if c = demo(map[string]string{"OTPGW_APPS": "shop", "OTPGW_APP_SHOP_API_KEYS": "a-key-of-at-least-twenty", "OTPGW_APP_SHOP_SENDERS": "Shop"}); len(c.Apps) != 1 || c.Apps[0].Name != "shop" {
		t.Errorf("apps %+v", c.Apps)
	}
}

// TestDemoDir: without a home the demo keeps to the temporary directory.
func TestDemoDir(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if dir := demoDir(); !strings.HasPrefix(dir, filepath.Join(os.TempDir(), "otpgw-demo-")) {
		t.Error(dir)
	}
}

func TestNoConfigOnFault(t *testing.T) {
	c, err := loadMap(nil)
	var faulty *Error
	if c != nil || !errors.As(err, &faulty) || len(faulty.Faults) != 2 {
		t.Fatalf("config %v, error %v", c, err)
	}
	if !strings.Contains(err.Error(), "\nOTPGW_APPS: ") || !strings.Contains(err.Error(), "\nOTPGW_LINKS: ") {
		t.Error(err)
	}
}
