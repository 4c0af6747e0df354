package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// reloadable is a daemon whose settings are in a file.
type reloadable struct {
	*process
	t     *testing.T
	path  string
	vars  map[string]string
	token string // that it takes at present
}

func startReloadable(t *testing.T, more map[string]string) *reloadable {
	dir := t.TempDir()
	r := &reloadable{t: t, path: filepath.Join(dir, "otpgw.conf"), token: testAdminToken,
		vars: env(filepath.Join(dir, "data"), startSMSC(t, smsc.Config{}).Addr(), more)}
	writeSettings(t, r.path, r.vars)
	r.process = startWithFile(t, r.path)
	return r
}

// reload writes what has changed, has it read, and returns what the daemon says of it.
func (r *reloadable) reload(status int, change map[string]string) string {
	r.t.Helper()
	for name, value := range change {
		r.vars[name] = value
	}
	writeSettings(r.t, r.path, r.vars)
	out, why := r.ctl(status, "reload")
	return out + why
}

func (r *reloadable) ctl(status int, args ...string) (out, why string) {
	r.t.Helper()
	return ctl(r.t, []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(r.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + r.token}, status, args...)
}

// TestReloadOfTheDaemonsOwn: where callbacks may go and how long they may take, records for billing, how much
// memory there is, how long an OTP is known and the operator's token change while the daemon works. What
// cannot is named with the reason.
func TestReloadOfTheDaemonsOwn(t *testing.T) {
	t.Parallel()
	hung := make(chan time.Duration, 16)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the caller hangs up
		began := time.Now()
		<-r.Context().Done()
		hung <- time.Since(began)
	}))
	defer receiver.Close()
	r := startReloadable(t, map[string]string{"OTPGW_CALLBACK_ALLOW": "", "OTPGW_CALLBACK_TIMEOUT": "30s"})
	c := client(t)
	body := fmt.Sprintf(`{"phoneNumber":"+46701234567","otpCallbackUrl":%q}`, receiver.URL)
	mustCall(t, c, "POST", r.HTTP+"/otp", body, 400) // a private address

	billed := t.TempDir()
	said := r.reload(exitOK, map[string]string{"OTPGW_CALLBACK_ALLOW": "127.0.0.0/8", "OTPGW_CALLBACK_TIMEOUT": "1s",
		"OTPGW_CDR_DIR": billed, "OTPGW_CDR_ROTATE": "1s", "OTPGW_CDR_NUMBERS": "masked", "OTPGW_RETENTION": "7m",
		"OTPGW_MEMORY": "1000", "OTPGW_LOG_FORMAT": "console"})
	if !strings.Contains(said, "OTPGW_LOG_FORMAT: the log is in one form from the start on") {
		t.Errorf("a reload says of what it cannot change only %s", said)
	}
	var o created
	mustCall(t, c, "POST", r.HTTP+"/otp", body, 201).json(t, &o)
	select {
	case took := <-hung:
		if took > 15*time.Second {
			t.Errorf("a receiver had %v, and 1 s is allowed", took)
		}
	case <-time.After(testTimeout):
		t.Error("a receiver without an answer is waited for")
	}
	if !await.Within(testTimeout, func() bool { return len(linesOf(t, billed)) > 0 }) {
		t.Error("there are no records for billing where the new ones are to be")
	}
	for _, line := range linesOf(t, billed) {
		if strings.Contains(line, "46701234567") {
			t.Errorf("a number that is to be masked: %s", line)
		}
	}
	if m := string(mustCall(t, c, "GET", r.Admin+"/metrics", "", 200).body); !strings.Contains(m, "otpgw_state_max_bytes 8.8080384e+08\n") {
		t.Error("the bound that 1000 MiB make is not in force")
	}
	if _, why := r.ctl(exitFailed, "otp", "00000000-0000-4000-8000-000000000000"); !strings.Contains(why, "7m0s") {
		t.Errorf("an OTP is known for 7 minutes, and not: %s", why)
	}

	r.reload(exitOK, map[string]string{"OTPGW_ADMIN_TOKEN": "another-token-of-the-operator"})
	r.ctl(exitFailed, "reload")
	r.token = "another-token-of-the-operator"
	r.ctl(exitOK, "reload")
	r.reload(exitOK, map[string]string{"OTPGW_CALLBACK_ALLOW": ""})
	mustCall(t, c, "POST", r.HTTP+"/otp", strings.Replace(body, "4567", "4568", 1), 400)
}

// linesOf are those of the complete files in a directory.
func linesOf(t *testing.T, dir string) (lines []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(strings.TrimSpace(string(text)), "\n")...)
	}
	return lines
}
