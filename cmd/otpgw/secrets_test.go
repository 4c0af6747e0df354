package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// Secrets of the run that are long enough to be in nothing by chance.
const (
	secretAPIKey    = "shop-KQZXWVJYPFBMGH-apikey"
	secretClient    = "shop-TNRDLCUWXQZKVJ-secret"
	secretTestPIN   = "7391846205"
	secretOnceKey   = "once-YGHPVKXZQWJBFM-%d"
	searchedNumbers = 1000
)

// TestSecretsStaySecret: after a life of 1,000 OTPs with all that may be done to one, none of their PINs is
// in the data directory, the log, the metrics or a callback, nor an API key, a client's secret or a token;
// and no full number in the log at info. The PINs are ten letters or ten digits, for six digits come by
// chance.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	var callbacks bytes.Buffer
	var mu sync.Mutex
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		callbacks.Write(body)
	}))
	defer receiver.Close()
	sim := startSMSC(t, smsc.Config{})
	dir := t.TempDir()
	d := startDaemon(t, env(dir, sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_API_KEYS": secretAPIKey, "OTPGW_APP_SHOP_SECRET": secretClient, "OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL,
		"OTPGW_APP_SHOP_TEST_NUMBERS": "+46709999999:" + secretTestPIN, "OTPGW_APP_SHOP_RESEND_INTERVAL": "1s",
		"OTPGW_APP_SHOP_GUARD_PREFIX": "0", "OTPGW_APP_SHOP_WEBOTP_DOMAIN": "shop.example",
	}))
	h := &secretive{t: t, c: client(t), d: d, sim: sim}
	h.token = h.newToken()
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for n := w; n < searchedNumbers; n += 8 {
				h.live(n)
			}
		})
	}
	workers.Wait()
	if t.Failed() {
		t.FailNow()
	}
	metrics := mustCall(t, h.c, "GET", d.Admin+"/metrics", "", 200).body
	status := mustCall(t, h.c, "GET", d.Admin+"/links", "", 200).body
	running := read(t, dir)
	if code := d.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	log := []byte(d.stdout.String() + d.stderr.String())
	mu.Lock()
	defer mu.Unlock()
	places := map[string][]byte{"data directory": running, "data directory at the end": read(t, dir), "log": log, "metrics": metrics, "links": status, "callbacks": callbacks.Bytes()}
	// The search finds what is there.
	for place, wanted := range map[string]string{"data directory": h.ids[0], "data directory at the end": h.ids[0], "log": h.ids[0], "metrics": "otpgw_otp_guesses_evaluated_total", "callbacks": h.ids[0]} {
		if !bytes.Contains(places[place], []byte(wanted)) {
			t.Errorf("%s: nothing of what should be there, in %d bytes", place, len(places[place]))
		}
	}
	if len(h.pins) < searchedNumbers-1 {
		t.Fatalf("%d PINs known", len(h.pins))
	}
	for place, content := range places {
		for _, secret := range []string{secretAPIKey, secretClient, h.token, "once-YGHPVKXZQWJBFM"} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s has %s", place, secret)
			}
		}
		for _, run := range tenOrMore.FindAll(content, -1) {
			for i := range len(run) - 9 {
				if h.pins[string(run[i:i+10])] {
					t.Errorf("%s has a PIN", place)
				}
			}
		}
	}
	if number := regexp.MustCompile(`\b\+?4670[0-9]{7}\b`).Find(log); number != nil {
		t.Errorf("the log has the number %s", number)
	}
	t.Logf("%d PINs, %d bytes of data directory, %d of log, %d of metrics, %d of callbacks", len(h.pins), len(running), len(log), len(metrics), callbacks.Len())
}

var tenOrMore = regexp.MustCompile(`[A-Z]{10,}|[0-9]{10,}`)

// secretive lives the lives of OTPs.
type secretive struct {
	t     *testing.T
	c     *http.Client
	d     *process
	sim   *smsc.Server
	token string

	mu   sync.Mutex // guards the rest
	pins map[string]bool
	ids  []string
}

// do makes a request with the API key, or with the token.
func (h *secretive) do(method, path, body string, headers ...string) answer {
	req, err := http.NewRequest(method, h.d.HTTP+path, strings.NewReader(body))
	if err != nil {
		h.t.Error(err)
		return answer{}
	}
	req.Header.Set("X-API-KEY", secretAPIKey)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Authorization" {
			req.Header.Del("X-API-KEY")
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := h.c.Do(req)
	if err != nil {
		h.t.Error(err)
		return answer{}
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}
}

func (h *secretive) newToken() string {
	a := h.do("POST", "/oauth/token", "grant_type=client_credentials&client_id=shop&client_secret="+secretClient, "Content-Type", "application/x-www-form-urlencoded")
	var token struct {
		AccessToken string `json:"access_token"`
	}
	a.json(h.t, &token)
	if len(token.AccessToken) < 40 {
		h.t.Fatalf("%d %s", a.status, a.body)
	}
	return token.AccessToken
}

// live makes the nth OTP, and does with it what there is to do.
func (h *secretive) live(n int) {
	to, kind := number(n), []string{"letters", "numbers"}[n%2]
	if n == 0 {
		to = "+46709999999"
	}
	var headers []string
	if n%3 == 0 {
		headers = []string{"Authorization", "Bearer " + h.token, "Idempotency-Key", fmt.Sprintf(secretOnceKey, n)}
	}
	body := fmt.Sprintf(`{"phoneNumber":%q,"pinType":%q,"pinLength":10}`, to, kind)
	a := h.do("POST", "/otp", body, headers...)
	var o struct{ OtpID string }
	if a.status != 201 {
		h.t.Errorf("%d %s", a.status, a.body)
		return
	}
	a.json(h.t, &o)
	path := "/otp/" + o.OtpID
	pin := secretTestPIN
	if n != 0 {
		ctx, cancel := context.WithTimeout(h.t.Context(), testTimeout)
		defer cancel()
		m, err := h.sim.Wait(ctx, to)
		if err != nil {
			h.t.Error(err)
			return
		}
		pin = tenOrMore.FindString(m.Text)
	}
	h.mu.Lock()
	if h.pins == nil {
		h.pins = make(map[string]bool)
	}
	h.pins[pin] = true
	h.ids = append(h.ids, o.OtpID)
	h.mu.Unlock()
	switch n % 5 {
	case 0: // right
		h.do("POST", path, `{"pin":"`+pin+`"}`)
	case 1: // wrong, with most of it right, then right as a number or in lower case
		h.do("POST", path, `{"pin":"`+pin[:9]+`"}`)
		h.do("POST", path, `{"pin":"`+strings.ToLower(pin)+`"}`)
	case 2:
		h.do("DELETE", path, "")
	case 3: // too soon, most likely
		h.do("POST", path+"/resend", "")
		h.do("POST", path, `{"pin":"`+pin+`"`) // no JSON
	case 4:
		h.do("GET", path+"?pin="+pin, "")
		h.do("GET", "/otp/"+pin, "")
		h.do("POST", "/"+pin, pin)
		h.do("POST", "/otp", body, headers...)
	}
}

// read is all that is in a directory.
func read(t *testing.T, dir string) []byte {
	t.Helper()
	var all bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // it may be gone
		}
		if content, err := os.ReadFile(path); err == nil {
			all.Write(content)
			all.WriteByte(0)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.Bytes()
}
