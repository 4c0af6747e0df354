package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestSilentCarrierHoldsUpNobodyElse: an SMSC that takes every submit_sm and answers none fills its own
// window and nothing else; the other link's messages pass as if it were not there.
func TestSilentCarrierHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	silent := startSMSC(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome { return smsc.Outcome{NoAnswer: true} }})
	good := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), good.Addr(), map[string]string{
		"OTPGW_LINKS":                 "carrier,silent",
		"OTPGW_LINK_SILENT_ADDR":      silent.Addr(),
		"OTPGW_LINK_SILENT_SYSTEM_ID": "acc",
		"OTPGW_LINK_SILENT_WINDOW":    "5", "OTPGW_LINK_SILENT_RESPONSE_TIMEOUT": "55s",
		"OTPGW_ROUTES":              "default,germany",
		"OTPGW_ROUTE_DEFAULT_LINKS": "carrier",
		"OTPGW_ROUTE_GERMANY_LINKS": "silent", "OTPGW_ROUTE_GERMANY_PREFIXES": "49",
	}))
	c := client(t)
	const each = 40
	for i := range each {
		mustCall(t, c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":"+491511234%04d"}`, i), 201)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	if _, err := silent.Wait(ctx, "4915112340000"); err != nil {
		t.Fatalf("nothing reached the silent SMSC: %v", err)
	}
	began := time.Now()
	for i := range each {
		mustCall(t, c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(i)), 201)
	}
	for i := range each {
		if _, err := good.Wait(ctx, number(i)); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if took := time.Since(began); took > 40*time.Second { // the silent link's response timeout is 55 s
		t.Errorf("the good link's messages took %s", took)
	}
}
