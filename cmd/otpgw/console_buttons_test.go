package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// hands are an operator's, on the console.
type hands struct {
	t    *testing.T
	page context.Context
	p    *process
}

// click presses the button of a label.
func (h hands) click(label string) {
	h.t.Helper()
	h.clickOn(fmt.Sprintf(`[aria-label=%q]`, label))
}

// clickOn waits until there is something to press. It is pressed where it is, not where it was: what is above
// it may grow at any moment.
func (h hands) clickOn(selector string) {
	h.t.Helper()
	within(h.t, h.page, "there is "+selector, fmt.Sprintf(`document.querySelector(%q)?.checkVisibility()`, selector))
	evaluate(h.t, h.page, fmt.Sprintf(`document.querySelector(%q).click()`, selector))
}

func (h hands) do(what string, action chromedp.Action[chromedp.Void]) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.page, testTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, action); err != nil {
		h.t.Fatalf("the console: %s: %v", what, err)
	}
}

// write writes into a field.
func (h hands) write(selector, text string) {
	h.t.Helper()
	h.do("write into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (h hands) keys(keys string) {
	h.t.Helper()
	h.do("keys", chromedp.KeyEvent(keys))
}

// tabTo presses Tab until an element has the focus.
func (h hands) tabTo(selector string) {
	h.t.Helper()
	for range 100 {
		h.keys("\t")
		if valueOf(h.t, h.page, fmt.Sprintf(`String(document.activeElement?.matches(%q))`, selector)) == "true" {
			return
		}
	}
	h.t.Fatalf("no Tab leads to %s", selector)
}

// says waits for what the console says of an action.
func (h hands) says(text string) {
	h.t.Helper()
	within(h.t, h.page, "says "+text, fmt.Sprintf(`document.querySelector("#did").innerText.includes(%q)`, text))
}

// audited waits for an action in the audit log, for the nth time.
func (h hands) audited(action string, n int) {
	h.t.Helper()
	if !h.p.stderr.more(`"audit":"`+action+`"`, n-1) {
		h.t.Errorf("%s is not in the audit log", action)
	}
}

// TestConsoleButtons: each button of the console does in the gateway what it says, and is in the audit log;
// the first one by the keyboard alone.
func TestConsoleButtons(t *testing.T) {
	t.Parallel()
	page := browser(t)
	var gone atomic.Bool
	gone.Store(true)
	var told atomic.Int32
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if gone.Load() {
			w.WriteHeader(http.StatusGone)
			return
		}
		told.Add(1)
	}))
	defer receiver.Close()
	sim := startSMSC(t, smsc.Config{})
	dir := t.TempDir()
	path := filepath.Join(dir, "otpgw.conf")
	vars := env(filepath.Join(dir, "data"), sim.Addr(), map[string]string{"OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL})
	writeSettings(t, path, vars)
	p := startWithFile(t, path)
	if !p.stderr.more(`"message":"bound"`, 0) {
		t.Fatal("the link does not bind")
	}
	h, op, c := hands{t, page, p}, port{t, p.Admin}, client(t)
	if err := chromedp.Do(page, chromedp.Navigate(p.Admin+"/")); err != nil {
		t.Fatal(err)
	}
	link := func() (l operator.LinkState) {
		var all []operator.LinkState
		op.do("GET", "/links", "", &all)
		return all[0]
	}

	within(t, page, "the link", `document.querySelector("#links .pause")`)
	h.tabTo(`[aria-label="pause carrier"]`)
	h.keys("\r")
	within(t, page, "the token is asked for", `document.querySelector("#ask").open && document.activeElement.id === "token"`)
	h.keys(testAdminToken + "\r")
	h.says("carrier: told to pause")
	await.That(t, "it is paused", func() bool { return link().Paused })
	h.audited("POST /links/carrier/pause", 1)
	within(t, page, "the focus stays, on what is its other way now", `document.activeElement.getAttribute("aria-label") === "resume carrier"`)
	h.click("resume carrier")
	await.That(t, "it sends", func() bool { return !link().Paused && link().Up })
	h.audited("POST /links/carrier/resume", 1)
	binds := p.stderr.count(`"message":"bound"`)
	h.click("rebind carrier")
	if !p.stderr.more(`"message":"bound"`, binds) {
		t.Error("it does not bind anew")
	}
	h.audited("POST /links/carrier/rebind", 1)
	h.click("drain carrier")
	await.That(t, "it is drained", func() bool { return link().Paused && link().InFlight == 0 })
	h.audited("POST /links/carrier/drain", 1)
	within(t, page, "so says the card", `document.querySelector('[aria-label="resume carrier"]')`)
	h.click("resume carrier")
	h.audited("POST /links/carrier/resume", 2)

	// Dead letters, and the URL that answered 410.
	ids := []string{endedOTP(t, p, 1), endedOTP(t, p, 2), endedOTP(t, p, 3)}
	var letters []operator.DeadLetter
	await.That(t, "dead letters", func() bool { op.do("GET", "/dlq", "", &letters); return len(letters) >= len(ids) })
	without := func(sequence uint64) {
		t.Helper()
		await.That(t, "a dead letter is gone", func() bool {
			op.do("GET", "/dlq", "", &letters)
			return !slices.ContainsFunc(letters, func(l operator.DeadLetter) bool { return l.Sequence == sequence })
		})
	}
	none := func() {
		t.Helper()
		await.That(t, "all are gone", func() bool { op.do("GET", "/dlq", "", &letters); return len(letters) == 0 })
	}
	within(t, page, "the funnel, which moves what is below it", `document.querySelector("#funnel .stages")`)
	within(t, page, "what they are", `[...document.querySelectorAll("#dead h3")].some((e) => /^otp_update of shop to 127/.test(e.innerText))`)
	first := letters[0].Sequence
	h.click(fmt.Sprintf("drop dead letter %d", first))
	within(t, page, "it is asked whether", `document.querySelector("#sure").open`)
	h.clickOn(`#sure .cancel`)
	within(t, page, "no, then", `!document.querySelector("#sure").open`)
	h.click(fmt.Sprintf("drop dead letter %d", first))
	within(t, page, "it is asked again", `document.querySelector("#sure").open`)
	h.clickOn("#sure-ok")
	h.says("dropped")
	without(first)
	h.audited("dlq.drop", 1)
	gone.Store(false)
	second := letters[0].Sequence
	h.click(fmt.Sprintf("replay dead letter %d", second))
	h.says("replayed")
	await.That(t, "it is told", func() bool { return told.Load() > 0 })
	without(second)
	h.audited("dlq.replay", 1)
	h.click("replay all dead callbacks")
	none()
	h.audited("dlq.replay", 2)
	within(t, page, "the replay enabled the URL", `!document.querySelector("#urls .enable")`)
	gone.Store(true)
	endedOTP(t, p, 4)
	within(t, page, "the URL is disabled", `document.querySelector("#urls .enable")`)
	gone.Store(false)
	h.clickOn("#urls .enable")
	h.says("is told again")
	var disabled []struct{ ID string }
	await.That(t, "it is enabled", func() bool { op.do("GET", "/endpoints", "", &disabled); return len(disabled) == 0 })
	h.audited("endpoint.enable", 1)
	within(t, page, "all may be dropped", `document.querySelector('[aria-label="drop all dead callbacks"]')`)
	h.click("drop all dead callbacks")
	h.clickOn("#sure-ok")
	none()
	h.audited("dlq.drop", 2)

	h.guard(c)
	h.gateway(path, vars)

	// Find an OTP, and forget its number.
	to := "+46701740605"
	var o struct {
		OtpID string
		TTL   int
	}
	if mustCall(t, c, "POST", p.HTTP+"/otp", `{"phoneNumber":"`+to+`"}`, 201).json(t, &o); o.TTL != 120 {
		t.Errorf("after the reload the ttl is %d", o.TTL)
	}
	waitSMS(t, sim, to)
	h.write("#of", "46 701 740 605\r")
	within(t, page, "it is found", `document.querySelector("#found .way")?.innerText.includes("+46701740605")`)
	h.audited("GET /otps", 1)
	h.clickOn("#forget")
	within(t, page, "which number", `document.querySelector("#sure-title").innerText === "Forget +46701740605?"`)
	h.clickOn("#sure-ok")
	h.says("1 OTP and")
	mustCall(t, c, "GET", p.HTTP+"/otp/"+o.OtpID, "", 404)
	h.audited("POST /forget", 1)
	if strings.Contains(p.stderr.String(), "46701740605") {
		t.Error("the log has the number")
	}
	looks(t, page, "console-buttons", axeCore(t), []look{allLooks[1], allLooks[2]}, func() {})
}

// guard allows, denies and unblocks beginnings of numbers.
func (h hands) guard(c *http.Client) {
	h.t.Helper()
	rules := func() (list []struct {
		Prefix string
		Allow  bool
		Until  string
	}) {
		port{h.t, h.p.Admin}.do("GET", "/guard", "", &list)
		return list
	}
	h.write("#prefix", "+4670")
	h.clickOn(`#rule button[value="deny"]`)
	h.says("+4670: denied")
	mustCall(h.t, c, "POST", h.p.HTTP+"/otp", `{"phoneNumber":"+46701740605"}`, 403)
	if list := rules(); len(list) != 1 || list[0].Allow || list[0].Until == "" {
		h.t.Errorf("the guard is told %+v", list)
	}
	h.clickOn(`#rule button[value="allow"]`)
	h.says("+4670: allowed")
	if list := rules(); len(list) != 1 || !list[0].Allow {
		h.t.Errorf("the guard is told %+v", list)
	}
	within(h.t, h.page, "the rule", `document.querySelector("#guard .card")?.innerText.includes("allowed for")`)
	h.click("unblock +4670")
	h.says("as the guard finds")
	if list := rules(); len(list) != 0 {
		h.t.Errorf("the guard is told %+v yet", list)
	}
	for _, action := range []string{"deny", "allow", "unblock"} {
		h.audited("POST /guard/"+action, 1)
	}
}

// gateway sets the log level, and reloads a configuration: a good one, and one with a fault.
func (h hands) gateway(path string, vars map[string]string) {
	h.t.Helper()
	evaluate(h.t, h.page, `document.querySelector("#to-level").value = "debug"`)
	h.clickOn("#level button")
	h.says("the log level is debug")
	within(h.t, h.page, "the level", `document.querySelector("#gateway").innerText.includes("debug")`)
	h.audited("POST /loglevel/debug", 1)

	vars["OTPGW_APP_SHOP_TTL"] = "120"
	writeSettings(h.t, path, vars)
	h.click("reload the configuration")
	h.says("reloaded; changed: ")
	h.audited("POST /reload", 1)
	vars["OTPGW_APP_SHOP_TTL"] = "9"
	writeSettings(h.t, path, vars)
	h.click("reload the configuration")
	h.says("nothing has changed; OTPGW_APP_SHOP_TTL")
	h.audited("POST /reload", 2)
}
