package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestSchemathesis lets a tester that is not ours judge the daemon by the document it serves. It takes
// minutes, so only make conformance runs it. What the document cannot say, such as which phone numbers are
// valid, is not among the checks.
func TestSchemathesis(t *testing.T) {
	if os.Getenv("OTPGW_TEST_REQUESTS") == "" {
		t.Skip("takes minutes: make conformance runs it")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("schemathesis is not tried: there is no python3 (Debian: apt-get install python3 python3-venv)")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "python3", "-m", "venv", dir).CombinedOutput(); err != nil {
		t.Skipf("schemathesis is not tried: no virtual environment (%v): %.300s", err, out)
	}
	pip := exec.CommandContext(ctx, filepath.Join(dir, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "schemathesis==4.32.5")
	if out, err := pip.CombinedOutput(); err != nil {
		t.Skipf("schemathesis is not tried: pip cannot install it (%v): %.300s", err, out)
	}
	sim := startSMSC(t, smsc.Config{SMPPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0"})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_SECRET": "shop-secret", "OTPGW_APP_SHOP_SEND_LIMITS": "off", "OTPGW_APP_SHOP_TRY_LIMITS": "off", "OTPGW_AUTH_FAILURES": "0",
		"OTPGW_APP_SHOP_TEST_NUMBERS": "+46700000001:154432",
	}))
	run := exec.CommandContext(ctx, filepath.Join(dir, "bin", "schemathesis"), "run", d.HTTP+"/openapi.yaml",
		"--header", "X-API-KEY: key", "--auth", "shop:shop-secret", "--max-examples", "300", "--continue-on-failure", "--no-color",
		"--phases", "examples,coverage,fuzzing,stateful", "--warnings", "off",
		"--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,ignored_auth")
	run.Dir = dir
	out, err := run.CombinedOutput()
	if len(out) > 20000 {
		out = out[len(out)-20000:]
	}
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("schemathesis: %v", err)
	}
}
