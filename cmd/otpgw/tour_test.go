package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// demoEnv makes the demo take free ports and an empty store.
func demoEnv(t testing.TB) map[string]string {
	return map[string]string{
		"OTPGW_HTTP_ADDR": "127.0.0.1:0", "OTPGW_ADMIN_ADDR": "127.0.0.1:0", "OTPGW_DATA_DIR": t.TempDir(),
		"SMSCSIM_SMPP_ADDR": "127.0.0.1:0", "SMSCSIM_HTTP_ADDR": "127.0.0.1:0", "SMSCSIM_CALLBACK_ADDR": "127.0.0.1:0",
		"SMSCSIM_RECEIPT_DELAY": "10ms",
	}
}

// startDemoProcess runs otpgw -demo and returns the addresses it printed, by the names of its list.
func startDemoProcess(t testing.TB, more map[string]string) (*process, map[string]string) {
	t.Helper()
	e := demoEnv(t)
	for k, v := range more {
		e[k] = v
	}
	p := spawn(t, e, "-demo")
	if _, ok := p.stdout.find(func(s string) bool { return strings.Contains(s, "Ctrl-C") }); !ok {
		t.Fatalf("the demo did not get ready:\n%s\n%s", p.stdout, p.stderr)
	}
	at := make(map[string]string)
	for line := range strings.Lines(p.stdout.String()) {
		if f := strings.Fields(line); len(f) >= 2 && strings.HasPrefix(line, "  ") && !strings.HasPrefix(f[0], "curl") {
			at[f[0]] = f[len(f)-1]
		}
	}
	return p, at
}

// TestDemo is the whole way of a message: request, queue, SMPP, receipt, signed callback, PIN verified.
func TestDemo(t *testing.T) {
	t.Parallel()
	hook, err := standardwebhooks.NewWebhook("whsec_b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw==")
	if err != nil {
		t.Fatal(err)
	}
	received := make(chan json.RawMessage, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := hook.Verify(body, r.Header); err != nil {
			t.Errorf("signature: %v", err)
		}
		received <- body
	}))
	defer receiver.Close()
	d, at := startDemoProcess(t, map[string]string{
		"OTPGW_APP_DEMO_CALLBACK_URL":    receiver.URL,
		"OTPGW_APP_DEMO_CALLBACK_SECRET": "whsec_b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw==",
	})
	c := client(t)
	var o struct{ OtpID, Status, Language, Encoding string }
	created := demoCall(t, c, "POST", at["API"]+"/otp", `{"phoneNumber":"+359888123456"}`)
	if created.status != 201 {
		t.Fatalf("POST /otp: %d %s", created.status, created.body)
	}
	created.json(t, &o)
	if o.Status != "PENDING" || o.Language != "bg" || o.Encoding != "UCS2" {
		t.Errorf("created %s", created.body)
	}
	var sms struct{ Text, Code, From string }
	demoCall(t, c, "GET", at["simulator"]+"/api/v1/messages/wait?to=359888123456&timeout=10s", "").json(t, &sms)
	if len(sms.Code) != 6 || !strings.HasPrefix(sms.Text, "Вашият код") || sms.From != "Verify" {
		t.Fatalf("the SMS: %+v", sms)
	}
	wantCallback(t, received, "dlr_update", "DELIVERED", o.OtpID, sms.Code)
	if a := demoCall(t, c, "POST", at["API"]+"/otp/"+o.OtpID, `{"pin":"`+sms.Code+`"}`); a.status != 200 || !strings.Contains(string(a.body), "VERIFIED") {
		t.Fatalf("POST /otp/{id}: %d %s", a.status, a.body)
	}
	wantCallback(t, received, "otp_update", "VERIFIED", o.OtpID, sms.Code)
	if code := d.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

// demoCall is a request with the demo's key.
func demoCall(t testing.TB, c *http.Client, method, url, body string) answer {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-KEY", "demo-key")
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

func wantCallback(t *testing.T, received <-chan json.RawMessage, event, status, id, pin string) {
	t.Helper()
	select {
	case body := <-received:
		var cb struct {
			Event string
			Data  []struct{ OtpID, Status string }
		}
		if err := json.Unmarshal(body, &cb); err != nil {
			t.Fatal(err)
		}
		if cb.Event != event || len(cb.Data) != 1 || cb.Data[0].Status != status || cb.Data[0].OtpID != id {
			t.Errorf("callback %s, want %s %s", body, event, status)
		}
		if strings.Contains(string(body), pin) {
			t.Errorf("the callback holds the PIN: %s", body)
		}
	case <-time.After(testTimeout):
		t.Fatalf("no %s came", event)
	}
}

// TestReadmeTour runs the commands of the README's tour as they stand there, on the ports that the system
// gave.
func TestReadmeTour(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the tour needs %s: install it (Debian: apt-get install curl)", tool)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tour, ok := strings.Cut(string(readme), "<!-- tour: TestReadmeTour runs these commands -->")
	if !ok {
		t.Fatal("the README has no tour")
	}
	tour, _, _ = strings.Cut(tour, "<!-- end of the tour -->")
	d, at := startDemoProcess(t, nil)
	ports := strings.NewReplacer("http://127.0.0.1:8080", at["API"], "http://127.0.0.1:8775", at["simulator"], "http://127.0.0.1:8081/callbacks", at["callbacks"],
		"http://127.0.0.1:9090", strings.TrimSuffix(at["status"], "/"))
	values := make(map[string]string) // <otpId> and <pin>, as a reader copies them from one answer into the next command
	for _, block := range strings.Split(tour, "```sh\n")[1:] {
		command, rest, _ := strings.Cut(block, "```")
		for name, v := range values {
			command = strings.ReplaceAll(command, name, v)
		}
		out := runUntil(t, ports.Replace(command), wanted(rest))
		t.Logf("$ %s%s", command, out)
		var answer struct{ OtpID, Code string }
		_ = json.Unmarshal([]byte(out), &answer)
		if answer.OtpID != "" {
			values["$OTP_ID"] = answer.OtpID
		}
		if answer.Code != "" {
			values["$PIN"] = answer.Code
		}
	}
	if len(values) != 2 {
		t.Errorf("the tour showed %v, want an OTP and its PIN", values)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

// wanted are the words of the output shown behind a command that do not differ from run to run: what is
// between quotes and in capitals, such as "DELIVERED".
func wanted(shown string) []string {
	_, out, ok := strings.Cut(shown, "```json\n")
	if !ok {
		return nil
	}
	out, _, _ = strings.Cut(out, "```")
	return regexp.MustCompile(`"([A-Z_]{6,}|dlr_update|otp_update|valid)"`).FindAllString(out, -1)
}

// runUntil runs a command with sh until its output has the words: a callback may come a moment later.
func runUntil(t *testing.T, command string, words []string) string {
	t.Helper()
	var out []byte
	var err error
	if !await.Within(await.Patience, func() bool {
		out, err = exec.Command("sh", "-c", command).CombinedOutput()
		return err != nil || !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(string(out), w) })
	}) || err != nil {
		t.Fatalf("$ %s: %v\n%s\nthe README shows %v", command, err, out, words)
	}
	return string(out)
}
