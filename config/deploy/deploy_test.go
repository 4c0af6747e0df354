// Package deploy holds what installs and watches otpgw: the release, Debian packages, units, the container
// image, the compose file, and for Prometheus and Grafana the rules and the dashboard. Its tests use each of
// them as far as the machine can.
package deploy

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/otp"
)

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestMain has the programs that tests build compiled as make check compiles their packages, without cgo and
// with no other flags: each package is compiled once then, and not again. make full builds those of a release
// as they are.
func TestMain(m *testing.M) {
	os.Setenv("CGO_ENABLED", "0")
	if os.Getenv("OTPGW_TEST_FULL") == "" {
		os.Setenv("BUILDFLAGS", "") // of build.sh
	}
	code := m.Run()
	os.RemoveAll(built.dir)
	os.Exit(code)
}

// built is both programs, built once for all tests that need no release; TestMain removes them.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// program is the path of otpgw or smscsim.
func program(t *testing.T, name string) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "otpgw-deploy"); built.err == nil {
			var out []byte
			if out, built.err = exec.Command("go", "build", "-o", built.dir+"/", "../../cmd/otpgw", "../../cmd/smscsim").CombinedOutput(); built.err != nil {
				built.err = fmt.Errorf("%w: %s", built.err, out)
			}
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, name)
}

// need finds a tool, or skips the test with how to get it.
func need(t *testing.T, tool, remedy string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skipf("%s is not here: %s", tool, remedy)
	}
	return path
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// TestExampleConfiguration: the annotated example is sound, and says nothing that nobody reads.
func TestExampleConfiguration(t *testing.T) {
	lookup, names, err := config.WithFile("example.conf", envconfig.MapLookuper(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(context.Background(), lookup, names)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 0 || len(c.Apps) != 2 || len(c.Links) != 2 || c.Apps[0].CallbackURL == "" || c.Apps[1].CallbackURL == "" {
		t.Errorf("warnings %v in\n%s", c.Warnings, c)
	}
	for number, links := range map[string][]string{"+447700900123": {"carrier2", "carrier1"}, "+35988123456": {"carrier1", "carrier2"}} {
		name, _ := c.Route(otp.Traffic{To: number})
		i := slices.IndexFunc(c.Routes, func(r config.Route) bool { return r.Name == name })
		if got := c.Routes[i].Links; got[0].Name != links[0] || got[1].Name != links[1] || got[1].Priority != 1 {
			t.Errorf("%s goes over %v, want %v", number, got, links)
		}
	}
}

// TestPackagedConfiguration: what the package puts into /etc/otpgw only lacks an application and a link, and
// becomes sound when its comments are taken off.
func TestPackagedConfiguration(t *testing.T) {
	text := read(t, "otpgw.conf")
	full := strings.ReplaceAll(text, "\n# OTPGW_", "\nOTPGW_")
	path := filepath.Join(t.TempDir(), "otpgw.conf")
	keys := filepath.Join(t.TempDir(), "keys")
	full = regexp.MustCompile(`(_FILE)=.*`).ReplaceAllString(full, "$1="+keys)
	for name, content := range map[string]string{path: full, keys: "a-key-of-at-least-twenty-characters"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lookup, names, err := config.WithFile(path, envconfig.MapLookuper(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := config.Load(context.Background(), lookup, names); err != nil || len(c.Apps) != 1 || len(c.Links) != 1 {
		t.Errorf("%v\n%s", err, full)
	}
}

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

// TestUnits: systemd understands the units, and finds little that they could do without.
func TestUnits(t *testing.T) {
	analyze := need(t, "systemd-analyze", "apt-get install systemd")
	for _, unit := range []string{"otpgw.service", "smscsim.service"} {
		text := regexp.MustCompile(`/usr/bin/(otpgw|smscsim)`).ReplaceAllString(read(t, unit), "/bin/true")
		path := filepath.Join(t.TempDir(), unit)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(analyze, "verify", path).CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) != 0 {
			t.Errorf("%s: %v: %s", unit, err, out)
		}
		out, err := exec.Command(analyze, "security", "--offline=true", path).CombinedOutput()
		if bytes.Contains(out, []byte("unrecognized option")) {
			t.Skip("this systemd-analyze knows no --offline: systemd 250 does")
		}
		found := exposure.FindSubmatch(out)
		if found == nil {
			t.Fatalf("%s: %v: %s", unit, err, out)
		}
		if level, _ := strconv.ParseFloat(string(found[1]), 64); level >= 2 {
			t.Errorf("%s: its exposure is %s, 2.0 or more:\n%s", unit, found[1], out)
		}
	}
}

// static refuses a program that needs a loader: scratch has none.
func static(t *testing.T, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Errorf("%s is linked dynamically", path)
	}
}
