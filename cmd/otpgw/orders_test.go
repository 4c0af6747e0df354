package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestActionsReachAllDaemons: what an operator asks of one daemon is done by all that share its store, and
// each says so; a pause is in force on a daemon that is started later; where one cannot do it the operator
// hears which and why.
func TestActionsReachAllDaemons(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	shared := map[string]string{
		"OTPGW_NATS_URL":   queuetest.External(t),
		"OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
	}
	type daemon struct {
		*process
		path string
		at   []string
	}
	start := func() daemon {
		t.Helper()
		dir := t.TempDir()
		path := filepath.Join(dir, "otpgw.conf")
		writeSettings(t, path, env(filepath.Join(dir, "data"), sim.Addr(), shared))
		p := startWithFile(t, path)
		if !p.stderr.more(`"message":"bound"`, 0) {
			t.Fatal("the link does not bind")
		}
		return daemon{p, path, []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}}
	}
	one, two := start(), start()
	both := func(said string) {
		t.Helper()
		for _, d := range []daemon{one, two} {
			if !strings.Contains(said, "done by ") || !strings.Contains(said, strings.TrimPrefix(d.Admin, "http://")) {
				t.Errorf("not told that %s did it: %s", d.Admin, said)
			}
		}
	}
	paused := func(d daemon, want bool) {
		t.Helper()
		if out, _ := ctl(t, d.at, exitOK, "links"); strings.Contains(out, "paused") != want {
			t.Errorf("%s, want paused %v:\n%s", d.Admin, want, out)
		}
	}
	if out, _ := ctl(t, two.at, exitOK, "daemons"); strings.Count(out, "127.0.0.1:") != 2 {
		t.Errorf("the daemons are %s", out)
	}

	for _, d := range []daemon{one, two} {
		out, _ := ctl(t, d.at, exitOK, "state")
		if rows := strings.Split(strings.TrimSpace(out), "\n"); len(rows) != 3 || !sameState(rows[1], rows[2]) {
			t.Errorf("the states of the two daemons:\n%s", out)
		}
	}

	_, said := ctl(t, one.at, exitOK, "drain", "carrier")
	both(said)
	paused(one, true)
	paused(two, true)
	three := start()
	paused(three, true)
	if code := three.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	_, said = ctl(t, two.at, exitOK, "resume", "carrier")
	both(said)
	paused(one, false)
	paused(two, false)
	ctl(t, one.at, exitOK, "-here", "pause", "carrier")
	paused(one, true)
	paused(two, false)
	ctl(t, one.at, exitOK, "resume", "carrier")

	binds := two.stderr.count(`"message":"bound"`)
	_, said = ctl(t, one.at, exitOK, "rebind", "carrier")
	both(said)
	if !two.stderr.more(`"message":"bound"`, binds) {
		t.Error("the other daemon does not bind anew")
	}
	_, said = ctl(t, one.at, exitOK, "loglevel", "debug")
	both(said)

	_, said = ctl(t, one.at, exitOK, "reload")
	both(said)
	if err := os.WriteFile(two.path, []byte("OTPGW_APPS=shop\nOTPGW_APP_SHOP_TTL=9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, said = ctl(t, one.at, exitFailed, "reload")
	if !strings.Contains(said, "not done by ") || !strings.Contains(said, "OTPGW_APP_SHOP_TTL") {
		t.Errorf("what is wrong with the other's configuration is not told: %s", said)
	}
	for _, verb := range []string{"drain", "resume", "rebind", "loglevel", "reload"} {
		if two.stderr.count(`"verb":"`+verb+`"`) == 0 {
			t.Errorf("the other daemon's log does not tell of %s", verb)
		}
	}
}

// sameState: two rows of `ctl state` have the same position and sum.
func sameState(one, two string) bool {
	a, b := strings.Fields(one), strings.Fields(two)
	return len(a) > 2 && len(b) > 2 && slices.Equal(a[len(a)-2:], b[len(b)-2:])
}
