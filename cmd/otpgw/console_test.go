package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// shotsVariable names the directory that the console's test leaves pictures in.
const shotsVariable = "OTPGW_TEST_SCREENSHOTS"

// browser starts a headless Chromium.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no Chromium is here to show the console: install Debian's with apt-get install chromium")
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 800)}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	deadline, stop := context.WithTimeout(context.Background(), 2*testTimeout)
	alloc, cancel := chromedp.NewExecAllocator(deadline, opts...)
	ctx, _ := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

// within waits until an expression is true in the page.
func within(t *testing.T, page context.Context, what, expression string) {
	t.Helper()
	const wait = `new Promise((done) => { const look = () => { if (%s) done(true); else setTimeout(look, 50); }; look(); })`
	ctx, cancel := context.WithTimeout(page, testTimeout)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(wait, expression), chromedp.EvalAwaitPromise)); err != nil {
		t.Fatalf("the console: %s: %v", what, err)
	}
}

// TestConsole: in a browser the console tells how the links are, which route runs on its backup and how OTPs ended, pauses a
// link with the token, fits a telephone, and has nothing that axe-core complains of.
func TestConsole(t *testing.T) {
	page := browser(t)
	sim := startSMSC(t, smsc.Config{})
	p := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,spare,gone", "OTPGW_ROUTES": "default,uk", "OTPGW_ROUTE_UK_PREFIXES": "44", "OTPGW_ROUTE_UK_LINKS": "gone:0,spare:1",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0,spare:1",
		"OTPGW_LINK_SPARE_ADDR":     sim.Addr(), "OTPGW_LINK_SPARE_SYSTEM_ID": "spare",
		"OTPGW_LINK_GONE_ADDR": "127.0.0.1:1", "OTPGW_LINK_GONE_SYSTEM_ID": "gone",
	}))
	c := client(t)
	var o struct{ OtpID string }
	mustCall(t, c, "POST", p.HTTP+"/otp", `{"phoneNumber":"+46700000001"}`, 201).json(t, &o)
	mustCall(t, c, "DELETE", p.HTTP+"/otp/"+o.OtpID, "", 200)

	if err := chromedp.Do(page, chromedp.Navigate(p.Admin+"/")); err != nil {
		t.Fatal(err)
	}
	says := func(selector, text string) string {
		return fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.innerText.includes(%q))", selector, text)
	}
	within(t, page, "a link can send", says("#links .card", "carrier\ncan send"))
	within(t, page, "why another cannot", says("#links .card.down", "connection refused"))
	within(t, page, "a route runs on its backup", says("#routes .card.down", "degraded"))
	within(t, page, "which links a route has", says("#routes .card", "+44 over gone, spare (backup 1)"))
	within(t, page, "how OTPs ended", says("#apps .card", "cancelled\n1"))
	within(t, page, "the whole is degraded", says("#state", "degraded"))

	evaluate(t, page, `[...document.querySelectorAll("#links .card")].find((c) => c.dataset.key === "carrier").querySelector(".pause").click()`)
	within(t, page, "the token is asked for", `document.querySelector("#ask").open`)
	evaluate(t, page, `document.querySelector("#token").value = "wrong"; document.querySelector("#ask .primary").click()`)
	within(t, page, "a wrong token is said to be one", says("#wrong", "not the token"))
	evaluate(t, page, fmt.Sprintf(`document.querySelector("#token").value = %q; document.querySelector("#ask .primary").click()`, testAdminToken))
	within(t, page, "the link is paused", says("#links .card.paused", "paused"))

	axe := axeCore(t)
	for _, look := range []struct {
		name          string
		width, height int64
		theme         string
	}{{"desk", 1280, 900, "light"}, {"desk", 1280, 900, "dark"}, {"telephone", 390, 844, "light"}, {"telephone", 390, 844, "dark"}} {

		if _, err := chromedp.Call(page, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: look.width, Height: look.height, DeviceScaleFactor: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := chromedp.Call(page, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.theme}}}); err != nil {
			t.Fatal(err)
		}
		within(t, page, "fits "+look.name, `document.documentElement.scrollWidth <= innerWidth`)
		picture(t, page, look.name+"-"+look.theme)
		if axe != "" {
			complaints(t, page, axe, look.name+" "+look.theme)
		}
	}
}

func evaluate(t *testing.T, page context.Context, expression string) string {
	t.Helper()
	s, err := chromedp.Run(page, chromedp.Evaluate[string](fmt.Sprintf("(async () => { %s; return \"\" })()", expression), chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("the console: %s: %v", expression, err)
	}
	return s
}

func picture(t *testing.T, page context.Context, name string) {
	t.Helper()
	dir := os.Getenv(shotsVariable)
	if dir == "" {
		return
	}
	data, err := chromedp.Run(page, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "console-"+name+".png"), data, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

// axeCore is the script of axe-core, from npm; empty where it cannot be had.
func axeCore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts",
		"--fetch-retries", "0", "--fetch-timeout", "10000", "axe-core@4.14.1").CombinedOutput()
	if err != nil {
		t.Logf("the console is not shown to axe-core: let npm reach a registry for it: %v: %s", err, out)
		return ""
	}
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

func complaints(t *testing.T, page context.Context, axe, where string) {
	t.Helper()
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML string }
	}
	out, err := chromedp.Run(page, chromedp.Evaluate[string](strings.TrimSpace(axe)+`; axe.run().then((r) => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	if err == nil {
		err = json.Unmarshal([]byte(out), &found)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Errorf("%s: %s (%s) x%d: %s, like %s", where, v.ID, v.Impact, len(v.Nodes), v.Help, v.Nodes[0].HTML)
	}
}
