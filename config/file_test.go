package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
)

func loadFile(path string, env map[string]string) (*Config, error) {
	lookup, names, err := WithFile(path, envconfig.MapLookuper(env), nil)
	if err != nil {
		return nil, err
	}
	return Load(context.Background(), lookup, names)
}

// TestFile: a file gives what the environment leaves out, whose values win.
func TestFile(t *testing.T) {
	var text strings.Builder
	for name, value := range with("OTPGW_APP_SHOP_TTL=120", "OTPGW_APP_SHOP_TEMPLATE_FR=Votre code : {{pin}}", "OTPGW_LGO_LEVEL=debug") {
		text.WriteString(name + "='" + value + "'\n")
	}
	path := writeFile(t, "otpgw.conf", text.String())
	c, err := loadFile(path, map[string]string{"OTPGW_APP_SHOP_TTL": "180", "OTPGW_LINK_TELE_ADDR": ""})
	if err != nil {
		t.Fatal(err)
	}
	if c.Apps[0].TTL.Seconds() != 180 || c.Links[0].Addr != "smsc.example.net:2775" || c.Apps[0].Templates["fr"] != "Votre code : {{pin}}" {
		t.Errorf("%s", c)
	}
	if len(c.Warnings) != 1 || c.Warnings[0].Variable != "OTPGW_LGO_LEVEL" {
		t.Errorf("warnings %v", c.Warnings)
	}
}

func TestFileFaults(t *testing.T) {
	for content, says := range map[string]string{
		"OTPGW_APPS=shop\nOTPGW_LINKS tele\n": "line 2: there is no",
		"OTPGW_APP_SHOP_SECRET=\"geheim\n":    "line 1: the quote is not closed",
	} {
		path := writeFile(t, "otpgw.conf", content)
		if _, err := loadFile(path, nil); err == nil || !strings.Contains(err.Error(), path+": "+says) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v", content, err)
		}
	}
	var both *Error
	if _, err := loadFile(writeFile(t, "otpgw.conf", "A\nB\n"), nil); !errors.As(err, &both) || len(both.Faults) != 2 {
		t.Errorf("two lines: %v", err)
	}
	if _, err := loadFile(filepath.Join(t.TempDir(), "none"), nil); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

// TestOpenFile: a file of secrets that everybody reads is warned of.
func TestOpenFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("mode bits say nothing on Windows")
	}
	path := writeFile(t, "otpgw.conf", "OTPGW_LINKS=a\nOTPGW_LINK_A_PASSWORD=geheim\n")
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o640: 0, 0o644: 1} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got := OpenToOthers(path); len(got) != want || want == 1 && !strings.Contains(got[0].Text, "OTPGW_LINK_A_PASSWORD_FILE") {
			t.Errorf("mode %o: %v", mode, got)
		}
	}
	public := writeFile(t, "public.conf", "OTPGW_LINKS=a\n")
	if err := os.Chmod(public, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := OpenToOthers(public); len(got) != 0 {
		t.Errorf("a file without secrets: %v", got)
	}
}
