package processtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// RaceVariable, where it is set, has BuildDaemon build with the race detector, for runs that are after data
// races: such a daemon takes several times the CPU and memory, which others have no use for.
const RaceVariable = "OTPGW_TEST_RACE"

// built is the daemon's program, built once for all tests of a binary; Main removes it.
var built struct {
	once    sync.Once
	dir     string
	program string
	err     error
}

// BuildDaemon builds cmd/otpgw and returns the program's path. The first build of a machine takes a minute,
// later ones are in Go's cache. The tests have to run under Main.
func BuildDaemon(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "otpgw-test"); built.err == nil {
			built.program, built.err = buildAlone(built.dir, "github.com/otpgw/otpgw/cmd/otpgw")
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.program
}

// buildAlone builds while no other test binary of this user does: who comes second finds all of it in Go's
// cache, where two at a time compile each package twice. Without the lock it is only slower.
func buildAlone(dir, pkg string) (program string, err error) {
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("otpgw-test-build-%d.lock", os.Getuid())), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		defer lock.Close()
		_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	return build(dir, pkg)
}

// build builds a program with a clock that can be wrong and a disk that can forget.
func build(dir, pkg string) (program string, err error) {
	overlay, err := writeOverlay(dir)
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-race="+strconv.FormatBool(os.Getenv(RaceVariable) != ""), "-overlay", overlay, "-o", program, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

// patch changes a package of the standard library for one build: what it adds, and edits of what is there.
type patch struct {
	pkg   string
	added string // a file's source
	edits []edit
}

// edit puts new in the place of old, which is there exactly once.
type edit struct{ file, old, new string }

// writeOverlay writes the changed packages, and the file that tells go build of them.
func writeOverlay(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	for _, p := range []patch{clockPatch, diskPatch} {
		if err := p.write(dir, filepath.Join(strings.TrimSpace(string(root)), "src", p.pkg), replace); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// write writes the changed files of a package to dir and enters them in replace.
func (p patch) write(dir, src string, replace map[string]string) error {
	files := map[string]string{"otpgwtest.go": p.added}
	for _, e := range p.edits {
		text, ok := files[e.file]
		if !ok {
			b, err := os.ReadFile(filepath.Join(src, e.file))
			if err != nil {
				return err
			}
			text = string(b)
		}
		if strings.Count(text, e.old) != 1 {
			return fmt.Errorf("%s/%s is not as expected: this Go has another %q", src, e.file, e.old)
		}
		files[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	for name, text := range files {
		path := filepath.Join(dir, p.pkg+"_"+name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		replace[filepath.Join(src, name)] = path
	}
	return nil
}
