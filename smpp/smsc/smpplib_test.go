package smsc_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
)

// TestPythonClient runs testdata/client.py, which binds with smpplib: a client that we did not write.
func TestPythonClient(t *testing.T) {
	python, dir := smpplib(t)
	srv := esmetest.Start(t, smsc.Config{Accounts: map[string]string{"alice": "secret"}})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	host, port, _ := strings.Cut(srv.Addr(), ":")
	cmd := exec.CommandContext(ctx, python, filepath.Join("testdata", "client.py"), host, port)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	m := esmetest.Wait(t, srv, "491701234567")
	if m.Code != "4711" || m.Parts != 1 || m.Account != "alice" {
		t.Errorf("got %+v", m)
	}
	long := esmetest.Wait(t, srv, "491701234567")
	if long.Text != strings.Repeat("Ваш код 4711. ", 20) || long.Parts < 2 {
		t.Errorf("got %q in %d parts", long.Text, long.Parts)
	}
	for _, id := range append(m.MessageIDs, long.MessageIDs...) {
		if !regexp.MustCompile(`(?m)^receipt id:` + id + ` sub:001 .* stat:DELIVRD `).Match(out) {
			t.Errorf("the client has no receipt for %s in\n%s", id, out)
		}
	}
}

// smpplib installs smpplib where the test run ends with it; the test is skipped where that cannot be done.
func smpplib(t *testing.T) (python, dir string) {
	t.Helper()
	if testing.Short() {
		t.Skip("installs a Python package: run without -short")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3: install it to test against smpplib")
	}
	dir = t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pip := exec.CommandContext(ctx, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"--no-compile", "--retries", "0", "--timeout", "5", "--target", dir, "smpplib==2.2.4")
	if out, err := pip.CombinedOutput(); err != nil {
		t.Skipf("pip cannot install smpplib (%v): make a Python package registry reachable to test against it\n%s", err, out)
	}
	return python, dir
}
