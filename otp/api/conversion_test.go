package api

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
)

// TestConversion: sent and verified by country, link and day; the application's own only, and with the counts
// of other daemons.
func TestConversion(t *testing.T) {
	g := newGateway(t)
	g.service.Links = func() []string { return []string{"north", "south"} }
	post := func(number, link string, verify bool) {
		t.Helper()
		id := g.create(t, `{"phoneNumber":"`+number+`"}`)
		pin := g.pin(t)
		if link != "" {
			for range 2 { // a second report of the same message counts for nothing
				if err := g.service.Report(context.Background(), otp.DeliveryReport{OtpID: id, Link: link, Status: otp.DeliveryDelivered}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if verify {
			if r := g.do(t, "POST", "/otp/"+id, `{"pin":"`+pin+`"}`); r.status != 200 {
				t.Fatal(r.text)
			}
		}
	}
	first := time.Now().UTC().Format(time.DateOnly)
	post("+33612345678", "north", true)
	post("+33612345679", "north", false)
	post("+46700000001", "south", true)
	g.advance(24 * time.Hour)
	second := time.Now().UTC().Add(24 * time.Hour).Format(time.DateOnly)
	post("+33612345678", "", false)
	r := g.do(t, "GET", "/conversion", "")
	want := fmt.Sprintf("[map[country:FR day:%s sent:1 share:0 verified:0] map[country:FR day:%s sent:2 share:0.5 verified:1] map[country:SE day:%s sent:1 share:1 verified:1]]", second, first, first)
	if got := fmt.Sprint(r.body["countries"]); r.status != 200 || got != want {
		t.Errorf("%d %s, want %s", r.status, got, want)
	}
	want = fmt.Sprintf("[map[day:%s link:north sent:2 share:0.5 verified:1] map[day:%s link:south sent:1 share:1 verified:1]]", first, first)
	if got := fmt.Sprint(r.body["links"]); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if r := g.do(t, "GET", "/conversion", "", "X-API-KEY", fourthKey); fmt.Sprint(r.body["countries"]) != "[]" || fmt.Sprint(r.body["links"]) != "[]" {
		t.Errorf("another application: %s", r.text)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := g.service.RunCounts(ctx); err != nil { // stores what is counted here
		t.Fatal(err)
	}
	twin := g.twin(t)
	twin.advance(24 * time.Hour)
	if r := twin.do(t, "GET", "/conversion", ""); len(r.body["countries"].([]any)) != 3 {
		t.Errorf("on another daemon: %s", r.text)
	}
	wantError(t, "POST", g.do(t, "POST", "/conversion", "{}"), 405, 1005, "invalid_method")
	wantError(t, "without a key", g.do(t, "GET", "/conversion", "", "X-API-KEY", ""), 401, 1001, "invalid_api_key")
}
