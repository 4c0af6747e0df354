package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestDoNotSend: the operator's own list, by number and by prefix, of the store and of a file, holds for
// every application, for a resend, at each face and after a restart; taken off, a number gets messages again.
func TestDoNotSend(t *testing.T) {
	t.Parallel()
	s := startSMSC(t, smsc.Config{})
	file := filepath.Join(t.TempDir(), "never.txt")
	if err := os.WriteFile(file, []byte("# a test's\n+35988812*\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := env(t.TempDir(), s.Addr(), map[string]string{"OTPGW_DO_NOT_SEND": file, "OTPGW_APP_SHOP_SEND_LIMITS": "off", "OTPGW_APP_SHOP_RESEND_INTERVAL": "1s"})
	d := startBound(t, e)
	c := client(t)
	admin := func() []string {
		return []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(d.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}
	}
	denied := func(path, body string) {
		t.Helper()
		var a struct {
			Error struct {
				Code int
				Type string
			}
		}
		mustCall(t, c, "POST", d.HTTP+path, body, 403).json(t, &a)
		if a.Error.Code != 1016 || a.Error.Type != "access_denied" {
			t.Errorf("%s: %+v", path, a.Error)
		}
	}
	to := func(n string) string { return `{"phoneNumber":"` + n + `"}` }
	denied("/otp", to("+359888123456"))
	var o created
	mustCall(t, c, "POST", d.HTTP+"/otp", to("+46701234567"), 201).json(t, &o)
	waitSMS(t, s, "+46701234567")

	if out, _ := ctl(t, admin(), exitOK, "donotsend", "add", "+46 70 123 45 67"); !strings.Contains(out, "+46701234567") || !strings.Contains(out, "true") {
		t.Errorf("add: %s", out)
	}
	ctl(t, admin(), exitOK, "donotsend", "add", "+336*")
	denied("/otp", to("+46701234567"))
	denied("/otp", to("+46 (70) 123-45 67"))
	denied("/otp/"+o.OtpID+"/resend", "")
	denied("/otp", to("+33612345678"))
	mustCall(t, c, "POST", d.HTTP+"/otp", to("+46701234568"), 201)
	out, _ := ctl(t, admin(), exitOK, "donotsend", "list")
	for _, want := range []string{"+46701234567", "+336*", "+35988812*", `"file"`, `"store"`} {
		if !strings.Contains(out, want) {
			t.Errorf("the list lacks %s: %s", want, out)
		}
	}
	if _, err := ctl(t, admin(), exitFailed, "donotsend", "add", "nobody"); !strings.Contains(err, "+4670*") {
		t.Errorf("no remedy: %s", err)
	}
	if _, err := ctl(t, admin(), exitFailed, "donotsend", "remove", "+35988812*"); !strings.Contains(err, "file") {
		t.Errorf("an entry of the file: %s", err)
	}

	d.stop()
	d = startBound(t, e)
	denied("/otp", to("+46701234567"))
	ctl(t, admin(), exitOK, "donotsend", "remove", "+46701234567")
	mustCall(t, c, "POST", d.HTTP+"/otp", to("+46701234567"), 201)
	waitSMS(t, s, "+46701234567")

	if err := os.WriteFile(file, []byte("+46701234569\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the file is read again", func() bool {
		a, err := call(c, "POST", d.HTTP+"/otp", to("+46701234569"))
		return err == nil && a.status == 403
	})
	mustCall(t, c, "POST", d.HTTP+"/otp", to("+359888123456"), 201)
	if n := d.stderr.count("+46701234567"); n != 0 {
		t.Errorf("the number is %d times in the log", n)
	}
}
