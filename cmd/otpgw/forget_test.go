package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestForget: an erasure takes a number out of everything that the store has: records, messages that wait,
// carriers' ids, counted references, parked receipts, callbacks and dead letters that tell of it, limits,
// answers that may come again. What tells of another number stays, and so does an opt-out.
func TestForget(t *testing.T) {
	t.Parallel()
	const gone, stays = "+46700000001", "+46700000002"
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusGone)
	}))
	defer receiver.Close()
	sim := startSMSC(t, smsc.Config{})
	dir := t.TempDir()
	p := startDaemon(t, env(dir, sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL, "OTPGW_APP_SHOP_SEND_LIMITS": "3/1h",
		"OTPGW_ROUTES": "default,held", "OTPGW_ROUTE_DEFAULT_LINKS": "carrier", "OTPGW_ROUTE_HELD_PREFIXES": "359", "OTPGW_ROUTE_HELD_LINKS": "down",
		"OTPGW_LINKS": "carrier,down", "OTPGW_LINK_DOWN_ADDR": "127.0.0.1:1", "OTPGW_LINK_DOWN_SYSTEM_ID": "x",
	}))
	op := port{t, p.Admin}
	c := client(t)
	at := []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}
	order := func(to, key string) answer {
		t.Helper()
		req, _ := http.NewRequest("POST", p.HTTP+"/otp", strings.NewReader(fmt.Sprintf(`{"phoneNumber":%q}`, to)))
		req.Header.Set("X-API-KEY", "key")
		req.Header.Set("Idempotency-Key", key)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return answer{resp.StatusCode, resp.Header, body}
	}
	var ids []string
	for i, to := range []string{gone, stays, gone, stays} {
		var o struct{ OtpID string }
		order(to, fmt.Sprint(i)).json(t, &o)
		mustCall(t, c, "DELETE", p.HTTP+"/otp/"+o.OtpID, "", 200)
		ids = append(ids, o.OtpID)
	}
	for _, to := range []string{gone, stays} { // of two parts: the references of a number's messages are counted
		var out bytes.Buffer
		if code := run(t.Context(), []string{"send", "-to", to, "-text", strings.Repeat("long ", 40), "-wait", "0"}, at, &out, &out); code != exitOK {
			t.Fatalf("send: %s", &out)
		}
	}
	const waiting = "+359888000001"
	var held struct{ OtpID string }
	order(waiting, "held").json(t, &held)
	ctl(t, at, exitOK, "optout", "shop", gone)
	of := func(id string) (letters []operator.DeadLetter) {
		op.do("GET", "/dlq?otp="+id, "", &letters)
		return letters
	}
	await.That(t, "each OTP's callbacks are dead letters", func() bool {
		for _, id := range ids {
			if len(of(id)) == 0 {
				return false
			}
		}
		return true
	})

	for _, n := range []string{gone, waiting} {
		ctl(t, at, exitOK, "forget", n)
	}
	out, _ := ctl(t, at, exitOK, "forget", gone)
	if !strings.Contains(out, `"otps": 0`) {
		t.Errorf("asked again there is something left:\n%s", out)
	}
	ctl(t, at, exitFailed, "forget", "12")
	for i, id := range ids {
		status := map[bool]int{true: 404, false: 200}[i%2 == 0]
		mustCall(t, c, "GET", p.HTTP+"/otp/"+id, "", status)
		if n := len(of(id)); (n == 0) != (i%2 == 0) {
			t.Errorf("OTP %d has %d dead letters", i, n)
		}
	}
	mustCall(t, c, "GET", p.HTTP+"/otp/"+held.OtpID, "", 404)
	for n, want := range map[string]int{gone: 0, stays: 2, waiting: 0} {
		var page struct{ Data []struct{} }
		mustCall(t, c, "GET", p.HTTP+"/otp?phoneNumber="+url.QueryEscape(n), "", 200).json(t, &page)
		if len(page.Data) != want {
			t.Errorf("%d OTPs of %s are found, want %d", len(page.Data), n, want)
		}
	}
	var routes []operator.RouteState
	op.do("GET", "/routes", "", &routes)
	for _, r := range routes {
		if r.Waiting != 0 || r.InFlight != 0 {
			t.Errorf("route %s: %d messages wait", r.Route, r.Waiting)
		}
	}
	if again := order(gone, "0"); again.status != 403 || !bytes.Contains(again.body, []byte("STOP")) {
		t.Errorf("a request of before is %d %s; it is to be a new one, to a number that is opted out", again.status, again.body)
	}
	if !p.stderr.more("snapshot of the log written", 1) {
		t.Fatal("the log is not written anew")
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	searchStore(t, dir, []string{gone, waiting}, stays)
	if n := queuetest.Open(t, queuetest.Dir(dir)).References().Len(); n != 1 {
		t.Errorf("the references of %d numbers are counted, want those of %s", n, stays)
	}
}

// searchStore looks through the files of the store.
func searchStore(t *testing.T, dir string, gone []string, stays string) {
	t.Helper()
	found := make(map[string]int)
	err := filepath.WalkDir(filepath.Join(dir, "nats"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, n := range append([]string{stays}, gone...) {
			if k := bytes.Count(content, []byte(n)); k > 0 {
				found[n] += k
				t.Logf("%s %d times in %s", n, k, path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range gone {
		if found[n] > 0 {
			t.Errorf("%s is in the files of the store %d times", n, found[n])
		}
	}
}
