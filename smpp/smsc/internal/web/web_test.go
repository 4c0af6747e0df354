package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/otpgw/otpgw/queue/queuetest/address"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	bulgarian = "Вашият код за потвърждение е 482913. Не го споделяйте с никого."
	longText  = "Your order is on its way. The courier comes tomorrow between nine and eleven; somebody has to be there to sign for it. " +
		"You can choose another day, or a neighbour, until eight this evening by answering NEIGHBOUR or the day. Thank you for buying from us 🙂"
)

// TestPage is a morning with the inbox: messages come over SMPP, a code is copied, a handset answers, an
// outcome is chosen, a session is dropped.
func TestPage(t *testing.T) {
	t.Parallel()
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	p := openTab(t, srv)
	p.look(1280, 800, "light")
	p.sees("#thread", "Nothing here yet")
	p.shot("empty-light")

	e := esmetest.Bound(t, srv, wire.BindTransceiver, "shop")
	p.sees("#session-count", "1")

	e.Submit(esmetest.Message("359888123456", bulgarian))
	p.sees("#list", "482913")
	p.sees("#list", "+359888123456")
	p.sees(".bubble", bulgarian)
	p.sees(".story .tick.delivered", "Delivered")

	p.click(".code-copy")
	p.sees("#toasts", "Copied 482913")
	p.shot("copied-light")
	if got := p.text(`navigator.clipboard.readText()`); got != "482913" {
		t.Errorf("the clipboard has %q", got)
	}

	e.Receipt()
	p.do(chromedp.SendKeys(chromedp.CSS("#answer"), "СТОП 👍\n"))
	if mo := e.Receipt(); mo.ESMClass&wire.ESMClassTypeMask != 0 || mo.Source.Addr != "359888123456" || mo.Dest.Addr != "Verify" {
		t.Errorf("the answer came as %+v", mo)
	}
	p.sees(".message.mo .bubble", "СТОП 👍")
	p.sees(".message.mo .tick.delivered", "Taken")

	p.do(chromedp.SetValue(chromedp.CSS("#outcome"), "undeliverable"))
	p.run(`document.querySelector("#outcome").dispatchEvent(new Event("change"))`)
	p.sees("#rule-count", "1")
	e.Submit(esmetest.Message("359888123456", "Now 7777 fails"))
	p.sees(".tick.failed", "UNDELIV")

	for _, m := range esmetest.Messages("491701234567", longText, text.Options{}) {
		e.Submit(m)
	}
	e.Submit(esmetest.Message("4915112345678", "🎉🚀"))
	e.Submit(esmetest.Message("447700900123", "Your PIN is 90210"))
	p.sees("#list", "90210")
	p.pictures()

	p.open("#/sessions")
	p.sees(".card", "shop")
	p.shot("sessions-light")
	p.click(`[data-focus="drop"]`)
	select {
	case <-e.Ended:
	case <-time.After(esmetest.Patience):
		t.Error("the session goes on")
	}
	p.sees("#view-sessions", "No client is connected")
	p.check()
}

// pictures takes the screenshots that are looked at.
func (p *tab) pictures() {
	p.t.Helper()
	p.run(`document.querySelector("#toasts").replaceChildren()`) // what it said is past
	for _, theme := range []string{"light", "dark"} {
		p.look(1280, 800, theme)
		p.open("#/n/359888123456")
		p.sees(".bubble", "СТОП")
		p.shot("inbox-" + theme)
		p.look(390, 844, theme)
		p.shot("narrow-conversation-" + theme)
		p.open("#/")
		p.shot("narrow-list-" + theme)
	}
	p.look(1280, 800, "light")
	p.open("#/n/491701234567")
	p.sees(".bubble", "courier")
	p.click(".story summary")
	p.sees(".segment", "submit_sm")
	p.click(".segment summary")
	p.sees(".segment", "short_message")
	p.shot("details-light")
	p.open("#/rules")
	p.sees(".magic", "9001")
	p.shot("outcomes-light")
	p.open("#/connect")
	p.sees("#view-connect", "From a test")
	p.shot("connect-light")
	p.open("#/pdus")
	p.sees("#view-pdus", "submit_sm")
	p.click(".pdus .in button")
	p.sees(".fields", "command_id")
	p.shot("pdus-light")
	p.look(1280, 800, "dark")
	p.shot("pdus-dark")
	p.look(1280, 800, "light")
}

// TestPageShowsMarkupAsText: what comes from outside is text wherever the page shows it.
func TestPageShowsMarkupAsText(t *testing.T) {
	t.Parallel()
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	p := openTab(t, srv)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "<b>shop</b>")
	evil := `<script>window.bad=1</script><img src=x onerror="window.bad=1"> 1234`
	m := esmetest.Message("491701234567", evil)
	m.Source.Addr = `<i onclick=bad>`
	e.Submit(m)
	p.sees("#list", "<script>")
	p.click("#list a")
	p.sees(".bubble", evil)
	p.sees(".sender", "<i onclick=bad>")
	p.click(".story summary")
	p.sees(".facts", "<b>shop</b>")
	p.do(chromedp.SendKeys(chromedp.CSS("#search"), "<script"))
	p.sees("#list mark", "<script")
	p.open("#/pdus")
	p.sees(".pdus", "submit_sm")
	p.click(".pdus .in button")
	p.sees(".fields", "<script>")
	p.open("#/sessions")
	p.sees(".card", "<b>shop</b>")
	if got := p.text(`String(window.bad)`); got != "undefined" {
		t.Error("a message ran as a script")
	}
	if got := p.text(`String(document.querySelectorAll("main script, main img, main b:not(.timeline b), main .sender i").length)`); got != "0" {
		t.Errorf("%s elements came out of a message", got)
	}
	p.check()
}

// TestPageKeys: the inbox works without a mouse.
func TestPageKeys(t *testing.T) {
	t.Parallel()
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "shop")
	e.Submit(esmetest.Message("491701111111", "first 1111"))
	e.Submit(esmetest.Message("491702222222", "second 2222"))
	p := openTab(t, srv)
	p.sees("#thread", "second 2222")                                                                              // the newest conversation is open
	p.run(`window.clip = navigator.clipboard; Object.defineProperty(navigator, "clipboard", {value: undefined})`) // as over plain HTTP from another host
	p.keys("c")
	p.sees("#toasts", "Copied 2222")
	if got := p.text(`window.clip.readText()`); got != "2222" {
		t.Errorf("the clipboard has %q", got)
	}
	p.keys("/")
	p.eventually("the search has no focus", `document.activeElement.id === "search"`)
	p.keys(kb.Backspace, "1111") // DevTools sends the character also where the page took the key
	p.eventually("the search finds something else", `document.querySelectorAll("#list a").length === 1`)
	p.keys(kb.Escape)
	p.eventually("Esc does not end the search", `document.querySelectorAll("#list a").length === 2`)
	p.keys(kb.Escape, kb.ArrowDown, kb.Enter)
	p.sees("#thread", "first 1111")
	p.keys(kb.ArrowUp)
	p.eventually("no row has the focus", `document.activeElement.closest("#list a") !== null`)
	p.keys("2")
	p.sees("#view-sessions h1", "Sessions")
	p.keys(kb.Escape)
	p.sees("#list", "first 1111")
	p.check()
}

// TestFirstMessageBeforeAFrame: the first message opens its conversation, also where the page had no frame to
// draw that there was none.
func TestFirstMessageBeforeAFrame(t *testing.T) {
	t.Parallel()
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "shop")
	e.Submit(esmetest.Message("491701111111", "old 1111"))
	p := openTab(t, srv)
	p.sees("#thread", "old 1111")
	p.open("#/")
	p.sees("#thread", "Choose a conversation")
	p.run(`window.held = []; window.frame = requestAnimationFrame; window.requestAnimationFrame = (draw) => window.held.push(draw)`)
	p.run(`window.parse = JSON.parse; JSON.parse = (text) => { window.came ||= text.includes("new 2222"); return window.parse(text) }`)
	p.run(`fetch("/api/v1/messages", {method: "DELETE"})`)
	p.eventually("the page does not ask for what is left", `window.held.length > 0`)
	e.Submit(esmetest.Message("491702222222", "new 2222"))
	p.eventually("the message does not come", `window.came === true`)
	p.run(`window.requestAnimationFrame = window.frame; window.held.forEach((draw) => window.frame(draw))`)
	p.sees("#thread", "new 2222")
	p.check()
}

// TestPageComesBack: a page whose simulator was started anew shows what that one has. Before that: the PDUs
// live, and a rule deleted.
func TestPageComesBack(t *testing.T) {
	t.Parallel()
	first, err := smsc.Start(smsc.Config{HTTPAddr: address.Free(t, 1)[0]})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close(esmetest.Patient(t))
	p := openTab(t, first)
	e := esmetest.Bound(t, first, wire.BindTransceiver, "shop")
	e.Submit(esmetest.Message("491701111111", "old 1111"))
	p.sees("#thread", "old 1111")

	p.open("#/pdus")
	p.sees(".pdus", "submit_sm_resp")
	e.Must(wire.SubmitSM, esmetest.Message("491709999006", "refused 1112"))
	p.sees(".pdus .bad", "ESME_RINVDSTADR")

	if _, err := first.Rules().Add(smsc.Rule{ID: "mine", Note: "A rule of a test"}); err != nil {
		t.Fatal(err)
	}
	p.open("#/rules")
	p.sees(".card", "A rule of a test")
	p.click(`.card [data-focus="delete"]`)
	p.eventually("the rule stays", `document.querySelectorAll("#view-rules .card").length === 0`)
	if n := len(first.Rules().List()); n != 0 {
		t.Errorf("%d rules are left", n)
	}

	p.open("#/n/491702222222")
	if err := first.Close(esmetest.Patient(t)); err != nil {
		t.Fatal(err)
	}
	p.sees("#live", "Reconnecting")
	second := esmetest.Start(t, smsc.Config{HTTPAddr: first.HTTPAddr()})
	e = esmetest.Bound(t, second, wire.BindTransmitter, "shop")
	e.Submit(esmetest.Message("491702222222", "new 2222"))
	p.sees("#thread", "new 2222")
	p.sees("#live", "Live")
	p.eventually("what the old one had is still there", `!document.querySelector("#list").innerText.includes("1111")`)
	p.check()
}

// TestPageFiles: the files have their types, and the policy that keeps the page to itself.
func TestPageFiles(t *testing.T) {
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	for path, want := range map[string]string{
		"/": "text/html", "/page/app.js": "text/javascript", "/page/base.css": "text/css", "/page/icons.svg": "image/svg+xml", "/openapi.yaml": "application/yaml",
	} {
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + srv.HTTPAddr() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, got)
		}
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
}
