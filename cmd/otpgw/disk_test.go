package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// ownMounts names the variable that tells a test that it runs in a mount namespace of its own.
const ownMounts = "OTPGW_TEST_OWN_MOUNTS"

// inOwnMounts runs the calling test again in a mount namespace of its own, where it may mount what nobody
// else sees; it returns true there. The outer one passes when the inner one does.
func inOwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownMounts) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("mounts a small disk, which only root may: run go test as root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), ownMounts+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) {
		t.Skip("mounts a small disk, which this container may not: run go test where unshare(2) is allowed")
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return false
}

// smallDisk mounts a disk of some MiB.
func smallDisk(t *testing.T, mib int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("otpgw-test", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill writes a file that leaves so many octets free.
func fill(t *testing.T, dir string, leave int64) (remove func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for {
		var s unix.Statfs_t
		if err := unix.Statfs(dir, &s); err != nil {
			t.Fatal(err)
		}
		room := int64(s.Bavail)*int64(s.Bsize) - leave
		if room <= 0 {
			break
		}
		if _, err := f.Write(block[:min(int64(len(block)), room)]); errors.Is(err, unix.ENOSPC) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() { _ = os.Remove(name) }
}

// fullDisk is a gateway on a small disk that somebody else fills.
type fullDisk struct {
	t        *testing.T
	c        *http.Client
	sim      *smsc.Server
	vars     map[string]string
	d        *process
	dir      string
	n        int
	accepted []accepted
}

type accepted struct{ id, to, code string }

// diskWindow is the link's: as many messages may be with the carrier when the write of that fails, and so be
// sent again.
const diskWindow = 5

// promptly is what an answer of a gateway without a store may take on a busy machine; it is to be 2 s.
const promptly = 5 * time.Second

func newFullDisk(t *testing.T) *fullDisk {
	f := &fullDisk{t: t, c: hasty(t), sim: startSMSC(t, smsc.Config{}), dir: smallDisk(t, 100)}
	f.c.Timeout = promptly
	f.vars = env(filepath.Join(f.dir, "data"), f.sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_SEND_LIMITS": "off", "OTPGW_LINK_CARRIER_WINDOW": fmt.Sprint(diskWindow)})
	f.d = startDaemon(t, f.vars)
	for range 20 {
		if a := f.post(); a.status != http.StatusCreated {
			t.Fatalf("POST before: %d %s", a.status, a.body)
		}
	}
	f.arrive()
	return f
}

// arrive waits until the carrier has all that was accepted.
func (f *fullDisk) arrive() {
	f.t.Helper()
	for i := range f.accepted {
		if o := &f.accepted[i]; o.code == "" {
			o.code = waitSMS(f.t, f.sim, o.to).Code
		}
	}
}

// guess tries to verify the first OTP.
func (f *fullDisk) guess(pin string) answer {
	f.t.Helper()
	a, err := call(f.c, "POST", f.d.HTTP+"/otp/"+f.accepted[0].id, `{"pin":"`+pin+`"}`)
	if err != nil {
		f.t.Fatalf("a guess: %v", err)
	}
	if a.status >= 500 && (a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "") {
		f.t.Errorf("a guess: %d %s", a.status, a.body)
	}
	return a
}

// post asks for an OTP; each answer has to come in time.
func (f *fullDisk) post() answer {
	f.t.Helper()
	f.n++
	to := number(f.n)
	a, err := call(f.c, "POST", f.d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q,"ttl":1800}`, to))
	if err != nil {
		f.t.Fatalf("POST: %v", err)
	}
	switch a.status {
	case http.StatusCreated:
		var o created
		a.json(f.t, &o)
		f.accepted = append(f.accepted, accepted{id: o.OtpID, to: to})
	case http.StatusServiceUnavailable:
		if a.header.Get("Retry-After") == "" {
			f.t.Errorf("503 without Retry-After")
		}
	default:
		f.t.Errorf("POST: %d %s", a.status, a.body)
	}
	return a
}

// refuses posts until it is refused, and on for a while: then nothing is accepted.
func (f *fullDisk) refuses() {
	f.t.Helper()
	deadline := time.Now().Add(promptly)
	for f.post().status == http.StatusCreated {
		if time.Now().After(deadline) {
			f.t.Fatalf("accepted %s after the disk was full", promptly)
		}
	}
	for range 20 {
		if f.post().status == http.StatusCreated {
			f.t.Fatal("accepted, after it was refused")
		}
	}
	var r struct{ Store string }
	a, err := call(f.c, "GET", f.d.Admin+"/readyz", "")
	if err != nil {
		f.t.Fatal(err)
	}
	a.json(f.t, &r)
	if a.status != http.StatusServiceUnavailable || !strings.Contains(r.Store, "disk of "+f.dir) {
		f.t.Errorf("readyz: %d %q, which should say what is wrong with the disk", a.status, r.Store)
	}
	if f.d.stderr.count("disk of "+f.dir) == 0 {
		f.t.Error("nothing in the log about the disk")
	}
}

// keeps sees that all that was accepted is known, and with the carrier.
func (f *fullDisk) keeps() {
	f.t.Helper()
	f.c.Timeout = testTimeout
	for _, o := range f.accepted {
		mustCall(f.t, f.c, "GET", f.d.HTTP+"/otp/"+o.id, "", http.StatusOK)
	}
	if a := f.post(); a.status != http.StatusCreated {
		f.t.Errorf("POST after there is space: %d %s", a.status, a.body)
	}
	f.arrive()
	last := f.accepted[len(f.accepted)-1]
	mustCall(f.t, f.c, "POST", f.d.HTTP+"/otp/"+last.id, `{"pin":"`+last.code+`"}`, http.StatusOK)
	copies := 0
	for _, o := range f.accepted {
		copies += len(f.sim.Messages(smsc.Filter{To: o.to})) - 1
	}
	if copies > diskWindow {
		f.t.Errorf("%d messages were sent twice, the window is %d", copies, diskWindow)
	}
}

// ready waits until the gateway is, in this process or, where that ended with its status for that, in the
// next.
func (f *fullDisk) ready() (again bool) {
	f.t.Helper()
	deadline := time.Now().Add(testTimeout)
	for time.Now().Before(deadline) {
		select {
		case <-f.d.Exited():
			if code := f.d.State().ExitCode(); code != exitAgain {
				f.t.Fatalf("the daemon ended with status %d, want %d", code, exitAgain)
			}
			f.d, again = startDaemon(f.t, f.vars), true
		case <-time.After(100 * time.Millisecond):
		}
		if a, err := call(f.c, "GET", f.d.Admin+"/readyz", ""); err == nil && a.status == http.StatusOK {
			return again
		}
	}
	f.t.Fatal("not ready after there is space again")
	return false
}

// TestDiskNearlyFull: with a few MiB left new OTPs are refused, and those that are there go on to their end,
// in the same process.
func TestDiskNearlyFull(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	f := newFullDisk(t)
	remove := fill(t, f.dir, 8<<20)
	f.refuses()
	if a := f.guess(f.accepted[0].code); a.status != http.StatusOK {
		t.Errorf("the right PIN: %d %s", a.status, a.body)
	}
	remove()
	if f.ready() {
		t.Error("the daemon ended, though no write had failed")
	}
	f.keeps()
}

// TestDiskFull: the disk of the store is full to its last octet. Everything is answered at once, nothing is
// accepted, the reason is told; when there is space again the gateway works, and has all that it had
// accepted.
func TestDiskFull(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	f := newFullDisk(t)
	remove := fill(t, f.dir, 0)
	f.refuses()
	for range 5 { // until a write has failed for certain
		if f.guess("x"+f.accepted[0].code).status == http.StatusServiceUnavailable {
			break
		}
	}
	mustCall(t, f.c, "GET", f.d.HTTP+"/otp/"+f.accepted[0].id, "", http.StatusOK)
	remove()
	again := f.ready()
	t.Logf("works again; in another process: %v", again)
	f.keeps()
}

// TestWritesFail: a write of the store fails (its file may grow no more: EFBIG), as on a disk that goes bad.
// The gateway says so, refuses everything at once, and ends so that it is started again, for the disk takes
// writes.
func TestWritesFail(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	vars := env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_APP_SHOP_SEND_LIMITS": "off"})
	d := startDaemon(t, vars)
	c := hasty(t)
	var first created
	mustCall(t, client(t), "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(1)), 201).json(t, &first)
	waitSMS(t, sim, number(1))
	// From now on no file of the daemon may be longer than it is; a probe of a disk is smaller than that of
	// others.
	size := largestFile(t, vars["OTPGW_DATA_DIR"])
	limit := unix.Rlimit{Cur: uint64(size), Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(d.Pid(), unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Skipf("needs prlimit(2) on a process of its own: %v", err)
	}
	refused := false
	said := func() bool {
		_, ok := d.stderr.find(func(line string) bool { return strings.Contains(line, "a write to the disk of") })
		return ok
	}
	for n := 2; n < 3000 && !(refused && said()); n++ {
		a, err := call(c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(n)))
		refused = err != nil || a.status == http.StatusServiceUnavailable
		if err == nil && a.status != http.StatusCreated && !refused {
			t.Fatalf("POST: %d %s", a.status, a.body)
		}
	}
	if !refused || !said() {
		t.Fatalf("a write failed: an OTP is refused: %v, the log says why: %v", refused, said())
	}
	limit.Cur = unix.RLIM_INFINITY
	_ = unix.Prlimit(d.Pid(), unix.RLIMIT_FSIZE, &limit, nil)
	select {
	case <-d.Exited():
	case <-time.After(testTimeout):
		t.Fatal("the daemon did not end when its disk took writes again")
	}
	if code := d.State().ExitCode(); code != exitAgain {
		t.Errorf("exit status %d, want %d", code, exitAgain)
	}
	d = startDaemon(t, vars)
	a := mustCall(t, c, "GET", d.HTTP+"/otp/"+first.OtpID, "", http.StatusOK)
	var o struct{ Status string }
	if err := json.Unmarshal(a.body, &o); err != nil || o.Status != "PENDING" {
		t.Errorf("what was accepted before: %s", a.body)
	}
}

func largestFile(t *testing.T, dir string) (size int64) {
	t.Helper()
	err := filepath.Walk(dir, func(_ string, i os.FileInfo, err error) error {
		if err == nil && i.Mode().IsRegular() {
			size = max(size, i.Size())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}
