package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

var optionsOfLong = text.Options{Long: text.LongPayload}

// axeCore is the script of axe-core, from npm; the test is skipped where it cannot be had.
func axeCore(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("installs an npm package: run without -short")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("there is no npm: install it (apt-get install npm) to check the page with axe-core")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts",
		"--fetch-retries", "0", "--fetch-timeout", "10000", "axe-core@4.14.1")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install axe-core (%v): make an npm registry reachable to check the page with it\n%s", err, out)
	}
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// TestPageIsAccessible: axe-core finds nothing, in any view, on a desk and on a telephone, light and dark.
func TestPageIsAccessible(t *testing.T) {
	t.Parallel()
	axe := axeCore(t)
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	p := openTab(t, srv)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "shop")
	p.run(axe)
	views := []string{"#/"}
	audit := func(what string) {
		t.Helper()
		var found []struct {
			ID, Impact, Help string
			Nodes            []struct{ HTML string }
		}
		out := p.text(`axe.run().then((r) => JSON.stringify(r.violations))`)
		if err := json.Unmarshal([]byte(out), &found); err != nil {
			t.Fatal(err)
		}
		for _, v := range found {
			t.Errorf("%s: %s (%s) x%d: %s, like %s", what, v.ID, v.Impact, len(v.Nodes), v.Help, v.Nodes[0].HTML)
		}
	}
	audit("before the first message")
	e.Submit(esmetest.Message("491701234567", "Your code is 4711"))
	e.Submit(esmetest.Message("491701234567", arabic))
	if _, err := srv.InjectMO(esmetest.Patient(t), smsc.MO{From: "491701234567", To: "Verify", Text: "STOP"}); err != nil {
		t.Fatal(err)
	}
	if _, err := srv.Rules().Add(smsc.Rule{Note: "a rule", Match: smsc.Match{To: "1"}}); err != nil {
		t.Fatal(err)
	}
	p.sees("#rule-count", "1")
	views = append(views, "#/n/491701234567", "#/sessions", "#/pdus", "#/rules", "#/connect")
	looks := []struct {
		width, height int64
		theme         string
	}{{1280, 800, "light"}, {390, 844, "dark"}}
	if os.Getenv("OTPGW_TEST_FULL") != "" {
		looks = append(looks, looks...)
		looks[2].theme, looks[3].theme = "dark", "light"
	}
	for _, look := range looks {
		p.look(look.width, look.height, look.theme)
		for _, v := range views {
			p.open(v)
			p.eventually("the view is not there", `!document.querySelector("#view-`+viewOf(v)+`").hidden`)
			if v == "#/pdus" {
				p.eventually("no PDUs", `document.querySelectorAll(".pdus tbody tr").length > 3`)
				p.run(`document.querySelector(".pdus tbody .link[aria-expanded=false]")?.click()`)
			}
			p.run(`for (const d of document.querySelectorAll("details")) d.open = true`)
			audit(fmt.Sprintf("%s, %d px, %s", v, look.width, look.theme))
		}
	}
}

func viewOf(hash string) string {
	switch {
	case hash == "#/", len(hash) > 4 && hash[:4] == "#/n/":
		return "inbox"
	}
	return hash[2:]
}
