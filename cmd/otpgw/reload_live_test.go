package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

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

// TestReloadRotatesSecrets: keys of a file, one a line, and what signs callbacks are changed in two reloads,
// and at no time is there one that its owner does not have.
func TestReloadRotatesSecrets(t *testing.T) {
	t.Parallel()
	const older, newer = "whsec_b2xkZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM=", "whsec_bmV3ZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM="
	type request struct {
		header http.Header
		body   []byte
	}
	requests := make(chan request, 64)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- request{r.Header, body}
	}))
	defer receiver.Close()
	keys := filepath.Join(t.TempDir(), "keys")
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(keys, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("the-older-key-of-the-shop")
	r := startReloadable(t, map[string]string{"OTPGW_APP_SHOP_API_KEYS": "", "OTPGW_APP_SHOP_API_KEYS_FILE": keys, "OTPGW_APP_SHOP_CALLBACK_SECRET": older,
		"OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL})
	c := client(t)
	n := 0
	post := func(key string) int {
		t.Helper()
		n++
		req, _ := http.NewRequest("POST", r.HTTP+"/otp", strings.NewReader(fmt.Sprintf(`{"phoneNumber":%q}`, number(n))))
		req.Header.Set("X-API-KEY", key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, step := range []struct {
		keys         []string
		secrets      string
		old, new     int // statuses of a POST with each key
		signs, never string
	}{
		{[]string{"the-older-key-of-the-shop"}, older, 201, 401, older, newer},
		{[]string{"the-newer-key-of-the-shop", "the-older-key-of-the-shop"}, newer + "," + older, 201, 201, newer, ""},
		{[]string{"the-newer-key-of-the-shop"}, newer, 401, 201, newer, older},
	} {
		write(step.keys...)
		r.reload(exitOK, map[string]string{"OTPGW_APP_SHOP_CALLBACK_SECRET": step.secrets})
		if old, fresh := post("the-older-key-of-the-shop"), post("the-newer-key-of-the-shop"); old != step.old || fresh != step.new {
			t.Errorf("with the keys %q: %d and %d, want %d and %d", step.keys, old, fresh, step.old, step.new)
		}
		accepted := 2
		if step.old == 401 || step.new == 401 {
			accepted = 1
		}
		for told := 0; told < accepted; { // a receipt's change for each, one request or two
			select {
			case q := <-requests:
				var body struct{ Data []json.RawMessage }
				if err := json.Unmarshal(q.body, &body); err != nil || len(body.Data) == 0 {
					t.Fatalf("callback %s: %v", q.body, err)
				}
				told += len(body.Data)
				if err := signedBy(step.signs, q.header, q.body); err != nil {
					t.Errorf("with %q a callback is not signed by a secret of now: %v", step.keys, err)
				}
				if step.never != "" && signedBy(step.never, q.header, q.body) == nil {
					t.Errorf("with %q a callback is signed by a secret that does not hold", step.keys)
				}
			case <-time.After(testTimeout):
				t.Fatal("no callback")
			}
		}
	}
}

func signedBy(secret string, header http.Header, body []byte) error {
	hook, err := webhooks.NewWebhook(secret)
	if err != nil {
		return err
	}
	return hook.Verify(body, header)
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
