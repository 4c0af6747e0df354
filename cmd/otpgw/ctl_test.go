package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// ctl runs `otpgw ctl` as an operator would.
func ctl(t *testing.T, environ []string, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(context.Background(), append([]string{"ctl"}, args...), environ, &out, &errs); got != code {
		t.Errorf("ctl %s: exit status %d, want %d: %s%s", strings.Join(args, " "), got, code, &out, &errs)
	}
	return out.String(), errs.String()
}

// TestCtl: a link is paused, resumed, drained and bound anew while the daemon works; each action is in the
// audit log, and none is done without the token.
func TestCtl(t *testing.T) {
	t.Parallel()
	arrived := newTally()
	sim := startSMSC(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome { arrived.add(s.To); return smsc.Outcome{} }})
	dir := t.TempDir()
	p := startDaemon(t, env(dir, sim.Addr(), map[string]string{"OTPGW_ADMIN_TOKEN": ""}))
	if !p.stderr.more(`"message":"bound"`, 0) {
		t.Fatal("the link does not bind")
	}
	token, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(filepath.Join(dir, "admin.token")); info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file has mode %o", info.Mode().Perm())
	}
	at := "OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://")
	beside, afar := []string{at, "OTPGW_DATA_DIR=" + dir}, []string{at, "OTPGW_ADMIN_TOKEN=" + strings.TrimSpace(string(token))}

	if out, _ := ctl(t, beside, exitOK, "links"); !strings.Contains(out, "carrier") || !strings.Contains(out, "bound") {
		t.Errorf("links:\n%s", out)
	}
	if out, _ := ctl(t, []string{at}, exitOK, "routes"); !strings.Contains(out, "default") || !strings.Contains(out, "carrier:0") || strings.Contains(out, "degraded") {
		t.Errorf("routes:\n%s", out)
	}
	if _, why := ctl(t, append([]string{"OTPGW_ADMIN_TOKEN=a-wrong-token-of-some-length"}, at), exitFailed, "pause", "carrier"); !strings.Contains(why, "admin token") {
		t.Errorf("without the token: %s", why)
	}
	if out, _ := ctl(t, afar, exitOK, "drain", "carrier"); !strings.Contains(out, "bound, paused") {
		t.Errorf("drain:\n%s", out)
	}
	if out, _ := ctl(t, beside, exitOK, "routes"); !strings.Contains(out, "degraded") {
		t.Errorf("routes of a paused link:\n%s", out)
	}
	c := client(t)
	mustCall(t, c, "POST", p.HTTP+"/otp", `{"phoneNumber":"+46700000001"}`, 201)
	ctl(t, beside, exitFailed, "ready")
	arrived.mu.Lock()
	if arrived.all != 0 {
		t.Error("a paused link sends")
	}
	arrived.mu.Unlock()
	ctl(t, beside, exitOK, "resume", "carrier")
	arrived.wait(t, "46700000001")
	ctl(t, beside, exitOK, "ready")

	before := sim.Sessions()[0].ID
	binds := p.stderr.count(`"message":"bound"`)
	ctl(t, beside, exitOK, "rebind", "carrier")
	if !p.stderr.more(`"message":"bound"`, binds) || sim.Sessions()[0].ID == before {
		t.Errorf("rebind leaves session %s", before)
	}
	ctl(t, beside, exitOK, "loglevel", "debug")
	ctl(t, beside, exitOK, "reload")
	ctl(t, beside, exitFailed, "pause", "nobody")
	ctl(t, beside, exitUsage, "pause")
	ctl(t, beside, exitUsage, "frobnicate")
	if out, _ := ctl(t, beside, exitOK, "pprof", "goroutine"); len(out) == 0 {
		t.Error("an empty profile")
	}
	ctl(t, []string{at, "OTPGW_ADMIN_TOKEN=a-wrong-token-of-some-length"}, exitFailed, "pprof", "heap")
	if out, _ := ctl(t, beside, exitOK, "dead", "list", "app=shop"); strings.TrimSpace(out) != "[]" {
		t.Errorf("dead letters: %s", out)
	}
	for _, action := range []string{"POST /links/carrier/drain", "POST /links/carrier/resume", "POST /links/carrier/rebind", "POST /loglevel/debug", "POST /reload"} {
		if p.stderr.count(`"audit":"`+action+`"`) != 1 {
			t.Errorf("%s is not in the audit log once", action)
		}
	}
}
