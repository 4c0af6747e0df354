package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestWorksWith runs the requests of the READMEs for identity servers and telecom APIs as they stand there,
// against a gateway: the code arrives at the phone.
func TestWorksWith(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "curl", "openssl", "od", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the READMEs' requests are not made: there is no %s (Debian: apt-get install curl openssl)", tool)
		}
	}
	const hook, secret = "v1,whsec_b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw==", "oauth-secret-of-the-application"
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_SUPABASE_SECRET": hook, "OTPGW_APP_SHOP_SECRET": secret, "OTPGW_APP_SHOP_CAMARA": "on", "OTPGW_APP_SHOP_OWN_PIN": "on",
	}))
	phones := 0
	for _, doc := range []struct {
		file, secret string
		blocks       int
	}{{"../../otp/hooks/README.md", hook, 4}, {"../../otp/camara/README.md", secret, 1}} {
		content, err := os.ReadFile(doc.file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(content), "```sh\n")[2:] // the first has the settings
		if len(blocks) != doc.blocks {
			t.Errorf("%s has %d requests, want %d", doc.file, len(blocks), doc.blocks)
		}
		for _, block := range blocks {
			script, _, _ := strings.Cut(block, "\n```")
			phones++
			t.Run(filepath.Base(filepath.Dir(doc.file)), func(t *testing.T) {
				run := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
				run.Env = append(os.Environ(), "OTPGW="+d.HTTP, "KEY=key", "SECRET="+doc.secret, "PHONE="+number(phones))
				out, err := run.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s\n%s", err, script, out)
				}
				if m := waitSMS(t, sim, number(phones)); m.Code == "" || strings.Contains(script, "561166") && doc.blocks > 1 && m.Code != "561166" {
					t.Errorf("the message %q has another code", m.Text)
				}
			})
		}
	}
}
