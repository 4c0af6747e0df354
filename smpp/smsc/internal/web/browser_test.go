package web_test

import (
	"context"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// shotsVariable names the directory that CI keeps screenshots from; without it they go to a temporary one.
const shotsVariable = "SMSCSIM_SCREENSHOTS"

// tab is a page in a real browser.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	requests []string
	faults   []string // what the page's console has of errors
}

// openTab starts a headless Chromium at the inbox of srv.
func openTab(t *testing.T, srv *smsc.Server) *tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium is here to show the page: install Debian's with apt-get install chromium")
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 800)}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	deadline, stop := context.WithTimeout(context.Background(), 4*pagePatience)
	alloc, cancel := chromedp.NewExecAllocator(deadline, opts...)
	ctx, _ := chromedp.NewContext(alloc)
	p := &tab{t: t, ctx: ctx, base: "http://" + srv.HTTPAddr()}
	var watchers sync.WaitGroup
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // the browser closes its files before its directory is removed
		cancel()
		stop()
		watchers.Wait()
	})
	if err := chromedp.Do(ctx); err != nil { // with the context that the browser is to live as long as
		t.Fatalf("Chromium does not start: %v", err)
	}
	collect(&watchers, chromedp.Events(ctx, network.RequestWillBeSent), func(e network.EventRequestWillBeSent) { p.note(&p.requests, e.Request.URL) })
	collect(&watchers, chromedp.Events(ctx, runtime.ExceptionThrown), func(e runtime.EventExceptionThrown) {
		p.note(&p.faults, e.ExceptionDetails.Text)
	})
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		p.must(chromedp.Call(ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted, Origin: p.base,
		}))
	}
	p.do(chromedp.Navigate(p.base + "/"))
	p.sees("#live", "Live")
	return p
}

func collect[E any](wg *sync.WaitGroup, events iter.Seq2[E, error], take func(E)) {
	wg.Go(func() {
		for e, err := range events {
			if err != nil {
				return
			}
			take(e)
		}
	})
}

func (p *tab) note(to *[]string, s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*to = append(*to, s)
}

func (p *tab) must(_ any, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("the browser: %v", err)
	}
}

// do acts on the page. An element that the page replaced between being found and being used is looked for
// again.
func (p *tab) do(action chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, pagePatience)
	defer cancel()
	err := chromedp.Do(ctx, action)
	for err != nil && strings.Contains(err.Error(), "(-32000)") {
		err = chromedp.Do(ctx, action)
	}
	if err != nil {
		p.shot("failed")
		p.t.Fatalf("the page: %v", err)
	}
}

// sees waits until the page has an element that shows the text.
func (p *tab) sees(selector, text string) {
	p.t.Helper()
	p.eventually("no "+selector+" with "+text, `[...document.querySelectorAll(`+quote(selector)+`)].some((e) => e.innerText.includes(`+quote(text)+`))`)
}

// pagePatience is how long a browser may take for one thing on a machine that has other work.
const pagePatience = 90 * time.Second

// eventually waits until an expression is true in the page.
func (p *tab) eventually(what, expression string) {
	p.t.Helper()
	var err error
	if !await.Within(pagePatience, func() (ok bool) {
		ok, err = chromedp.Run(p.ctx, chromedp.Evaluate[bool](expression))
		return ok
	}) {
		p.shot("failed")
		p.t.Fatalf("the page: %s (%v)", what, err)
	}
}

// quote is a string for JavaScript.
func quote(s string) string {
	return "`" + strings.NewReplacer("`", "\\`", `\`, `\\`, "$", `\$`).Replace(s) + "`"
}

// text is what an expression gives, a promise too.
func (p *tab) text(expression string) string {
	p.t.Helper()
	s, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	p.must(s, err)
	return s
}

// run runs a script in the page.
func (p *tab) run(script string) { p.t.Helper(); p.do(chromedp.Evaluate[chromedp.Void](script)) }

func (p *tab) click(selector string) { p.t.Helper(); p.do(chromedp.Click(chromedp.CSS(selector))) }

// open goes to a view: #/rules.
func (p *tab) open(hash string) { p.t.Helper(); p.run(`location.hash = ` + quote(hash)) }

func (p *tab) keys(keys ...string) {
	p.t.Helper()
	for _, k := range keys {
		p.do(chromedp.KeyEvent(k))
	}
}

// shot writes a screenshot of what is in the window.
func (p *tab) shot(name string) {
	p.t.Helper()
	dir := os.Getenv(shotsVariable)
	if dir == "" {
		dir = p.t.TempDir()
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		p.t.Errorf("screenshot %s: %v", name, err)
	}
}

// look sets the window's size and the theme.
func (p *tab) look(width, height int64, theme string) {
	p.t.Helper()
	p.must(chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600,
	}))
	p.must(chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}))
}

// check fails on requests to elsewhere, and on errors in the page.
func (p *tab) check() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) == 0 {
		p.t.Error("no request was seen, so none could be checked")
	}
	for _, url := range p.requests {
		if !strings.HasPrefix(url, p.base+"/") {
			p.t.Errorf("the page asked for %s", url)
		}
	}
	for _, f := range p.faults {
		p.t.Errorf("the page's console: %s", f)
	}
}
