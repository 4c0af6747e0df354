package web_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	manyMessages = 5005
	oldNumber    = "359888000002" // of the oldest messages
	arabic       = "رمز التحقق الخاص بك هو ٤٧١١، لا تشاركه مع أي شخص آخر مهما كان السبب"
)

// withMany is a simulator with 5,005 messages to 1,500 numbers, and the oldest to one more: five, and its
// answer.
func withMany(t *testing.T) (*smsc.Server, *esmetest.Client) {
	t.Helper()
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0", NoMagic: true})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "shop")
	for i := range 5 {
		e.Submit(esmetest.Message(oldNumber, fmt.Sprintf("Old code %d", 1000+i)))
	}
	if _, err := srv.InjectMO(esmetest.Patient(t), smsc.MO{From: oldNumber, To: "Verify", Text: "thank you"}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range 10 {
		wg.Go(func() {
			for i := worker; i < manyMessages-7; i += 10 {
				if _, err := e.Do(t.Context(), wire.SubmitSM, esmetest.Message(fmt.Sprint(491700000000+i%1500*10), fmt.Sprintf("Your code is %06d", i))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, m := range esmetest.Messages("491709999990", arabic, optionsOfLong) {
		e.Submit(m)
	}
	if n := len(srv.Messages(smsc.Filter{MO: true})); n != manyMessages {
		t.Fatalf("%d messages are kept, want %d", n, manyMessages)
	}
	return srv, e
}

// TestPageWithManyMessages: the counts are true, the list goes on at its end, an old conversation has its
// messages, and an Arabic preview begins at its beginning.
func TestPageWithManyMessages(t *testing.T) {
	t.Parallel()
	srv, e := withMany(t)
	p := openTab(t, srv)
	p.sees("#kept", "Newest 1,000 of 5,005 messages")
	p.eventually("the preview is not from right to left", `getComputedStyle(document.querySelector(".row-preview")).direction === "rtl"`)
	p.pair("many")

	p.open("#/n/" + oldNumber)
	p.sees(".thread-head h2", "+"+oldNumber)
	p.eventually("not all messages of the old number", `document.querySelectorAll(".message").length === 6`)
	p.eventually("nobody to answer to", `!document.querySelector("#answer").disabled`)
	p.open("#/n/491709999990")
	p.sees(".bubble", arabic[:20])

	p.do(chromedp.SendKeys(chromedp.CSS("#search"), "your code"))
	p.sees("#kept", "Newest 1,000 of 4,998 found")
	p.run(`document.querySelector("#list-scroll").scrollTop = 1e9`)
	p.keys(kb.Escape)
	p.sees("#kept", "of 5,005 messages")

	e.Submit(esmetest.Message("48600100200", "one more 4711"))
	p.sees("#kept", "of 5,006 messages")
	for deadline := time.Now().Add(2 * pagePatience); ; {
		if p.text(`document.querySelector("#kept").innerText`) == "5,006 messages" {
			break
		}
		if time.Now().After(deadline) {
			p.shot("failed")
			t.Fatalf("the end of the list was not reached: %s", p.text(`document.querySelector("#kept").innerText`))
		}
		p.text(`new Promise((done) => { const s = document.querySelector("#list-scroll"); s.scrollTop = s.scrollHeight; setTimeout(() => done(""), 50); })`)
	}
	p.eventually("the oldest row is not the last", `(document.querySelector("#list-scroll").scrollTop = 1e9, document.querySelector("#list li:last-child a")?.hash === "#/n/`+oldNumber+`")`)
	p.check()
}

// TestPageWithALongConversation: the messages before the newest thousand of a number are asked for.
func TestPageWithALongConversation(t *testing.T) {
	t.Parallel()
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0"})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "shop")
	for i := range 1100 {
		e.Submit(esmetest.Message("491701234567", fmt.Sprint("message ", i)))
	}
	p := openTab(t, srv)
	p.open("#/n/491701234567")
	p.eventually("not the newest", `document.querySelectorAll(".message").length === 1000`)
	p.run(`document.querySelector(".log .older").click()`)
	p.eventually("not all", `document.querySelectorAll(".message").length === 1100 && document.querySelector(".log .older").hidden`)
	p.eventually("not from the first", `document.querySelector(".message .text").innerText === "message 0"`)
	p.check()
}

// TestPagePDUsByNumber: a row says from whom to whom and the message id, and one field finds them, in what is
// kept and in what comes.
func TestPagePDUsByNumber(t *testing.T) {
	t.Parallel()
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0", KeepPDUs: 5000})
	p := openTab(t, srv)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "shop")
	id := e.Submit(esmetest.Message("491701234567", "Your code is 4711"))
	e.Receipt()
	for i := range 600 { // more than the page keeps: the simulator has to find them
		e.Submit(esmetest.Message(fmt.Sprint(48600000000+i), "other"))
	}
	p.open("#/pdus")
	p.eventually("no rows", `document.querySelectorAll(".pdus tbody tr").length > 100`)
	p.do(chromedp.SendKeys(chromedp.CSS(".find"), "+491701234567"))
	rows := `[...document.querySelectorAll(".pdus tbody tr")].map((r) => r.innerText.replace(/\s+/g, " "))`
	p.eventually("not the four PDUs of the number", rows+`.length === 4`)
	for _, want := range []string{"submit_sm Verify → 491701234567", "submit_sm_resp Verify → 491701234567 " + id, "deliver_sm 491701234567 → Verify " + id} {
		p.eventually("no row with "+want, rows+`.some((r) => r.includes(`+quote(want)+`))`)
	}
	e.Submit(esmetest.Message("491701234567", "again 4712"))
	p.eventually("not the new ones", rows+`.length === 8`)
	p.run(`document.querySelector(".find").value = ` + quote(id) + `; document.querySelector(".find").dispatchEvent(new Event("input"))`)
	p.eventually("not by the message id", rows+`.length === 4 && `+rows+`.every((r) => r.includes(`+quote(id)+`))`)
	p.run(`[...document.querySelectorAll(".pdus tbody tr .link")].find((b) => b.innerText === "deliver_sm").click()`)
	p.sees(".fields .content", "stat:DELIVRD")
	p.pair("pdus-found")
	p.check()
}

// pair takes a screenshot as on a desk and one as on a telephone.
func (p *tab) pair(name string) {
	p.t.Helper()
	p.shot(name)
	p.look(390, 844, "dark")
	p.shot(name + "-phone-dark")
	p.look(1280, 800, "light")
}

// TestPageFitsATelephone: no view is wider than the window, and the way to the others stays in it.
func TestPageFitsATelephone(t *testing.T) {
	t.Parallel()
	srv := esmetest.Start(t, smsc.Config{HTTPAddr: "127.0.0.1:0", Accounts: map[string]string{"shop": "secret", "a-long-name-15c": ""}})
	p := openTab(t, srv)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "shop")
	e.Submit(esmetest.Message("491701234567", strings.Repeat("A long text without an end. ", 5)+strings.Repeat("x", 90)))
	e.Submit(esmetest.Message("491701234567", arabic))
	if _, err := srv.Rules().Add(esmetest.Rule(t, `{"note":"all fields","match":{"to":"49"},"share":0,"submit":{"delay":{"kind":"normal","mean":"1s","dev":"1s"}}}`)); err != nil {
		t.Fatal(err)
	}
	for _, width := range []int64{390, 320} {
		p.look(width, 844, "light")
		for _, hash := range []string{"#/", "#/n/491701234567", "#/sessions", "#/pdus", "#/rules", "#/connect"} {
			p.open(hash)
			if hash == "#/pdus" {
				p.eventually("no PDUs", `document.querySelectorAll(".pdus tbody tr").length > 3`)
				p.run(`document.querySelector(".pdus .link").click()`)
			}
			p.run(`for (const d of document.querySelectorAll("details")) d.open = true`)
			got := p.text(`(() => { const n = document.querySelector(".views").getBoundingClientRect(), w = document.documentElement;
				return [w.scrollWidth, Math.round(n.right), Math.round(n.bottom), document.querySelector("#theme").getBoundingClientRect().right].map(Math.round).join(" "); })()`)
			var doc, right, bottom, theme int64
			if _, err := fmt.Sscan(got, &doc, &right, &bottom, &theme); err != nil || doc > width || right > width || bottom > 844 || theme > width {
				t.Errorf("%s at %d: the document, the navigation's right and bottom, the last button's right: %s", hash, width, got)
			}
			p.shot(fmt.Sprintf("phone-%d-%s", width, strings.Trim(strings.ReplaceAll(hash, "/", "-"), "#-")))
		}
	}
}

// TestPageStopsWithTheSimulator: without it nothing can be answered, and the page says so.
func TestPageStopsWithTheSimulator(t *testing.T) {
	t.Parallel()
	srv, err := smsc.Start(smsc.Config{HTTPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close(esmetest.Patient(t)) // also where there is no browser
	p := openTab(t, srv)
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "shop")
	e.Submit(esmetest.Message("491701234567", "Your code is 4711"))
	p.open("#/n/491701234567")
	p.eventually("the composer is off", `document.querySelector("#answer")?.disabled === false`)
	ctx, cancel := context.WithTimeout(t.Context(), esmetest.Patience)
	defer cancel()
	if err := srv.Close(ctx); err != nil {
		t.Error(err)
	}
	p.sees("#live", "Reconnecting")
	p.eventually("the composer is still on", `document.querySelector("#answer").disabled && document.querySelector("#send").disabled`)
}
