package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestConsoleShowsRouting: the console shows of each route and country how its links do by true conversion: a
// carrier that lies and one that is slow get next to nothing, and the figures move while the page is open.
func TestConsoleShowsRouting(t *testing.T) {
	t.Parallel()
	page := browser(t)
	honest, lying := startSMSC(t, smsc.Config{}), startSMSC(t, smsc.Config{})
	slow := startSMSC(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome {
		return smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Delivered, Delay: 3300 * time.Millisecond}}}
	}})
	p := startDaemon(t, env(t.TempDir(), honest.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,liar,slowcoach", "OTPGW_LINK_LIAR_ADDR": lying.Addr(), "OTPGW_LINK_LIAR_SYSTEM_ID": "x",
		"OTPGW_LINK_SLOWCOACH_ADDR": slow.Addr(), "OTPGW_LINK_SLOWCOACH_SYSTEM_ID": "x", "OTPGW_ROUTING_SLOW_AFTER": "3s", // a busy machine is late too
		"OTPGW_ROUTES": "default,uk", "OTPGW_ROUTE_UK_PREFIXES": "44", "OTPGW_ROUTE_UK_LINKS": "carrier",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0,liar:0,slowcoach:0", "OTPGW_ROUTING": "on", "OTPGW_APP_SHOP_GUARD": "off",
	}))
	if !p.stderr.more(`"message":"bound"`, 2) {
		t.Fatal("the links do not bind")
	}
	c := client(t)
	next := 0
	order := func(n int) {
		var all sync.WaitGroup
		for range n {
			next++
			to := []string{"+46701%06d", "+359888%06d"}[next%2]
			to = fmt.Sprintf(to, next)
			var o struct{ OtpID string }
			mustCall(t, c, "POST", p.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, to), 201).json(t, &o)
			if got := arrival(t, to, honest, lying, slow); got.server != lying {
				all.Go(func() { mustCall(t, c, "POST", p.HTTP+"/otp/"+o.OtpID, `{"pin":"`+got.code+`"}`, 200) })
			}
		}
		all.Wait()
	}
	order(140) // the promise is 200; with 80 a liar has kept its share now and then
	if err := chromedp.Do(page, chromedp.Navigate(p.Admin+"/")); err != nil {
		t.Fatal(err)
	}
	// cell is the text of a column of a link's first row.
	const cell = `[...document.querySelectorAll("#routes .card")].find((c) => c.dataset.key === "default")?.querySelector(".scores tbody tr:nth-child(%d)")?.cells[%d].innerText`
	row := func(link, column int) string { return fmt.Sprintf(cell, link+1, column) }
	within(t, page, "which mode", `document.querySelector("#routes .mode")?.innerText.startsWith("Shared by conversion")`)
	within(t, page, "countries", `["Sweden", "Bulgaria"].every((n) => [...document.querySelectorAll("#routes .group")].some((e) => e.innerText === n))`)
	within(t, page, "the links", row(1, 0)+` === "carrier" && `+row(2, 0)+` === "liar" && `+row(3, 0)+` === "slowcoach"`)
	within(t, page, "a liar's share", `parseInt(`+row(2, 3)+`) < 10`)
	within(t, page, "a slow one's share, and why", `parseInt(`+row(3, 3)+`) < 10 && `+row(3, 2)+`.startsWith("slow, ")`)
	within(t, page, "who does well has the rest", `parseInt(`+row(1, 3)+`) > 80 && parseInt(`+row(1, 1)+`) > 2`)
	within(t, page, "a route of one link has no choice", `document.querySelectorAll("#routes .scores")[1].hidden`)

	evaluate(t, page, `window.before = `+row(1, 1)+`; window.opened = true`)
	order(20)
	within(t, page, "more without a reload of the page", `window.opened && `+row(1, 1)+` !== window.before`)
	looks(t, page, "console-routing", axeCore(t), []look{allLooks[0], allLooks[3]}, func() {})

	at := []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://")}
	if out, _ := ctl(t, at, exitOK, "routes"); !strings.Contains(out, "slow: its messages are delivered late") || strings.Contains(out, "WOULD") {
		t.Errorf("routes:\n%s", out)
	}
}
