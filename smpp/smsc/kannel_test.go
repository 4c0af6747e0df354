package smsc_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
)

// kannelConfig is a Kannel gateway with one SMSC link, which sends by HTTP, and reports receipts and messages
// from handsets by HTTP.
const kannelConfig = `
group = core
admin-port = %[1]d
admin-interface = 127.0.0.1
admin-password = admin
smsbox-port = %[2]d
smsbox-interface = 127.0.0.1
log-file = "%[6]s/bearerbox.log"
log-level = 0
dlr-storage = internal
box-allow-ip = 127.0.0.1

group = smsc
smsc = smpp
smsc-id = sim
host = 127.0.0.1
port = %[3]s
transceiver-mode = true
smsc-username = alice
smsc-password = secret
system-type = test
enquire-link-interval = 1
reconnect-delay = 1
source-addr-autodetect = true
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = %[2]d
sendsms-port = %[4]d
sendsms-interface = 127.0.0.1
log-file = "%[6]s/smsbox.log"
log-level = 0

group = sendsms-user
username = shop
password = shop
concatenation = true
max-messages = 10

group = sms-service
keyword = default
accept-x-kannel-headers = false
max-messages = 0
get-url = "%[5]s/mo?from=%%p&to=%%P&text=%%a"
`

// kannel is a running Kannel, and what it told over HTTP.
type kannel struct {
	t       *testing.T
	sendURL string
	appURL  string
	heard   chan *url.URL
}

// freePort is a port that was free a moment ago: Kannel takes no port 0.
func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// startKannel runs bearerbox and smsbox against the SMSC, until the test ends.
func startKannel(t *testing.T, srv *smsc.Server) *kannel {
	t.Helper()
	for _, program := range []string{"bearerbox", "smsbox"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s: install Debian's package kannel to test against it", program)
		}
	}
	k := &kannel{t: t, heard: make(chan *url.URL, 100)}
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { k.heard <- r.URL }))
	t.Cleanup(app.Close)
	k.appURL = app.URL
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(srv.Addr())
	send, admin := freePort(t), freePort(t)
	config := fmt.Sprintf(kannelConfig, admin, freePort(t), port, send, app.URL, dir)
	path := filepath.Join(dir, "kannel.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	k.sendURL = fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/sendsms", send)
	k.run(dir, "bearerbox", path)
	await.That(t, "bearerbox has bound", func() bool {
		for _, s := range srv.Sessions() {
			if s.Account == "alice" && s.Bind == smsc.Transceiver {
				return true
			}
		}
		return false
	})
	k.run(dir, "smsbox", path)
	// One that is asked before it has connected to bearerbox ends with a failed assertion.
	await.That(t, "smsbox has connected to bearerbox", func() bool {
		status, err := get(fmt.Sprintf("http://127.0.0.1:%d/status.txt?password=admin", admin))
		return err == nil && strings.Contains(status, "smsbox:")
	})
	return k
}

func get(url string) (string, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: esmetest.Patience}
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// run starts one of the two, and ends it with the test.
func (k *kannel) run(dir, program, config string) {
	k.t.Helper()
	cmd := exec.Command(program, "-v", "4", config)
	cmd.Dir = dir
	out, err := os.Create(filepath.Join(dir, program+".out"))
	if err != nil {
		k.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(esmetest.Patience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // how it ends is Kannel's matter
		timer.Stop()
		out.Close()
		if k.t.Failed() {
			b, _ := os.ReadFile(filepath.Join(dir, program+".log"))
			k.t.Logf("%s wrote\n%s", program, b[max(0, len(b)-6000):])
		}
	})
}

// send hands Kannel a message, again until its smsbox is ready.
func (k *kannel) send(to, text string) {
	k.t.Helper()
	q := url.Values{
		"username": {"shop"}, "password": {"shop"}, "from": {"Verify"}, "to": {to}, "text": {text}, "charset": {"UTF-8"},
		"dlr-mask": {"31"}, "dlr-url": {k.appURL + "/dlr?to=" + url.QueryEscape(to) + "&state=%d&reply=%A"},
	}
	if strings.Trim(text, " !\"#%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
		q.Set("coding", "2")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var answer string
	await.That(k.t, "Kannel takes the message", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), esmetest.Patience)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.sendURL+"?"+q.Encode(), nil)
		if err != nil {
			k.t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer = string(b)
		return resp.StatusCode == http.StatusAccepted
	})
	k.t.Logf("sendsms to %s: %s", to, answer)
}

// hears waits until Kannel told something with that path and those parameters.
func (k *kannel) hears(path string, want url.Values) {
	k.t.Helper()
	deadline := time.After(esmetest.Patience)
	for {
		select {
		case u := <-k.heard:
			got, ok := u.Query(), u.Path == path
			for name := range want {
				ok = ok && strings.TrimPrefix(got.Get(name), "+") == want.Get(name)
			}
			if ok {
				return
			}
		case <-deadline:
			k.t.Fatalf("Kannel never told %s %v", path, want)
		}
	}
}

// TestKannel: Debian's Kannel, which we did not write, binds, sends short, long and Cyrillic messages, gets
// their receipts, and a message from a handset.
func TestKannel(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Kannel: run without -short")
	}
	srv := esmetest.Start(t, smsc.Config{Accounts: map[string]string{"alice": "secret"}})
	k := startKannel(t, srv)
	const delivered, failed = "1", "2"
	for _, tt := range []struct{ to, text, state string }{
		{"491701234567", "Your code is 4711", delivered},
		{"359888123456", "Ваш код 4712", delivered},
		{"491701234568", strings.Repeat("a long one with the code 4713. ", 10), delivered},
		{"491700009001", "not delivered", failed},
		{"491700009018", "receipt by TLVs only", delivered},
		{"491700009012", "intermediate states", delivered},
	} {
		k.send(tt.to, tt.text)
		m := esmetest.Wait(t, srv, tt.to)
		if m.Text != tt.text || m.From != "Verify" || (len(m.Text) > 160) != (m.Parts > 1) {
			t.Errorf("%s: %q from %q in %d parts, want %q", tt.to, m.Text, m.From, m.Parts, tt.text)
		}
		k.hears("/dlr", url.Values{"to": {tt.to}, "state": {tt.state}})
	}
	for _, text := range []string{"STOP", strings.Repeat("a long answer ", 30)} {
		res, err := srv.InjectMO(esmetest.Patient(t), smsc.MO{From: "491701234567", To: "12345", Text: text})
		if err != nil || res.Status != smsc.ReceiptAnswered {
			t.Fatalf("%+v, %v", res, err)
		}
		if text == "STOP" {
			k.hears("/mo", url.Values{"from": {"491701234567"}, "to": {"12345"}, "text": {text}})
		}
	}
}
