package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestBackupAndRestore: a backup that is taken while the gateway works is restored elsewhere: a PIN that was
// sent before verifies there, a message that waited goes out once, and a request that comes again has its
// first answer. Without the secret key, into a store that is there, or from a file that is not whole nothing
// is restored.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	key := base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes"))
	dir, elsewhere := t.TempDir(), t.TempDir()
	file := filepath.Join(t.TempDir(), "otpgw.backup")
	vars := func(dir string) map[string]string {
		return env(dir, sim.Addr(), map[string]string{"OTPGW_SECRET_KEY": key})
	}
	p := startDaemon(t, vars(dir))
	at := func() []string {
		return []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}
	}
	c := client(t)
	order := func(n int) (id string) {
		t.Helper()
		var o struct{ OtpID string }
		mustCall(t, c, "POST", p.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(n)), 201).json(t, &o)
		return o.OtpID
	}
	sentBefore := order(1)
	m, err := sim.Wait(t.Context(), number(1))
	if err != nil {
		t.Fatal(err)
	}
	ctl(t, at(), exitOK, "pause", "carrier")
	waits := order(2)
	ctl(t, []string{at()[0], "OTPGW_ADMIN_TOKEN=a-wrong-token-of-some-length"}, exitFailed, "backup", file)
	ctl(t, at(), exitOK, "backup", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file of the backup: %v, %v", info, err)
	}
	after := order(3)
	p.Kill()

	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(whole, []byte(key)) {
		t.Error("the key is in the backup")
	}
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	restore := func(code int, reason, path string, change func(map[string]string)) {
		t.Helper()
		set := vars(elsewhere)
		if change != nil {
			change(set)
		}
		var environ []string
		for name, value := range set {
			environ = append(environ, name+"="+value)
		}
		var out, errs bytes.Buffer
		if got := run(context.Background(), []string{"restore", path}, environ, &out, &errs); got != code || !strings.Contains(errs.String(), reason) {
			t.Errorf("restore of %s: exit status %d, %s", path, got, &errs)
		}
	}
	restore(exitFailed, "secret key", file, func(set map[string]string) { delete(set, "OTPGW_SECRET_KEY") })
	restore(exitFailed, "key", file, func(set map[string]string) {
		set["OTPGW_SECRET_KEY"] = base64.StdEncoding.EncodeToString([]byte("another key of thirty-two bytes!"))
	})
	restore(exitFailed, "no whole backup", cut, nil)
	restore(exitOK, "", file, nil)
	restore(exitFailed, "has a store", file, nil)

	p = startDaemon(t, vars(elsewhere))
	mustCall(t, c, "POST", p.HTTP+"/otp/"+sentBefore, `{"pin":"`+m.Code+`"}`, 200)
	mustCall(t, c, "GET", p.HTTP+"/otp/"+after, "", 404)
	ctl(t, at(), exitOK, "resume", "carrier")
	second, err := sim.Wait(t.Context(), number(2))
	if err != nil {
		t.Fatal(err)
	}
	mustCall(t, c, "POST", p.HTTP+"/otp/"+waits, `{"pin":"`+second.Code+`"}`, 200)
	order(4)
	if _, err := sim.Wait(t.Context(), number(4)); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if got := len(sim.Messages(smsc.Filter{To: number(n + 1)})); got != 1 {
			t.Errorf("message %d went out %d times", n+1, got)
		}
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}
