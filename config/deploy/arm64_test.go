package deploy

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestArm64 runs the programs that are released for arm64, on a machine of another kind under QEMU: the
// gateway starts with a store of its own, and an OTP goes through it to a simulator of the same kind.
func TestArm64(t *testing.T) {
	if os.Getenv("OTPGW_TEST_FULL") == "" {
		t.Skip("all is compiled for another machine, which takes minutes: make full")
	}
	var under []string
	if runtime.GOARCH != "arm64" {
		under = []string{need(t, "qemu-aarch64-static", "apt-get install qemu-user-static")}
	}
	out := t.TempDir()
	build := exec.Command("./build.sh", out)
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "VERSION=v9.8.7")
	output(t, build)
	program := func(name string, args ...string) []string {
		return append(append(append([]string{}, under...), filepath.Join(out, name)), args...)
	}
	static(t, filepath.Join(out, "otpgw"))
	version := program("otpgw", "version")
	if got := output(t, exec.Command(version[0], version[1:]...)); !strings.HasPrefix(got, "otpgw 9.8.7 (") || !strings.Contains(got, "linux/arm64") {
		t.Error(got)
	}
	check := program("otpgw", "check", "-config", "example.conf")
	if got, err := exec.Command(check[0], check[1:]...).CombinedOutput(); !strings.Contains(string(got), "carrier2:0,carrier1:1") {
		t.Errorf("check: %v: %s", err, got)
	}

	simulator := program("smscsim", "-smpp", "127.0.0.1:0", "-http", "127.0.0.1:0")
	smpp, inbox := startSimulator(t, exec.Command(simulator[0], simulator[1:]...))
	conf := filepath.Join(t.TempDir(), "otpgw.conf")
	text := "OTPGW_HTTP_ADDR=127.0.0.1:0\nOTPGW_ADMIN_ADDR=127.0.0.1:0\nOTPGW_APPS=shop\nOTPGW_APP_SHOP_API_KEYS=key-of-the-package-test\n" +
		"OTPGW_APP_SHOP_SENDERS=Verify\nOTPGW_LOG_FORMAT=json\nOTPGW_DATA_DIR=" + t.TempDir() + "\nOTPGW_LINKS=sim\nOTPGW_LINK_SIM_SYSTEM_ID=x\nOTPGW_LINK_SIM_ADDR=" + smpp + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g := &installed{t: t, command: program("otpgw", "-config", conf)}
	g.start()
	if _, ok := g.order("+46700000001"); !ok {
		t.Error("POST /otp fails")
	}
	resp, err := http.Get(inbox + "/api/v1/messages/wait?to=46700000001&timeout=50s")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var message struct{ From, Code string }
	if err := json.NewDecoder(resp.Body).Decode(&message); err != nil || message.From != "Verify" || message.Code == "" {
		t.Errorf("the simulator got %+v: %s, %v", message, resp.Status, err)
	}
	g.stop()
}

var simulatorReady = regexp.MustCompile(`SMPP on (\S+), HTTP on (http://[^, ]+)`)

// startSimulator runs the simulator's program until the test ends.
func startSimulator(t *testing.T, cmd *exec.Cmd) (smpp, inbox string) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the simulator's end: %v", err)
		}
		kill.Stop()
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if found := simulatorReady.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return found[1], found[2]
		}
	}
	t.Fatal("the simulator does not get ready")
	return "", ""
}
