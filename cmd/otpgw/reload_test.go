package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// writeSettings writes a file of settings for -config.
func writeSettings(t *testing.T, path string, vars map[string]string) {
	t.Helper()
	var text strings.Builder
	for name, value := range vars {
		fmt.Fprintf(&text, "%s='%s'\n", name, value)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startWithFile starts a daemon whose settings are all in a file.
func startWithFile(t *testing.T, path string) *process {
	t.Helper()
	return awaitReady(t, spawn(t, nil, "-config", path))
}

// TestReload: under load a second link, a key and a text come with SIGHUP; the bind that did not change is
// not dropped and no OTP is lost. A file that is wrong changes nothing and says why. What is taken out
// unbinds.
func TestReload(t *testing.T) {
	t.Parallel()
	arrived := newTally()
	submitted := func(s smsc.SubmitInfo) smsc.Outcome { arrived.add(s.To); return smsc.Outcome{} }
	first, second := startSMSC(t, smsc.Config{OnSubmit: submitted}), startSMSC(t, smsc.Config{OnSubmit: submitted})
	dir := t.TempDir()
	path := filepath.Join(dir, "otpgw.conf")
	vars := env(filepath.Join(dir, "data"), first.Addr(), nil)
	writeSettings(t, path, vars)
	p := startWithFile(t, path)
	reload := func(says string) {
		t.Helper()
		seen := p.stderr.count(says)
		if err := p.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if !p.stderr.more(says, seen) {
			t.Fatalf("no line %q:\n%s", says, p.stderr.tail())
		}
	}
	sessions := func() []string {
		var ids []string
		for _, s := range first.Sessions() {
			ids = append(ids, s.ID)
		}
		return ids
	}
	if !p.stderr.more(`"link":"carrier","bind":"transceiver 1"`, 0) {
		t.Fatal("the link does not bind")
	}
	before := sessions()
	c := client(t)
	var accepted atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			a, err := call(c, "POST", p.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(n)))
			if err != nil || a.status != http.StatusCreated {
				t.Errorf("POST under reload: %d, %v: %s", a.status, err, a.body)
				return
			}
			accepted.Add(1)
		}
	}()

	vars["OTPGW_LINKS"] = "carrier,spare"
	vars["OTPGW_LINK_SPARE_ADDR"], vars["OTPGW_LINK_SPARE_SYSTEM_ID"] = second.Addr(), "spare"
	vars["OTPGW_APP_SHOP_API_KEYS"] = "key,another-key-of-the-application"
	vars["OTPGW_APP_SHOP_TEMPLATE"] = "New text {{pin}}"
	writeSettings(t, path, vars)
	reload("configuration reloaded")
	if !p.stderr.more(`"link":"spare","bind":"transceiver 1"`, 0) {
		t.Fatal("the new link does not bind")
	}
	req, _ := http.NewRequest("POST", p.HTTP+"/otp", strings.NewReader(`{"phoneNumber":"+46709999999"}`))
	req.Header.Set("X-API-KEY", "another-key-of-the-application")
	resp, err := c.Do(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("the new key: %v, %v", resp, err)
	}
	resp.Body.Close()

	vars["OTPGW_APP_SHOP_TTL"] = "9"
	writeSettings(t, path, vars)
	reload("configuration not reloaded, nothing has changed")
	if p.stderr.count("OTPGW_APP_SHOP_TTL") == 0 {
		t.Error("what is wrong is not said")
	}
	delete(vars, "OTPGW_APP_SHOP_TTL")
	vars["OTPGW_HTTP_ADDR"], vars["OTPGW_LINKS"] = "127.0.0.1:1", "carrier"
	writeSettings(t, path, vars)
	reload("configuration reloaded")
	if p.stderr.count("OTPGW_HTTP_ADDR") == 0 {
		t.Error("a setting that needs a restart is not told of")
	}
	close(stop)
	<-stopped
	if got := sessions(); !slices.Equal(got, before) {
		t.Errorf("the binds were %v and are %v", before, got)
	}
	for n := range int(accepted.Load()) {
		arrived.wait(t, strings.TrimPrefix(number(n), "+"))
	}
	arrived.wait(t, "46709999999")
	if code := p.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	fresh := 0
	for _, m := range slices.Concat(first.Messages(smsc.Filter{}), second.Messages(smsc.Filter{})) {
		if strings.HasPrefix(m.Text, "New text ") {
			fresh++
		}
	}
	if fresh == 0 || len(second.Sessions()) != 0 {
		t.Errorf("%d messages have the new text; sessions of the link taken out: %v", fresh, second.Sessions())
	}
}
