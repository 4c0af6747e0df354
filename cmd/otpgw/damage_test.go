package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestDamagedStore: the log's folder is gone from the store of 20 accepted OTPs. `otpgw check -store` says
// so, and so do the log and the metrics of the next start, which works on; after a mere kill -9 nothing of
// the kind is said, and no line of the log is a warning.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	dir := t.TempDir()
	vars := env(dir, sim.Addr(), map[string]string{"OTPGW_APP_SHOP_API_KEYS": "key-of-the-test-that-is-long-enough", "OTPGW_APP_SHOP_GUARD": "off",
		"OTPGW_STORE_SIZE": "1024"}) // MiB: a small disk would be a warning
	d := startDaemon(t, vars)
	c := client(t)
	post := func(n int) {
		t.Helper()
		a, err := callAs(c, vars["OTPGW_APP_SHOP_API_KEYS"], "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(n)))
		if err != nil || a.status != http.StatusCreated {
			t.Fatalf("POST /otp: %v, %d %s", err, a.status, a.body)
		}
	}
	for n := range 20 {
		post(n)
		waitSMS(t, sim, number(n))
	}
	d.Kill()
	if code, out := checkStoreOf(vars); code != exitOK || !strings.Contains(out, "nothing is missing") {
		t.Errorf("check -store after a kill -9: %d\n%s", code, out)
	}
	d = startDaemon(t, vars)
	if n := d.stderr.count(`"level":"warn"`) + d.stderr.count(`"level":"error"`); n > 0 {
		t.Errorf("%d warnings at a start after a mere kill -9:\n%s", n, d.stderr)
	}
	d.Kill()
	if err := os.RemoveAll(filepath.Join(dir, "nats", "jetstream", "$G", "streams", "LOG")); err != nil {
		t.Fatal(err)
	}
	if code, out := checkStoreOf(vars); code != exitFailed || !strings.Contains(out, "messages of the log") || strings.Contains(out, " 0 messages of the log") {
		t.Errorf("check -store of a damaged store: %d\n%s", code, out)
	}
	d = startDaemon(t, vars)
	if d.stderr.count("the store is damaged") != 1 {
		t.Errorf("the log does not say that the store is damaged:\n%s", d.stderr)
	}
	metrics := string(mustCall(t, c, "GET", d.Admin+"/metrics", "", 200).body)
	if !strings.Contains(metrics, "otpgw_store_lost_messages ") || strings.Contains(metrics, "otpgw_store_lost_messages 0\n") {
		t.Error("no metric of what is missing")
	}
	post(100)
	waitSMS(t, sim, number(100))
}

// checkStoreOf is otpgw check -store.
func checkStoreOf(vars map[string]string) (code int, out string) {
	var environ []string
	for name, value := range vars {
		environ = append(environ, name+"="+value)
	}
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), []string{"check", "-store"}, environ, &stdout, &stderr)
	return code, stdout.String() + stderr.String()
}
