package api

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"
)

// TestFind: an application lists its own OTPs of a number, the newest first, in pages, from a day on; on
// every daemon.
func TestFind(t *testing.T) {
	g := newGateway(t)
	second := g.twin(t)
	var made []string
	for range 5 {
		made = append(made, g.create(t, french))
		g.advance(time.Hour)
		second.advance(time.Hour)
	}
	slices.Reverse(made)
	g.create(t, `{"phoneNumber":"+33612345679"}`)
	if r := g.do(t, "POST", "/otp", french, "X-API-KEY", fourthKey); r.status != 201 {
		t.Fatal(r.text)
	}
	list := func(g *gateway, query string) (ids []string, next string) {
		t.Helper()
		r := g.do(t, "GET", "/otp?"+query, "")
		if r.status != 200 {
			t.Fatalf("%s: %d %s", query, r.status, r.text)
		}
		for _, o := range r.body["data"].([]any) {
			ids = append(ids, o.(map[string]any)["otpId"].(string))
		}
		next, _ = r.body["next"].(string)
		return ids, next
	}
	for _, query := range []string{"phoneNumber=%2B33612345678", "phoneNumber=+33612345678", "phoneNumber=06+12+34+56+78&countryIso=fr"} {
		for _, daemon := range []*gateway{g, second} {
			if got, next := list(daemon, query); !slices.Equal(got, made) || next != "" {
				t.Errorf("%s: %v, next %q, want %v", query, got, next, made)
			}
		}
	}
	var paged []string
	for after, pages := "", 0; pages < 9; pages++ {
		got, next := list(second, "phoneNumber=%2B33612345678&limit=2&after="+after)
		paged = append(paged, got...)
		if after = next; next == "" {
			if pages != 2 {
				t.Errorf("%d pages", pages+1)
			}
			break
		}
	}
	if !slices.Equal(paged, made) {
		t.Errorf("in pages %v, want %v", paged, made)
	}
	from := time.Now().Add(2*time.Hour - time.Minute).UTC().Format(time.RFC3339)
	to := time.Now().Add(4*time.Hour - time.Minute).UTC().Format(time.RFC3339)
	if got, _ := list(g, "phoneNumber=%2B33612345678&from="+url.QueryEscape(from)); !slices.Equal(got, made[:3]) {
		t.Errorf("from the third on: %v", got)
	}
	if got, _ := list(g, "phoneNumber=%2B33612345678&from="+from+"&to="+to); !slices.Equal(got, made[1:3]) {
		t.Errorf("the third and fourth: %v", got)
	}
	if got, _ := list(g, "phoneNumber=%2B33612345678&from=2100-01-01"); len(got) != 0 {
		t.Errorf("in the future: %v", got)
	}
	if got, _ := list(g, "phoneNumber=%2B46700000001"); len(got) != 0 {
		t.Errorf("a number without any: %v", got)
	}
	for query, code := range map[string]int{"": 2001, "phoneNumber=0612345678": 2002, "phoneNumber=0612345678&countryIso=xx": 2003, "phoneNumber=%2B330": 2020,
		"phoneNumber=%2B33612345678&limit=0": 2043, "phoneNumber=%2B33612345678&limit=101": 2043, "phoneNumber=%2B33612345678&from=yesterday": 2043, "phoneNumber=%2B33612345678&after=x": 2043,
		"phoneNumber=%2B33612345678&phoneNumber=%2B33612345679": 2043, "phoneNumber=%2B33612345678&limit=1&limit=2": 2043} {
		r := g.do(t, "GET", "/otp?"+query, "")
		if e, _ := r.body["error"].(map[string]any); r.status != 400 || fmt.Sprint(e["code"]) != fmt.Sprint(code) {
			t.Errorf("%s: %d %s, want %d", query, r.status, r.text, code)
		}
	}
	wantError(t, "after another's", g.do(t, "GET", "/otp?phoneNumber=%2B33612345678&after=bf325375-e030-4ccb-a009-17317c574773", ""), 404, 2021, "not_found")
	wantError(t, "without a key", g.do(t, "GET", "/otp?phoneNumber=%2B33612345678", "", "X-API-KEY", ""), 401, 1001, "invalid_api_key")
}
