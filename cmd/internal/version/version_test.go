package version

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func TestFrom(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "486ecb5b8d2e1234567890"}, {Key: "vcs.time", Value: "2026-11-26T10:00:00Z"}, {Key: "vcs.modified", Value: "true"}}
	for _, test := range []struct {
		name  string
		build debug.BuildInfo
		want  string
	}{
		{"nothing known", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "devel (go"},
		{"a commit", debug.BuildInfo{Settings: vcs}, "devel (commit 486ecb5b8d2e of 2026-11-26T10:00:00Z with changes, go"},
		{"a module's version", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: vcs[:2]}, "1.2.3 (commit 486ecb5b8d2e of 2026"},
	} {
		if got := from(&test.build).String(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestBuilds: a release tells the linker's number, a plain build of a checkout its commit.
func TestBuilds(t *testing.T) {
	const linked = "-X github.com/otpgw/otpgw/cmd/internal/version.number=9.8.7 -X github.com/otpgw/otpgw/cmd/internal/version.commit=0123456789abcdef"
	t.Run("release", func(t *testing.T) { asked(t, "smscsim 9.8.7 (commit 0123456789ab", "-ldflags", linked) })
	t.Run("plain", func(t *testing.T) {
		head, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
		if info, statErr := os.Stat("../../../.git"); err != nil || statErr != nil || !info.IsDir() {
			t.Skip("the Go tool reads the commit only in a clone (no worktree, no archive) with git at hand: clone the repository for this test")
		}
		asked(t, "(commit "+strings.TrimSpace(string(head)), "-buildvcs=true")
	})
}

// asked builds a command and asks it for its version in each of the usual ways.
func asked(t *testing.T, want string, buildFlags ...string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "smscsim")
	build := exec.Command("go", slices.Concat([]string{"build", "-o", binary}, buildFlags, []string{"../../smscsim"})...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as a release is built
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, ask := range []string{"version", "-version", "--version"} {
		out, err := exec.Command(binary, ask).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("smscsim %s: %s, %v; want %q", ask, out, err, want)
		}
	}
}
