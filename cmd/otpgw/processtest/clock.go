package processtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// ClockVariable sets the wall clock of a daemon that BuildDaemon built ahead by so many seconds, or back: "-31". Its
// monotonic clock is right, as on a machine whose clock was set wrong.
//
// The product has no hook for that, and needs none: the build puts another file in the place of the standard library's
// time/time.go (go build -overlay), so every time.Now of the process, those of NATS and net/http too, is wrong alike.
// libfaketime cannot do it, for Go asks the kernel's vDSO and not libc.
const ClockVariable = "OTPGW_TEST_CLOCK"

const skewSource = `package time

import "syscall"

// skew is how many seconds the wall clock is set ahead.
var skew = func() (n int64) {
	text, _ := syscall.Getenv("` + ClockVariable + `")
	sign := int64(1)
	for i, c := range []byte(text) {
		if i == 0 && c == '-' {
			sign = -1
			continue
		}
		if c < '0' || c > '9' {
			panic("` + ClockVariable + ` is no number of seconds")
		}
		n = n*10 + int64(c-'0')
	}
	return sign * n
}()
`

// built is the daemon's program, built once for all tests of a binary; Main removes it.
var built struct {
	once    sync.Once
	dir     string
	program string
	err     error
}

// BuildDaemon builds cmd/otpgw and returns the program's path. The first build of a machine takes a minute, later ones are in
// Go's cache. The tests have to run under Main.
func BuildDaemon(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "otpgw-test"); built.err == nil {
			built.program, built.err = build(built.dir, "github.com/otpgw/otpgw/cmd/otpgw")
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.program
}

// build builds a program with a clock that ClockVariable sets.
func build(dir, pkg string) (program string, err error) {
	overlay, err := writeOverlay(dir)
	if err != nil {
		return "", fmt.Errorf("a clock to set wrong: %w", err)
	}
	program = filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", program, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

// writeOverlay writes the changed package time, and the file that tells go build of it.
func writeOverlay(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	src := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(src, "time.go"))
	if err != nil {
		return "", err
	}
	const before = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(source), before) != 1 {
		return "", fmt.Errorf("%s/time.go is not as expected: this Go has another time.Now", src)
	}
	changed := strings.Replace(string(source), before, before+"\tsec += skew\n", 1)
	replace := make(map[string]string)
	for name, text := range map[string]string{"time.go": changed, "skew.go": skewSource} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(src, name)] = path
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}
