package deploy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

const nfpm = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.1"

// makeDist runs `make dist` for this machine's architecture.
func makeDist(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("releases are for Linux, amd64 and arm64")
	}
	if out, err := exec.Command("go", "run", nfpm, "--version").CombinedOutput(); err != nil {
		t.Skipf("nfpm cannot be had: let the Go tool reach a module proxy for %s: %s", nfpm, out)
	}
	dist := filepath.Join(t.TempDir(), "dist")
	cmd := exec.Command("./dist.sh")
	cmd.Env = append(os.Environ(), "DIST="+dist, "ARCHS="+runtime.GOARCH, "VERSION=v9.8.7")
	output(t, cmd)
	return dist
}

// TestDist: the release's checksums are right and its archive holds programs that know their version. The
// Debian packages are installed under a directory of their own, the gateway is started with the packaged
// settings and used, and all is gone after a purge.
func TestDist(t *testing.T) {
	t.Parallel()
	dpkg := need(t, "dpkg", "it comes with Debian")
	need(t, "dpkg-deb", "it comes with Debian")
	if os.Getuid() != 0 {
		t.Skip("dpkg gives files to root: run this test as root, or under fakeroot")
	}
	dist := makeDist(t)
	checkSums(t, dist)
	archive := filepath.Join(dist, "otpgw_9.8.7_linux_"+runtime.GOARCH)
	output(t, exec.Command("tar", "-C", dist, "-xzf", archive+".tar.gz"))
	static(t, filepath.Join(archive, "smscsim"))
	if got := output(t, exec.Command(filepath.Join(archive, "smscsim"), "version")); !strings.HasPrefix(got, "smscsim 9.8.7 (commit ") {
		t.Error(got)
	}

	root := t.TempDir()
	for _, dir := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info", "var/log", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	packager := func(args ...string) string {
		t.Helper()
		return output(t, exec.Command(dpkg, append([]string{"--root=" + root, "--force-script-chrootless", "--force-depends"}, args...)...))
	}
	packages, err := filepath.Glob(filepath.Join(dist, "*.deb"))
	if err != nil || len(packages) != 2 {
		t.Fatal(packages, err)
	}
	packager(append([]string{"--install"}, packages...)...)
	operate(t, root, use(t, root))
	packager("--purge", "otpgw", "smscsim")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if strings.Contains(d.Name(), "otpgw") || strings.Contains(d.Name(), "smscsim") {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func checkSums(t *testing.T, dist string) {
	t.Helper()
	n := 0
	for line := range strings.Lines(read(t, filepath.Join(dist, "SHA256SUMS"))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		got := sha256.Sum256([]byte(read(t, filepath.Join(dist, name))))
		if n++; hex.EncodeToString(got[:]) != sum {
			t.Errorf("the checksum of %s is wrong", name)
		}
	}
	if n != 3 {
		t.Errorf("%d checksums, want those of an archive and two packages", n)
	}
}

// use starts the installed gateway as its unit does, and sends an OTP to a simulator. It returns the command
// of the unit.
func use(t *testing.T, root string) (start []string) {
	t.Helper()
	sim, err := smsc.Start(smsc.Config{SMPPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close(t.Context())
	conf := filepath.Join(root, "etc/otpgw/otpgw.conf")
	if info, err := os.Stat(conf); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the settings: %v, %v; they hold secrets", info, err)
	}
	state := filepath.Join(root, "var/lib/otpgw")
	settings := strings.ReplaceAll(read(t, conf), "/var/lib/otpgw", state) + `
OTPGW_HTTP_ADDR=127.0.0.1:0
OTPGW_ADMIN_ADDR=127.0.0.1:0
OTPGW_APPS=shop
OTPGW_APP_SHOP_API_KEYS=key-of-the-package-test
OTPGW_APP_SHOP_SENDERS=Verify
OTPGW_LINKS=sim
OTPGW_LINK_SIM_SYSTEM_ID=x
OTPGW_LINK_SIM_ADDR=` + sim.Addr() + "\n"
	if err := os.WriteFile(conf, []byte(settings), 0o640); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(read(t, filepath.Join(root, "lib/systemd/system/otpgw.service"))) {
		if command, ok := strings.CutPrefix(line, "ExecStart="); ok {
			start = strings.Fields(strings.NewReplacer("/usr/bin", root+"/usr/bin", "/etc/otpgw", root+"/etc/otpgw").Replace(command))
		}
	}
	cmd := exec.Command(start[0], start[1:]...)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	lines := bufio.NewScanner(log)
	var ready struct{ Message, HTTP string }
	for ready.Message != "ready" && lines.Scan() {
		_ = json.Unmarshal(lines.Bytes(), &ready)
	}
	req, err := http.NewRequest("POST", "http://"+ready.HTTP+"/otp", strings.NewReader(`{"phoneNumber":"+46700000001"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-KEY", "key-of-the-package-test")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	// The link may still be binding: what is accepted is sent when it is bound.
	await.Within(await.Patience, func() bool { return len(sim.Messages(smsc.Filter{})) > 0 })
	_ = cmd.Process.Signal(syscall.SIGTERM)
	var rest bytes.Buffer
	for lines.Scan() {
		rest.WriteString(lines.Text() + "\n")
	}
	if err := cmd.Wait(); err != nil || resp.StatusCode != http.StatusCreated {
		t.Errorf("POST /otp: %s; the end: %v\n%s", resp.Status, err, &rest)
	}
	if n := len(sim.Messages(smsc.Filter{})); n != 1 {
		t.Errorf("%d messages came to the SMSC", n)
	}
	return start
}
