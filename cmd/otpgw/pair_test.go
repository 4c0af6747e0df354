package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// startPair starts two daemons that share a store.
func startPair(t *testing.T, smpp string, more map[string]string) (one, two *process) {
	t.Helper()
	shared := map[string]string{
		"OTPGW_NATS_URL":   queuetest.External(t),
		"OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
	}
	maps.Copy(shared, more)
	return startBound(t, env(t.TempDir(), smpp, shared)), startBound(t, env(t.TempDir(), smpp, shared))
}

// atDaemon is where ctl finds one of several daemons.
func atDaemon(p *process) []string {
	return []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}
}

// TestDaemonsLearnFromEachOther: a daemon that has sent nothing yet leaves a carrier that lies from its first
// message on, for another one that shares its store has found it out; by PINs that were typed in at either.
func TestDaemonsLearnFromEachOther(t *testing.T) {
	t.Parallel()
	honest, lying := startSMSC(t, smsc.Config{}), startSMSC(t, smsc.Config{})
	one, two := startPair(t, honest.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,liar", "OTPGW_LINK_LIAR_ADDR": lying.Addr(), "OTPGW_LINK_LIAR_SYSTEM_ID": "x",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0,liar:0", "OTPGW_ROUTING": "on", "OTPGW_APP_SHOP_GUARD": "off",
	})
	for _, p := range []*process{one, two} {
		if !p.stderr.more(`"message":"bound"`, 1) {
			t.Fatal("the links do not bind")
		}
	}
	only := func(sends, rests *process) {
		t.Helper()
		for _, link := range []string{"carrier", "liar"} {
			ctl(t, atDaemon(rests), exitOK, "-here", "pause", link)
			ctl(t, atDaemon(sends), exitOK, "-here", "resume", link)
		}
	}
	c := client(t)
	next := 0
	order := func(n int) (lied float64) {
		before := len(lying.Messages(smsc.Filter{}))
		for range n {
			next++
			to := number(next)
			var o struct{ OtpID string }
			mustCall(t, c, "POST", one.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, to), 201).json(t, &o)
			if got := arrival(t, to, honest, lying); got.server == honest { // at either daemon
				mustCall(t, c, "POST", []*process{one, two}[next%2].HTTP+"/otp/"+o.OtpID, `{"pin":"`+got.code+`"}`, 200)
			}
		}
		return float64(len(lying.Messages(smsc.Filter{}))-before) / float64(n)
	}

	only(one, two)
	order(200)
	if sent := two.stderr.count(`"message":"sent"`); sent != 0 {
		t.Fatalf("the one that rests sent %d", sent)
	}
	var told string
	await.That(t, "the other knows it", func() bool { // what is typed in before it heard of the message counts for less
		liar, carrier := scoreOf(t, c, two, "liar", "SE"), scoreOf(t, c, two, "carrier", "SE")
		told = fmt.Sprintf("%+v %+v", liar, carrier)
		return liar.Sent > 5 && liar.Verified == 0 && liar.Share <= 0.06 && carrier.Sent > 50 && carrier.Verified > 0.7*carrier.Sent
	})
	t.Logf("the other knows %s, having sent nothing", told)
	only(two, one)
	before := two.stderr.count(`"message":"sent"`)
	if part := order(100); part > 0.1 {
		t.Errorf("the other one gives the liar %.2f of its first messages", part)
	}
	await.That(t, "the other one sent them", func() bool { return two.stderr.count(`"message":"sent"`) == before+100 })
}

// TestPairTellsTheSame: an OTP asked for at one daemon, sent by another and verified at the first has one way
// and one place in the funnel, whichever is asked.
func TestPairTellsTheSame(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	sim := startSMSC(t, smsc.Config{})
	one, two := startPair(t, sim.Addr(), map[string]string{"OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL})
	ctl(t, atDaemon(one), exitOK, "-here", "pause", "carrier")
	c := client(t)
	const otps = 5
	var last created
	var to string
	for n := range otps {
		to = number(n)
		mustCall(t, c, "POST", one.HTTP+"/otp", `{"phoneNumber":"`+to+`"}`, 201).json(t, &last)
		m := waitSMS(t, sim, to)
		mustCall(t, c, "POST", one.HTTP+"/otp/"+last.OtpID, `{"pin":"none"}`, 400)
		mustCall(t, c, "POST", one.HTTP+"/otp/"+last.OtpID, `{"pin":"`+m.Code+`"}`, 200)
	}
	if n := one.stderr.count(`"message":"sent"`); n != 0 || !two.stderr.more(`"message":"sent"`, otps-1) {
		t.Fatalf("the first sent %d", n)
	}

	for what, of := range map[string]string{"id": last.OtpID, "number": to} {
		var ways [2]string
		await.That(t, "its way, by "+what, func() bool {
			for i, p := range []*process{one, two} {
				ways[i], _ = ctl(t, atDaemon(p), exitOK, "otp", of)
			}
			return strings.Count(ways[0], "told at try 1, answered 200") == 2 && strings.Contains(ways[0], "receipt of carrier") && ways[0] == ways[1]
		})
		for _, step := range []string{"asked for by shop", "queued on the route default", "sent over carrier", "carrier took it as ", "a wrong PIN", "VERIFIED"} {
			if !strings.Contains(ways[1], step) {
				t.Errorf("no %q in\n%s", step, ways[1])
			}
		}
	}
	await.That(t, "the funnel of both", func() bool {
		mine, yours := port{t, one.Admin}.eventOf("funnel"), port{t, two.Admin}.eventOf("funnel")
		var p struct{ Hour struct{ Total []int } }
		return json.Unmarshal([]byte(mine), &p) == nil && fmt.Sprint(p.Hour.Total) == fmt.Sprint([]int{otps, otps, otps, otps}) && mine == yours
	})

	page := browser(t)
	var seen [2]string
	for i, p := range []*process{one, two} {
		if err := chromedp.Do(page, chromedp.Navigate(p.Admin+"/")); err != nil {
			t.Fatal(err)
		}
		evaluate(t, page, fmt.Sprintf(`sessionStorage.setItem("token", %q); document.querySelector("#of").value = %q; document.querySelector("#find button").click()`, testAdminToken, to))
		within(t, page, "the OTP", `document.querySelector("#found .steps")?.innerText.includes("VERIFIED")`)
		within(t, page, "the funnel", fmt.Sprintf(`document.querySelector("#funnel .verified")?.innerText.includes("%d verified")`, otps))
		seen[i] = valueOf(t, page, `[...document.querySelectorAll("#found, #funnel .stages, #funnel table")].map((e) => e.innerText).join("\n")`)
	}
	if seen[0] != seen[1] {
		t.Errorf("one console says\n%s\nand the other\n%s", seen[0], seen[1])
	}
}

// valueOf is the value of an expression in the page.
func valueOf(t *testing.T, page context.Context, expression string) string {
	t.Helper()
	s, err := chromedp.Run(page, chromedp.Evaluate[string](expression))
	if err != nil {
		t.Fatalf("the console: %s: %v", expression, err)
	}
	return s
}
