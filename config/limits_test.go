package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/limit"
)

func TestAbuseDefaults(t *testing.T) {
	c := mustLoad(t, with())
	app := c.Apps[0]
	for name, check := range map[string][2]any{
		"SEND_LIMITS":     {app.SendLimits, limit.Limits{{Max: 5, Per: 10 * time.Minute}, {Max: 10, Per: 24 * time.Hour}}},
		"TRY_LIMITS":      {app.TryLimits, limit.Limits{{Max: 25, Per: time.Hour}, {Max: 50, Per: 24 * time.Hour}}},
		"MAX_RESENDS":     {app.MaxResends, 3},
		"RESEND_INTERVAL": {app.ResendInterval, 30 * time.Second},
		"RESEND_AFTER":    {app.ResendAfter, time.Duration(0)},
		"GUARD":           {app.Guard, guard.Settings{Mode: guard.Observe, PrefixUnverified: 10, CountryUnverified: 20, Share: 0.2}},
		"FACES":           {fmt.Sprint(app.OwnPIN, app.CAMARA) + app.SupabaseSecret, "false false"},
		"TEST_NUMBERS":    {len(app.TestNumbers), 0},
		"AUTH_FAILURES":   {c.AuthFailures, 20},
		"TRUSTED_PROXIES": {len(c.TrustedProxies), 0},
		"PRICES":          {c.Prices.Of("+46700000001", ""), 0.0},
	} {
		if !reflect.DeepEqual(check[0], check[1]) {
			t.Errorf("%s: %v, want %v", name, check[0], check[1])
		}
	}
}

func TestAbuseSettings(t *testing.T) {
	prices := writeFile(t, "prices.csv", "prefix,price\n# Sweden\n46,0.04\n+4670, 0.05\n1,0.0075\n")
	c := mustLoad(t, with("OTPGW_APP_SHOP_SEND_LIMITS= 3/90 , 1000/744h", "OTPGW_APP_SHOP_TRY_LIMITS=off", "OTPGW_APP_SHOP_MAX_RESENDS=1",
		"OTPGW_APP_SHOP_RESEND_INTERVAL=5", "OTPGW_APP_SHOP_RESEND_AFTER=1m", "OTPGW_APP_SHOP_GUARD=enforce", "OTPGW_APP_SHOP_GUARD_COUNTRIES=se, NO",
		"OTPGW_APP_SHOP_GUARD_DENY=FR", "OTPGW_APP_SHOP_GUARD_TRUST=46701,+46702", "OTPGW_APP_SHOP_GUARD_PREFIX=0", "OTPGW_APP_SHOP_GUARD_COUNTRY=7",
		"OTPGW_APP_SHOP_GUARD_SHARE=50", "OTPGW_APP_SHOP_WEBOTP_DOMAIN=shop.example", "OTPGW_APP_SHOP_APP_HASH=FA+9qCX9VSu",
		"OTPGW_APP_SHOP_TEST_NUMBERS=+46700000000:123456,+46700000001:ABCD", "OTPGW_APP_SHOP_OWN_PIN=yes", "OTPGW_APP_SHOP_LIMITS=ip=5/10m, session = 3/90,ip=20/24h", "OTPGW_APP_SHOP_ALLOW=192.0.2.0/24,2001:db8::1", "OTPGW_APP_SHOP_CAMARA=on",
		"OTPGW_APP_SHOP_SUPABASE_SECRET=v1,whsec_b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw==|v1,whsec_bm90aGVyIHNlY3JldCBvZiAzMiBieXRlcyBvZiB0ZXN0",
		"OTPGW_AUTH_FAILURES=0", "OTPGW_TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.7", "OTPGW_PRICES="+prices))
	app := c.Apps[0]
	for name, check := range map[string][2]any{
		"SEND_LIMITS":     {app.SendLimits, limit.Limits{{Max: 3, Per: 90 * time.Second}, {Max: 1000, Per: 744 * time.Hour}}},
		"TRY_LIMITS":      {app.TryLimits, limit.Limits(nil)},
		"RESENDS":         {[]any{app.MaxResends, app.ResendInterval, app.ResendAfter}, []any{1, 5 * time.Second, time.Minute}},
		"GUARD":           {app.Guard, guard.Settings{Mode: guard.Enforce, Allow: []string{"SE", "NO"}, Deny: []string{"FR"}, Trust: []string{"+46701", "+46702"}, CountryUnverified: 7, Share: 0.5}},
		"AUTOFILL":        {app.WebOTPDomain + app.AppHash, "shop.exampleFA+9qCX9VSu"},
		"TEST_NUMBERS":    {app.TestNumbers, map[string]string{"+46700000000": "123456", "+46700000001": "ABCD"}},
		"AUTH_FAILURES":   {c.AuthFailures, 0},
		"TRUSTED_PROXIES": {fmt.Sprint(c.TrustedProxies), "[10.0.0.0/8 192.0.2.7/32]"},
		"OWN_PIN":         {app.OwnPIN, true},
		"LIMITS":          {fmt.Sprint(app.Limits), "map[ip:5/10m,20/24h session:3/1m30s]"},
		"ALLOW":           {fmt.Sprint(app.Allow), "[192.0.2.0/24 2001:db8::1/128]"},
		"CAMARA":          {app.CAMARA, true},
		"SUPABASE_SECRET": {len(app.SupabaseSecret), 107},
		"longest price":   {c.Prices.Of("+46700000001", ""), 0.05},
		"shorter price":   {c.Prices.Of("+46800000001", ""), 0.04},
		"one digit":       {c.Prices.Of("+14165550123", ""), 0.0075},
		"no price":        {c.Prices.Of("+33612345678", ""), 0.0},
		"shorter than it": {c.Prices.Of("+4", ""), 0.0},
	} {
		if !reflect.DeepEqual(check[0], check[1]) {
			t.Errorf("%s: %v, want %v", name, check[0], check[1])
		}
	}
	printed := c.String()
	if strings.Contains(printed, "123456") || !strings.Contains(printed, "OTPGW_APP_SHOP_TEST_NUMBERS=****") {
		t.Error("test numbers are not masked")
	}
	for _, line := range []string{"OTPGW_APP_SHOP_SEND_LIMITS=3/1m30s,1000/744h", "OTPGW_APP_SHOP_TRY_LIMITS=off", "OTPGW_APP_SHOP_GUARD_COUNTRIES=SE,NO"} {
		if !strings.Contains(printed, line+"\n") {
			t.Errorf("no %s in\n%s", line, printed)
		}
	}
	// What is printed can be loaded.
	again := mustLoad(t, with("OTPGW_APP_SHOP_SEND_LIMITS=3/1m30s,1000/744h"))
	if !reflect.DeepEqual(again.Apps[0].SendLimits, app.SendLimits) {
		t.Error("another limit")
	}
}

func TestAbuseFaults(t *testing.T) {
	for setting, want := range map[string]string{
		"OTPGW_APP_SHOP_SEND_LIMITS=5":                                                      "5/10m",
		"OTPGW_APP_SHOP_SEND_LIMITS=0/10m":                                                  "5/10m",
		"OTPGW_APP_SHOP_SEND_LIMITS=1001/10m":                                               "1000",
		"OTPGW_APP_SHOP_TRY_LIMITS=5/1ms":                                                   "5/10m",
		"OTPGW_APP_SHOP_TRY_LIMITS=5/10m,,":                                                 "empty",
		"OTPGW_APP_SHOP_MAX_RESENDS=11":                                                     "0 to 10",
		"OTPGW_APP_SHOP_RESEND_INTERVAL=0":                                                  "1s",
		"OTPGW_APP_SHOP_RESEND_AFTER=never":                                                 "duration",
		"OTPGW_APP_SHOP_GUARD=on":                                                           "observe or enforce",
		"OTPGW_APP_SHOP_GUARD_COUNTRIES=UK":                                                 "ISO 3166-1",
		"OTPGW_APP_SHOP_GUARD_TRUST=swe":                                                    "international number",
		"OTPGW_APP_SHOP_GUARD_SHARE=101":                                                    "0 to 100",
		"OTPGW_APP_SHOP_WEBOTP_DOMAIN=https://x":                                            "host name",
		"OTPGW_APP_SHOP_APP_HASH=short":                                                     "11 characters",
		"OTPGW_APP_SHOP_TEST_NUMBERS=+46700000000":                                          "element 1 has no PIN",
		"OTPGW_APP_SHOP_TEST_NUMBERS=+46700000000:abcd":                                     "element 1 has no PIN",
		"OTPGW_APP_SHOP_TEST_NUMBERS=0700000000:987654":                                     "element 1 does not begin",
		"OTPGW_APP_SHOP_TEST_NUMBERS=+15550001111:987654":                                   "element 1 does not begin",
		"OTPGW_APP_SHOP_TEST_NUMBERS=+46700000000:987654,+46700000000:123457":               "has a PIN already",
		"OTPGW_APP_SHOP_SUPABASE_SECRET=whsec_b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw==": "v1,whsec_",
		"OTPGW_APP_SHOP_SUPABASE_SECRET=v1,whsec_short":                                     "24 bytes",
		"OTPGW_APP_SHOP_LIMITS=ip:5/10m":                                                    "by name",
		"OTPGW_APP_SHOP_LIMITS=IP=5/10m":                                                    "by name",
		"OTPGW_APP_SHOP_LIMITS=ip=0/10m":                                                    "by name",
		"OTPGW_TRUSTED_PROXIES=10.0.0.300":                                                  "a network",
		"OTPGW_AUTH_FAILURES=-1":                                                            "0 to",
		"OTPGW_PRICES=/does/not/exist.csv":                                                  "cannot be read",
		"OTPGW_PRICES=" + writeFile(t, "a.csv", "46;0.04\n47;0.04\n"):                       "CSV",
		"OTPGW_PRICES=" + writeFile(t, "b.csv", "46,0.04\nx,0.04\n"):                        "line 2",
		"OTPGW_PRICES=" + writeFile(t, "c.csv", "46,0.04\n47,-1\n"):                         "line 2",
		"OTPGW_PRICES=" + writeFile(t, "e.csv", "46,0.04\n46,0.03,Telia\n"):                 "no network",
		"OTPGW_PRICES=" + writeFile(t, "f.csv", "46,0.04,24007\n46,0.03,240-07\n"):          "a price already",
		"OTPGW_PRICES=" + writeFile(t, "d.csv", "46,0.04\n47,1\n+46,0.04"):                  "a price already",
	} {
		name, _, _ := strings.Cut(setting, "=")
		_, err := loadMap(with(setting))
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", setting, err)
		} else if strings.Contains(err.Error(), "987654") {
			t.Errorf("%s: a PIN is shown: %v", setting, err)
		}
	}
}

func TestAbuseWarnings(t *testing.T) {
	for setting, want := range map[string]string{
		"OTPGW_APP_SHOP_GUARD_DENY=FR":                                "enforce",
		"OTPGW_APP_SHOP_RESEND_AFTER=5m":                              "without effect",
		"OTPGW_APP_SHOP_RESEND_AFTER=1m/OTPGW_APP_SHOP_MAX_RESENDS=0": "without effect",
	} {
		c := mustLoad(t, with(strings.Split(setting, "/")...))
		if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].String(), want) {
			t.Errorf("%s: %v", setting, c.Warnings)
		}
	}
}

// TestPricesByNetwork: the network's price comes before its country's, and that before the one of any
// network.
func TestPricesByNetwork(t *testing.T) {
	c := mustLoad(t, with("OTPGW_PRICES="+writeFile(t, "prices.csv", "prefix,price,network\n46,0.05\n46,0.04,240\n46,0.02,240-07\n4670,0.03,\n")))
	for network, want := range map[string]float64{"": 0.03, "24007": 0.02, "24001": 0.04, "23801": 0.03} {
		if got := c.Prices.Of("+46701234567", network); got != want {
			t.Errorf("in %q: %v, want %v", network, got, want)
		}
	}
}
