package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestQuotas: two daemons together let an application send as many messages as its quota has, to the last;
// what is told at 80 % and at the end is told once; a country has a bound of its own, and so has money; an
// operator sees how they stand, and denies or allows a beginning of numbers on all daemons for a time.
func TestQuotas(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	alerts := make(map[string]int)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var c struct {
			Event string
			Data  []struct {
				Quota   string
				Percent int
			}
		}
		_ = json.Unmarshal(body, &c)
		mu.Lock()
		defer mu.Unlock()
		for _, d := range c.Data {
			if strings.HasSuffix(c.Event, "_alert") {
				alerts[fmt.Sprint(c.Event, " ", d.Quota, " ", d.Percent)]++
			}
		}
	}))
	defer receiver.Close()
	prices := filepath.Join(t.TempDir(), "prices.csv")
	if err := os.WriteFile(prices, []byte("46,0.05\n359,0.25\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sim := startSMSC(t, smsc.Config{})
	const quota = 200
	shared := map[string]string{
		"OTPGW_NATS_URL": queuetest.External(t), "OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
		"OTPGW_PRICES": prices, "OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL, "OTPGW_APP_SHOP_GUARD": "off",
		"OTPGW_APP_SHOP_QUOTA_MONTH": fmt.Sprint(quota), "OTPGW_APP_SHOP_QUOTA_ZONE": "Europe/Sofia",
		"OTPGW_APP_SHOP_COUNTRY_LIMITS": "NO:3/h",
		"OTPGW_APPS":                    "shop,bank", "OTPGW_APP_BANK_API_KEYS": "bank-key", "OTPGW_APP_BANK_SENDERS": "Bank", "OTPGW_APP_BANK_BUDGET_DAY": "0.6",
	}
	one, two := startDaemon(t, env(t.TempDir(), sim.Addr(), shared)), startDaemon(t, env(t.TempDir(), sim.Addr(), shared))
	c := client(t)
	order := func(d *process, key, to string) (status, code int, after string) {
		req, _ := http.NewRequest("POST", d.HTTP+"/otp", strings.NewReader(fmt.Sprintf(`{"phoneNumber":%q}`, to)))
		req.Header.Set("X-API-KEY", key)
		resp, err := c.Do(req)
		if err != nil {
			t.Error(err)
			return 0, 0, ""
		}
		defer resp.Body.Close()
		var e struct{ Error struct{ Code int } }
		_ = json.NewDecoder(resp.Body).Decode(&e)
		return resp.StatusCode, e.Error.Code, resp.Header.Get("Retry-After")
	}
	for i := range 4 {
		if status, code, after := order(one, "key", fmt.Sprintf("+479010000%d", i)); i < 3 && status != 201 || i == 3 && (status != 429 || code != 1019 || after == "") {
			t.Errorf("message %d to a country that may have 3 in an hour: %d, %d, Retry-After %q", i+1, status, code, after)
		}
	}
	var accepted, refused atomic.Int64
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for n := range quota / 4 {
				switch status, code, after := order([]*process{one, two}[(w+n)%2], "key", number(w*1000+n)); {
				case status == 201:
					accepted.Add(1)
				case status == 429 && code == 1017 && after != "":
					refused.Add(1)
				default:
					t.Errorf("%d, %d", status, code)
				}
			}
		})
	}
	all.Wait()
	// A message of which the store did not say in time whether it has it uses the quota up, and when it is made
	// again may use it once more.
	unsure := c.Transport.(patient).repeated.Load()
	if n := accepted.Load(); n > quota-3 || n < quota-3-unsure || refused.Load() != 2*quota-n {
		t.Errorf("%d accepted and %d refused, of a quota of %d of which 3 were used; %d requests were repeated", n, refused.Load(), quota, unsure)
	}
	for i := range 4 { // a quarter each: two of them are in the budget
		if status, code, _ := order(two, "bank-key", fmt.Sprintf("+35988800000%d", i)); i < 2 && status != 201 || i >= 2 && (status != 429 || code != 1018) {
			t.Errorf("message %d of a budget for two: %d, %d", i+1, status, code)
		}
	}
	await.That(t, "it is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(alerts) == 4
	})
	mu.Lock()
	for _, want := range []string{"quota_alert month 80", "quota_alert month 100", "guard_alert NO 80", "guard_alert NO 100"} {
		if alerts[want] != 1 {
			t.Errorf("told %v, want %q once", alerts, want)
		}
	}
	mu.Unlock()
	at := func(d *process) []string {
		return []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(d.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}
	}
	if out, _ := ctl(t, at(two), exitOK, "quotas"); !strings.Contains(out, "month") || !strings.Contains(out, "100") || !strings.Contains(out, "day_budget") {
		t.Errorf("quotas:\n%s", out)
	}
	metrics := port{t, two.Admin}.read("/metrics")
	if !strings.Contains(metrics, fmt.Sprintf(`otpgw_quota_limit{app="shop",quota="month"} %d`, quota)) || !strings.Contains(metrics, `otpgw_quota_used{app="bank",quota="day_budget"} 0.5`) {
		t.Errorf("the metrics do not tell of the quotas:\n%s", strings.Join(linesWith(metrics, "otpgw_quota"), "\n"))
	}
	t.Run("guard", func(t *testing.T) {
		guardVerbs(t, at(one), func(to string) (int, int) { s, code, _ := order(two, "bank-key", to); return s, code })
	})
}

// guardVerbs: what one daemon is told, another does.
func guardVerbs(t *testing.T, at []string, order func(to string) (status, code int)) {
	ctl(t, at, exitOK, "guard", "deny", "+4670", "for", "1h")
	ctl(t, at, exitOK, "guard", "allow", "46701")
	ctl(t, at, exitFailed, "guard", "deny", "x")
	ctl(t, at, exitFailed, "guard", "unblock", "+1")
	ctl(t, at, exitUsage, "guard", "deny")
	if out, _ := ctl(t, at, exitOK, "guard", "list"); !strings.Contains(out, `"+4670"`) || !strings.Contains(out, `"+46701"`) || strings.Count(out, "until") != 1 {
		t.Errorf("guard list:\n%s", out)
	}
	await.That(t, "the other daemon denies the number", func() bool { _, code := order("+46700000999"); return code == 1012 })
	if status, code := order("+46701000999"); status != 201 {
		t.Errorf("to a number of the longer beginning: %d, %d", status, code)
	}
	ctl(t, at, exitOK, "guard", "unblock", "+4670")
	await.That(t, "the other daemon takes the number", func() bool { status, _ := order("+46700000999"); return status == 201 })
}

func linesWith(text, word string) (all []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			all = append(all, line)
		}
	}
	return all
}
