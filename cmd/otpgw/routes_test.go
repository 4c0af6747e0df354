package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// liveSettings are the daemon's own variables that a reload works by.
var liveSettings = []string{"OTPGW_LOG_LEVEL", "OTPGW_AUTH_FAILURES", "OTPGW_TRUSTED_PROXIES", "OTPGW_PRICES", "OTPGW_APPS", "OTPGW_LINKS", "OTPGW_ROUTES",
	"OTPGW_CORS_ORIGINS", "OTPGW_LOOKUP_URL", "OTPGW_LOOKUP_SUBJECT", "OTPGW_LOOKUP_SECRET", "OTPGW_LOOKUP_TIMEOUT", "OTPGW_LOOKUP_CACHE", "OTPGW_LOOKUP_FAIL",
	"OTPGW_ADMIN_ALLOW", "OTPGW_ADMIN_TOKEN", "OTPGW_DO_NOT_SEND", "OTPGW_CALLBACK_ALLOW", "OTPGW_CALLBACK_TIMEOUT", "OTPGW_RETENTION", "OTPGW_MEMORY",
	"OTPGW_CDR_DIR", "OTPGW_CDR_ROTATE", "OTPGW_CDR_NUMBERS", "OTPGW_ROUTING", "OTPGW_ROUTING_SLOW_AFTER"}

// TestEveryVariableIsReloadedOrNamed: a reload ignores no variable silently. Those of applications, links and
// routes are read whole.
func TestEveryVariableIsReloadedOrNamed(t *testing.T) {
	var own []string
	for _, v := range config.Variables {
		if strings.Contains(v.Name, "<") {
			continue
		}
		own = append(own, v.Name)
		if (config.Restart(v.Name) != "") == slices.Contains(liveSettings, v.Name) {
			t.Errorf("%s: a reload works by it (liveSettings), or says that it needs a restart (config/restart.go): one of the two", v.Name)
		}
	}
	for _, name := range liveSettings {
		if !slices.Contains(own, name) {
			t.Errorf("%s is no variable", name)
		}
	}
}

// TestReloadRoutes: a route comes with a reload and works at once. One that is taken out leaves nothing
// behind: what waits for it goes over the route that takes its numbers now, after a restart too; where none
// does the reload is refused.
func TestReloadRoutes(t *testing.T) {
	t.Parallel()
	first, second := startSMSC(t, smsc.Config{}), startSMSC(t, smsc.Config{})
	dir := t.TempDir()
	path := filepath.Join(dir, "otpgw.conf")
	vars := env(filepath.Join(dir, "data"), first.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,spare", "OTPGW_LINK_SPARE_ADDR": second.Addr(), "OTPGW_LINK_SPARE_SYSTEM_ID": "spare",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier",
	})
	writeSettings(t, path, vars)
	p := startWithFile(t, path)
	c := client(t)
	at := func() []string {
		return []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}
	}
	send := func(n int) string {
		t.Helper()
		to := fmt.Sprintf("+35988%07d", n)
		mustCall(t, c, "POST", p.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, to), 201)
		return to[1:]
	}
	over := func(s *smsc.Server, to string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
		defer cancel()
		if _, err := s.Wait(ctx, to); err != nil {
			t.Fatalf("%s did not come over the link that it was to take: %v", to, err)
		}
		if n := len(s.Messages(smsc.Filter{To: to})); n != 1 {
			t.Errorf("%s came %d times over the link that it was to take", to, n)
		}
	}
	over(first, send(1))

	vars["OTPGW_ROUTES"], vars["OTPGW_ROUTE_BULGARIA_PREFIXES"], vars["OTPGW_ROUTE_BULGARIA_LINKS"] = "default,bulgaria", "359", "spare"
	writeSettings(t, path, vars)
	ctl(t, at(), exitOK, "reload")
	over(second, send(2))

	ctl(t, at(), exitOK, "pause", "spare")
	waits := send(3)
	bulgaria := vars["OTPGW_ROUTE_BULGARIA_PREFIXES"]
	delete(vars, "OTPGW_ROUTE_BULGARIA_PREFIXES")
	delete(vars, "OTPGW_ROUTE_BULGARIA_LINKS")
	vars["OTPGW_ROUTES"], vars["OTPGW_ROUTE_DEFAULT_PREFIXES"] = "default", "46"
	writeSettings(t, path, vars)
	if _, why := ctl(t, at(), exitFailed, "reload"); !strings.Contains(why, "bulgaria") || !strings.Contains(why, " messages wait") {
		t.Errorf("a route that messages wait for is taken out: %s", why)
	}
	delete(vars, "OTPGW_ROUTE_DEFAULT_PREFIXES")
	writeSettings(t, path, vars)
	ctl(t, at(), exitOK, "reload")
	over(first, waits)
	over(first, send(4))

	vars["OTPGW_ROUTES"], vars["OTPGW_ROUTE_BULGARIA_PREFIXES"], vars["OTPGW_ROUTE_BULGARIA_LINKS"] = "default,bulgaria", bulgaria, "spare"
	writeSettings(t, path, vars)
	ctl(t, at(), exitOK, "reload")
	waits = send(5)
	if out, _ := ctl(t, at(), exitOK, "routes"); !strings.Contains(out, "bulgaria") {
		t.Errorf("the route is not there again:\n%s", out)
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	vars["OTPGW_ROUTES"] = "default"
	delete(vars, "OTPGW_ROUTE_BULGARIA_PREFIXES")
	delete(vars, "OTPGW_ROUTE_BULGARIA_LINKS")
	writeSettings(t, path, vars)
	p = startWithFile(t, path)
	over(first, waits)
}
