package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/internal/processtest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// olderCommit is the last version that kept each kind of thing in a stream of its own.
const olderCommit = "4617ff1"

// buildOlder builds the daemon of a version from the history of this repository.
func buildOlder(t *testing.T, commit string) (program string) {
	t.Helper()
	if err := exec.Command("git", "cat-file", "-e", commit+"^{commit}").Run(); err != nil {
		t.Skipf("the history of this repository, with the commit %s, is not here: clone the whole of it", commit)
	}
	dir := t.TempDir()
	root, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, program := filepath.Join(dir, "source"), filepath.Join(dir, "otpgw")
	if err := os.Mkdir(source, 0o700); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "source.tar")
	for _, command := range [][]string{
		{"git", "-C", strings.TrimSpace(string(root)), "archive", "-o", archive, commit},
		{"tar", "-xf", archive, "-C", source},
		{"go", "build", "-C", source, "-o", program, "./cmd/otpgw"},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%s: %v\n%s\nthe modules of that version may not be here: go mod download", strings.Join(command, " "), err, out)
		}
	}
	return program
}

// TestOlderStoreMoves: a store of the last version without a log is refused while messages wait in it, with
// what to do; drained as that says, it is taken over: who has a PIN can verify it, and what has ended is
// known.
func TestOlderStoreMoves(t *testing.T) {
	t.Parallel()
	program := buildOlder(t, olderCommit)
	const waiting = "+46700000009" // its message is refused until the store is drained
	codes := make(chan [2]string, 10)
	var drained atomic.Bool
	sim := startSMSC(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		if strings.TrimPrefix(waiting, "+") == strings.TrimPrefix(s.To, "+") && !drained.Load() {
			return smsc.Outcome{Status: wire.StatusThrottled}
		}
		codes <- [2]string{"+" + strings.TrimPrefix(s.To, "+"), regexp.MustCompile(`\d{4,8}`).FindString(s.Text)}
		return smsc.Outcome{Status: wire.StatusOK, NoReceipt: true} // one that came at the end would wait in the store
	}})
	vars := env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_SECRET_KEY": "b3RwZ3cgdGVzdHMnIGtleSBvZiB0aGlydHktdHdvIDE="})
	old := func() *processtest.Daemon {
		d, err := processtest.StartDaemon(t, program, vars, nil, testTimeout)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	c := client(t)
	ids, pins := make(map[string]string), make(map[string]string)
	create := func(base, to string) {
		var o struct{ OtpID string }
		mustCall(t, c, "POST", base+"/otp", `{"phoneNumber":"`+to+`"}`, http.StatusCreated).json(t, &o)
		ids[to] = o.OtpID
	}
	code := func() {
		t.Helper()
		select {
		case got := <-codes:
			pins[got[0]] = got[1]
		case <-time.After(testTimeout):
			t.Fatal("no message came")
		}
	}
	verify := func(base, to string, status int) {
		t.Helper()
		mustCall(t, c, "POST", base+"/otp/"+ids[to], `{"pin":"`+pins[to]+`"}`, status)
	}
	first := old()
	for _, to := range []string{number(1), number(2)} {
		create(first.HTTP, to)
		code()
	}
	verify(first.HTTP, number(2), http.StatusOK)
	create(first.HTTP, waiting)
	if status := first.Terminate(testTimeout); status != 0 {
		t.Fatalf("exit status %d", status)
	}

	refused := spawn(t, vars)
	select {
	case <-refused.Exited():
	case <-time.After(testTimeout):
		t.Fatal("a store with messages that wait was not refused")
	}
	if log := refused.stderr.String(); refused.State().ExitCode() == 0 || !strings.Contains(log, "1 in SMS") || !strings.Contains(log, "OTPGW_HTTP_ADDR") {
		t.Fatalf("status %d: %s", refused.State().ExitCode(), log)
	}

	drained.Store(true)
	second := old()
	code()
	awaitDrained(t, c, second.Admin)
	if status := second.Terminate(testTimeout); status != 0 {
		t.Fatalf("exit status %d", status)
	}

	for range 2 { // and it stays
		d := startDaemon(t, vars)
		var o struct{ Status string }
		mustCall(t, c, "GET", d.HTTP+"/otp/"+ids[number(2)], "", http.StatusOK).json(t, &o)
		if o.Status != "VERIFIED" {
			t.Errorf("an OTP that was verified is %s", o.Status)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("exit status %d", code)
		}
	}
	d := startDaemon(t, vars)
	verify(d.HTTP, number(1), http.StatusOK)
	verify(d.HTTP, waiting, http.StatusOK)
}

// awaitDrained waits until an older daemon's store has no message and no callback, as its operator would.
func awaitDrained(t *testing.T, c *http.Client, admin string) {
	t.Helper()
	some := regexp.MustCompile(`(?m)^otpgw_store_messages\{stream="(SMS|EVENTS|PARKED)"\} ([2-9]|\d{2,})`)
	await.That(t, "the older daemon's store is drained", func() bool {
		a, err := call(c, "GET", admin+"/metrics", "")
		return err == nil && a.status == http.StatusOK && !some.Match(a.body)
	})
}
