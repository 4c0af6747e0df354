package main

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestSmscxClient is the proof that the API is wire-compatible: the published Python client of sms.cx works
// with another base URL and nothing else changed. It is installed into a directory of the test's own.
func TestSmscxClient(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("the published client is not tried: there is no python3 (Debian: apt-get install python3 python3-pip)")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	// urllib3 of this age, because the client calls what later ones no longer have.
	pip := exec.CommandContext(ctx, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "0", "--timeout", "10",
		"--target", dir, "smscx-client==0.1.13", "urllib3<2.6")
	if out, err := pip.CombinedOutput(); err != nil {
		t.Skipf("the published client is not tried: pip cannot install smscx-client (%v): %.300s", err, out)
	}
	sim := startSMSC(t, smsc.Config{SMPPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0"})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_SECRET": "shop-secret", "OTPGW_ROUTE_DEFAULT_PREFIXES": "46", "OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0",
	}))
	script := exec.CommandContext(ctx, "python3", "testdata/published.py", d.HTTP, "http://"+sim.HTTPAddr())
	script.Env = append(os.Environ(), "PYTHONPATH="+dir)
	out, err := script.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("%v", err)
	}
}
