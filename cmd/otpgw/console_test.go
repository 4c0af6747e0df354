package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"golang.org/x/sync/errgroup"

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
	deadline, stop := context.WithTimeout(context.Background(), 4*testTimeout)
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

// TestConsole: in a browser the console tells how the links are, which route runs on its backup and how OTPs
// ended, pauses a link with the token, fits a telephone, and has nothing that axe-core complains of.
func TestConsole(t *testing.T) {
	t.Parallel()
	page := browser(t)
	sim := startSMSC(t, smsc.Config{OnSubmit: func(i smsc.SubmitInfo) smsc.Outcome {
		if strings.HasSuffix(i.To, "7") {
			return smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Undeliverable}}}
		}
		return smsc.Outcome{}
	}})
	p := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,spare,gone", "OTPGW_ROUTES": "default,uk", "OTPGW_ROUTE_UK_PREFIXES": "44", "OTPGW_ROUTE_UK_LINKS": "gone:0,spare:1",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0,spare:1",
		"OTPGW_LINK_SPARE_ADDR":     sim.Addr(), "OTPGW_LINK_SPARE_SYSTEM_ID": "spare",
		"OTPGW_LINK_GONE_ADDR": "127.0.0.1:1", "OTPGW_LINK_GONE_SYSTEM_ID": "gone",
	}))
	c := client(t)
	otps := 40
	if n, err := strconv.Atoi(os.Getenv(otpsVariable)); err == nil {
		otps = n
	}
	fare(t, p, sim, otps)
	var o struct{ OtpID string }
	mustCall(t, c, "POST", p.HTTP+"/otp", `{"phoneNumber":"+46701740605"}`, 201).json(t, &o)
	mustCall(t, c, "DELETE", p.HTTP+"/otp/"+o.OtpID, "", 200)

	if err := chromedp.Do(page, chromedp.Navigate(p.Admin+"/")); err != nil {
		t.Fatal(err)
	}
	says := func(selector, text string) string {
		return fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.innerText.includes(%q))", selector, text)
	}
	within(t, page, "a link can send", says("#links .card", "carrier\nup "))
	within(t, page, "why another cannot", says("#links .card.down", "connection refused"))
	within(t, page, "a route runs on its backup", says("#routes .card.down", "degraded"))
	within(t, page, "which links a route has", says("#routes .card", "+44 over gone, spare (backup 1)"))
	within(t, page, "how OTPs ended", says("#apps .card", "cancelled\n1"))
	within(t, page, "the whole is degraded", says("#state", "degraded"))
	within(t, page, "how many were asked for", says("#funnel .stages .asked", number0(otps+1)+" asked for"))
	within(t, page, "how many were verified", says("#funnel .stages .verified", number0(otps/2)+" verified"))
	within(t, page, "by country", says("#funnel tr", "Sweden\t"))
	within(t, page, "by link", says("#funnel tr", "carrier\t"))
	evaluate(t, page, `document.querySelector("#day").click()`)
	within(t, page, "the day", says("#funnel h3", "By the 10 minutes"))

	evaluate(t, page, `[...document.querySelectorAll("#links .card")].find((c) => c.dataset.key === "carrier").querySelector(".pause").click()`)
	within(t, page, "the token is asked for", `document.querySelector("#ask").open`)
	evaluate(t, page, `document.querySelector("#token").value = "wrong"; document.querySelector("#ask .primary").click()`)
	within(t, page, "a wrong token is said to be one", says("#wrong", "not the token"))
	evaluate(t, page, fmt.Sprintf(`document.querySelector("#token").value = %q; document.querySelector("#ask .primary").click()`, testAdminToken))
	within(t, page, "the link is paused", says("#links .card.paused", "paused"))
	within(t, page, "what was done is said", says("#did", "carrier: told to pause"))

	evaluate(t, page, `document.querySelector("#of").value = "46 701 740 605"; document.querySelector("#find button").click()`)
	within(t, page, "an OTP is found by its number", says("#found .way summary", "+46701740605 CANCELLED"))
	within(t, page, "its way is shown", says("#found .steps li", "the message queued on the route default"))
	within(t, page, "it is gone to", `document.activeElement.id === "h-found"`)
	evaluate(t, page, `document.querySelector("#of").value = "12345"; document.querySelector("#find button").click()`)
	within(t, page, "what is not there is said so", says("#found-says", "no such OTP"))
	evaluate(t, page, fmt.Sprintf(`document.querySelector("#of").value = %q; document.querySelector("#find button").click()`, o.OtpID))
	within(t, page, "by its id", says("#found .way dd", o.OtpID))

	axe := axeCore(t)
	looks(t, page, "console", axe, allLooks, func() { evaluate(t, page, fullDay) })
	evaluate(t, page, `document.querySelector("#close").click(); document.querySelector("#of").value = ""`)
	resize(t, page, 1280, 900, "light")
	evaluate(t, page, fullDay)
	picture(t, page, "console-front")
}

// TestDocsInABrowser: the pages of the API fit a telephone, and axe-core has nothing against them.
func TestDocsInABrowser(t *testing.T) {
	t.Parallel()
	page := browser(t)
	sim := startSMSC(t, smsc.Config{})
	p := startDaemon(t, env(t.TempDir(), sim.Addr(), nil))
	if err := chromedp.Do(page, chromedp.Navigate(p.HTTP+"/docs")); err != nil {
		t.Fatal(err)
	}
	within(t, page, "it is there", `document.querySelectorAll(".op").length > 5`)
	looks(t, page, "docs", axeCore(t), []look{allLooks[0], allLooks[3]}, func() {}) // it is long, and axe-core slow
}

// look is how a page is shown.
type look struct {
	name          string
	width, height int64
	theme         string
}

var allLooks = []look{{"desk", 1280, 900, "light"}, {"desk", 1280, 900, "dark"}, {"telephone", 390, 844, "light"}, {"telephone", 390, 844, "dark"}}

// looks shows a page, on a desk and on a telephone, light and dark, with a picture of each: it must fit, and
// axe-core must be content.
func looks(t *testing.T, page context.Context, name, axe string, at []look, prepare func()) {
	t.Helper()
	for _, look := range at {
		resize(t, page, look.width, look.height, look.theme)
		prepare()
		within(t, page, "fits "+look.name, `document.documentElement.scrollWidth <= innerWidth`)
		picture(t, page, name+"-"+look.name+"-"+look.theme)
		if axe != "" {
			complaints(t, page, axe, name+" "+look.name+" "+look.theme)
		}
	}
}

func resize(t *testing.T, page context.Context, width, height int64, theme string) {
	t.Helper()
	if _, err := chromedp.Call(page, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(page, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}); err != nil {
		t.Fatal(err)
	}
}

// otpsVariable says how many OTPs the console's test makes, for a look at its pictures under load.
const otpsVariable = "OTPGW_TEST_CONSOLE_OTPS"

// fare makes OTPs to three countries, of which every second is verified.
func fare(t *testing.T, p *process, sim *smsc.Server, otps int) {
	t.Helper()
	c := client(t)
	var g errgroup.Group
	g.SetLimit(16)
	for n := range otps {
		g.Go(func() error {
			to := []string{"+46701%06d", "+359888%06d", "+4479111%05d"}[n%3]
			if to = fmt.Sprintf(to, n); n%3 == 2 {
				to = fmt.Sprintf("+33612%06d", n)
			}
			var o created
			mustCall(t, c, "POST", p.HTTP+"/otp", `{"phoneNumber":"`+to+`"}`, 201).json(t, &o)
			if m := waitSMS(t, sim, to); n%2 == 0 {
				mustCall(t, c, "POST", p.HTTP+"/otp/"+o.OtpID, `{"pin":"`+m.Code+`"}`, 200)
			}
			return nil
		})
	}
	_ = g.Wait()
}

// number0 is a number as the console writes it.
func number0(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// fullDay shows the page a day with a night and an hour of trouble in it, which no test can wait for.
const fullDay = `await import("/console/funnel.js").then((m) => {
	const points = [...Array(144)].map((_, i) => { const a = Math.round(340 + 280 * Math.sin((i - 40) / 144 * 6.283) + 40 * Math.sin(i * 1.7)), f = i > 90 && i < 97 ? 0.3 : 1;
		return [a, Math.round(a * 0.998), Math.round(a * 0.94 * f), Math.round(a * 0.81 * f)]; });
	const total = [0, 1, 2, 3].map((s) => points.reduce((x, c) => x + c[s], 0)), of = (name, n, d, v) => ({ name, counts: [n, n, Math.round(n * d), Math.round(n * v)] });
	const bounds = [1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600], picture = { since: "2026-11-25T15:00:00Z", seconds: 600, total, points,
		countries: [of("BG", 21040, 0.97, 0.86), of("DE", 9310, 0.95, 0.8), of("GB", 6200, 0.93, 0.78), of("IN", 4100, 0.71, 0.42), of("US", 900, 0.9, 0.7), of("CD", 80, 0.5, 0.2),
			of("BA", 50, 1, 1), of("TT", 9, 1, 0.5), of("other", 3, 0, 0)],
		links: [of("carrier", 30000, 0.96, 0.84), of("spare-with-a-rather-long-name", 12000, 0.8, 0.6)],
		delivery: { bounds, counts: [4000, 9000, 11000, 6000, 3000, 2000, 900, 400, 300, 200, 100, 80, 60, 40, 20, 10, 5], median: 2.8, p90: 9.2 },
		verify: { bounds, counts: [0, 0, 20, 500, 4000, 9000, 9500, 6000, 3000, 900, 500, 300, 200, 100, 60, 20, 4], median: 14.2, p90: 27 } };
	m.take({ hour: picture, day: picture }); })`

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
	data, err := chromedp.Run(page, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644)
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
