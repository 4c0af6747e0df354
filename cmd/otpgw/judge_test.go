package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestLyingCarrierIsLeft: of two carriers whose receipts say DELIVRD for all, one delivers nothing. Within
// 200 OTPs the traffic has left it but for the part that finds out when it is mended, and then it comes back.
func TestLyingCarrierIsLeft(t *testing.T) {
	honest, lying := startSMSC(t, smsc.Config{}), startSMSC(t, smsc.Config{})
	p := startDaemon(t, env(t.TempDir(), honest.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,liar", "OTPGW_LINK_LIAR_ADDR": lying.Addr(), "OTPGW_LINK_LIAR_SYSTEM_ID": "x",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier:0,liar:0", "OTPGW_ROUTING": "on", "OTPGW_APP_SHOP_GUARD": "off",
	}))
	if !p.stderr.more(`"message":"bound"`, 1) {
		t.Fatal("the links do not bind")
	}
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
	if got := part(200); got > 0.1 {
		t.Errorf("the liar has %.2f of the traffic after 200 OTPs", got)
	}
	at := []string{"OTPGW_ADMIN_ADDR=" + strings.TrimPrefix(p.Admin, "http://")}
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
