package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestLyingCarrierIsLeft: of two carriers whose receipts say DELIVRD for all, one delivers nothing. Within
// 200 OTPs the traffic has left it but for the part that finds out when it is mended, and then it comes back.
func TestLyingCarrierIsLeft(t *testing.T) {
	t.Parallel()
	honest, lying := startSMSC(t, smsc.Config{}), startSMSC(t, smsc.Config{})
	dir := t.TempDir()
	path := filepath.Join(dir, "otpgw.conf")
	vars := env(filepath.Join(dir, "data"), honest.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,liar", "OTPGW_LINK_LIAR_ADDR": lying.Addr(), "OTPGW_LINK_LIAR_SYSTEM_ID": "x",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0,liar:0", "OTPGW_ROUTING": "observe", "OTPGW_APP_SHOP_GUARD": "off",
	})
	writeSettings(t, path, vars)
	p := startWithFile(t, path)
	if !p.stderr.more(`"message":"bound"`, 1) {
		t.Fatal("the links do not bind")
	}
	at := []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://"), "OTPGW_ADMIN_TOKEN=" + testAdminToken}
	vars["OTPGW_ROUTING"] = "on" // an operator who has observed for long enough
	writeSettings(t, path, vars)
	ctl(t, at, exitOK, "reload")
	c := client(t)
	var mended atomic.Bool
	next := 0
	order := func(n int) { // as people would: who got a PIN types it
		var all sync.WaitGroup
		for range n {
			next++
			to := number(next)
			var o struct{ OtpID string }
			mustCall(t, c, "POST", p.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, to), 201).json(t, &o)
			got := arrival(t, to, honest, lying)
			if got.server == lying && !mended.Load() {
				continue
			}
			all.Go(func() { mustCall(t, c, "POST", p.HTTP+"/otp/"+o.OtpID, `{"pin":"`+got.code+`"}`, 200) })
		}
		all.Wait()
	}
	part := func(n int) float64 {
		before := len(lying.Messages(smsc.Filter{}))
		order(n)
		return float64(len(lying.Messages(smsc.Filter{}))-before) / float64(n)
	}
	t.Logf("of the first 200 the liar had %.2f", part(200))
	if got := part(200); got > byChance(0.05, 200) {
		t.Errorf("the liar has %.2f of the traffic after 200 OTPs", got)
	}
	if out, _ := ctl(t, at, exitOK, "routes"); !strings.Contains(out, "liar") || !strings.Contains(out, "0.05") {
		t.Errorf("routes:\n%s", out)
	}
	mended.Store(true)
	for n := 0; part(100) < 0.3; n++ {
		if n > 20 {
			t.Fatal("the traffic does not come back")
		}
	}
}

// byChance is the part that a link may have of n messages when its share is that: five standard deviations
// more.
func byChance(share float64, n int) float64 { return share + 5*math.Sqrt(share*(1-share)/float64(n)) }

// TestSlowCarrierIsLeft: a carrier whose messages begin to be delivered late is left, though each is verified
// in the end; not for a few late ones. It comes back when hardly any is late, and not at the first that are
// not; here it gets those fast, for the other one is paused.
func TestSlowCarrierIsLeft(t *testing.T) {
	t.Parallel()
	const slowAfter = 3 * time.Second // that a busy machine makes nobody late
	var late atomic.Bool
	quick := startSMSC(t, smsc.Config{})
	slow := startSMSC(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome {
		o := smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Delivered}}}
		if late.Load() {
			o.Receipts[0].Delay = slowAfter + 300*time.Millisecond
		}
		return o
	}})
	p := startDaemon(t, env(t.TempDir(), quick.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,slow", "OTPGW_LINK_SLOW_ADDR": slow.Addr(), "OTPGW_LINK_SLOW_SYSTEM_ID": "x",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0,slow:0", "OTPGW_ROUTING": "on", "OTPGW_ROUTING_SLOW_AFTER": slowAfter.String(), "OTPGW_APP_SHOP_GUARD": "off",
	}))
	if !p.stderr.more(`"message":"bound"`, 1) {
		t.Fatal("the links do not bind")
	}
	c := client(t)
	next, told := 0, 0
	order := func(n int) (part float64) { // until each has its receipt
		before := len(slow.Messages(smsc.Filter{}))
		var all errgroup.Group
		all.SetLimit(16)
		for range n {
			next++
			to := number(next)
			all.Go(func() error {
				var o struct{ OtpID string }
				mustCall(t, c, "POST", p.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, to), 201).json(t, &o)
				got := arrival(t, to, quick, slow)
				mustCall(t, c, "POST", p.HTTP+"/otp/"+o.OtpID, `{"pin":"`+got.code+`"}`, 200)
				return nil
			})
		}
		_ = all.Wait()
		told += n
		if !p.stderr.more(`"message":"receipt"`, told-1) {
			t.Fatal("receipts are missing")
		}
		return float64(len(slow.Messages(smsc.Filter{}))-before) / float64(n)
	}
	score := func() operator.RouteScore { return scoreOf(t, c, p, "slow", "SE") }

	if part := order(100); part < 0.3 || part > byChance(0.5, 100) {
		t.Errorf("of two quick carriers one gets %.2f", part)
	}
	late.Store(true)
	order(10) // of six the slow one has none now and then
	if s := score(); s.Slow || s.Late == 0 {
		t.Errorf("after a few late ones: %+v", s)
	}
	order(100) // its half of them is late, and known to be so only now
	if s := score(); !s.Slow || s.Due > 0.1 {
		t.Errorf("after a hundred: %+v", s)
	}
	if part := order(100); part > byChance(0.05, 100) {
		t.Errorf("the slow carrier still gets %.2f; its score is %+v, the other one's %+v", part, score(), scoreOf(t, c, p, "carrier", "SE"))
	}
	late.Store(false)
	ctl(t, atDaemon(p), exitOK, "pause", "carrier")
	patient := false // it stays away while some of what is remembered was late
	for n := 0; score().Slow; n++ {
		order(10)
		s := score()
		patient = patient || s.Slow && s.Late < 0.3
		if n > 40 {
			t.Fatalf("it counts as slow yet: %+v", s)
		}
	}
	if !patient {
		t.Error("it was taken back while many were late")
	}
	ctl(t, atDaemon(p), exitOK, "resume", "carrier")
	for n := 0; order(20) > 0.9; n++ { // until the other one takes messages again
		if n > 20 {
			t.Fatal("the link that was paused takes nothing")
		}
	}
	if part := order(100); part < 0.3 || part > byChance(0.5, 100) {
		t.Errorf("back with the other one it gets %.2f", part)
	}
}

// scoreOf is how a link does for a country, on the only route.
func scoreOf(t *testing.T, c *http.Client, p *process, link, country string) operator.RouteScore {
	t.Helper()
	var routes []operator.RouteState
	mustCall(t, c, "GET", p.Admin+"/routes", "", 200).json(t, &routes)
	for _, s := range routes[0].Scores {
		if s.Link.Link == link && s.Country == country {
			return s
		}
	}
	t.Fatalf("nothing is known of %s in %s: %+v", link, country, routes)
	return operator.RouteScore{}
}

type arrived struct {
	server *smsc.Server
	code   string
}

// arrival waits for the message to a number at whichever carrier.
func arrival(t *testing.T, to string, servers ...*smsc.Server) arrived {
	t.Helper()
	got := make(chan arrived, len(servers))
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	for _, s := range servers {
		go func() {
			if m, err := s.Wait(ctx, to); err == nil {
				got <- arrived{s, m.Code}
			}
		}()
	}
	select {
	case a := <-got:
		return a
	case <-ctx.Done():
		t.Fatalf("no message to %s", to)
		return arrived{}
	}
}
