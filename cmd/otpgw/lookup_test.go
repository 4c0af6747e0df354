package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// question is that of a lookup.
type question struct{ PhoneNumber, CountryIso, Application, From string }

// TestLookup: what the operator's service knows of a number decides about the route, the price, and whether
// anything is sent; while it hangs, answers rubbish or fails, messages go on as if nothing were known, and no
// request waits longer than the bound.
func TestLookup(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	hang := make(chan struct{})
	var questions atomic.Int32
	answers := map[string]func(http.ResponseWriter){
		number(1): func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"network":"240-07"}`) },
		number(2): func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"route":"wanted","risk":["sim_swap"]}`) },
		number(3): func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"deny":"reported as stolen"}`) },
		number(4): func(http.ResponseWriter) { <-hang },
		number(5): func(w http.ResponseWriter) { _, _ = io.WriteString(w, `<html>`) },
		number(6): func(w http.ResponseWriter) { w.WriteHeader(500) },
		number(7): func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"risk":"ported"}`) },
	}
	verify, err := webhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		questions.Add(1)
		body, err := io.ReadAll(r.Body)
		var q question
		if err != nil || verify.Verify(body, r.Header) != nil || json.Unmarshal(body, &q) != nil || q.CountryIso != "SE" || q.Application == "" || q.From == "" {
			t.Errorf("the question is not signed, or not whole: %s", body)
		}
		if answer := answers[q.PhoneNumber]; answer != nil {
			answer(w)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	first, second := startSMSC(t, smsc.Config{}), startSMSC(t, smsc.Config{})
	dir := t.TempDir()
	prices := filepath.Join(dir, "prices.csv")
	if err := os.WriteFile(prices, []byte("46,0.05\n46,0.02,24007\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	vars := env(filepath.Join(dir, "data"), first.Addr(), map[string]string{
		"OTPGW_LOOKUP_URL": server.URL, "OTPGW_LOOKUP_SECRET": secret, "OTPGW_PRICES": prices,
		"OTPGW_LINKS": "carrier,b", "OTPGW_LINK_B_ADDR": second.Addr(), "OTPGW_LINK_B_SYSTEM_ID": "b",
		"OTPGW_ROUTES": "default,wanted,tele", "OTPGW_ROUTE_DEFAULT_LINKS": "carrier", "OTPGW_ROUTE_TELE_LINKS": "b", "OTPGW_ROUTE_TELE_NETWORKS": "24007",
		"OTPGW_ROUTE_WANTED_LINKS": "b", "OTPGW_ROUTE_WANTED_PREFIXES": "4699999",
		"OTPGW_APPS": "shop,strict", "OTPGW_APP_STRICT_API_KEYS": "strict", "OTPGW_APP_STRICT_SENDERS": "Strict", "OTPGW_APP_STRICT_GUARD": "enforce",
	})
	d := startDaemon(t, vars)
	c := client(t)
	send := func(n int) (o struct {
		Cost float64
		Risk []string
	}) {
		t.Helper()
		began := time.Now()
		mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(n)+`"}`, 201).json(t, &o)
		if took := time.Since(began); took > 5*time.Second { // 300 ms, and a busy machine
			t.Errorf("a request took %s", took)
		}
		return o
	}
	if o := send(1); o.Cost != 0.02 {
		t.Errorf("in its network it costs %v", o.Cost)
	}
	waitSMS(t, second, number(1))
	if o := send(2); o.Cost != 0.05 || !slices.Equal(o.Risk, []string{"sim_swap"}) {
		t.Errorf("%+v", o)
	}
	waitSMS(t, second, number(2))
	wantRefused(t, mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(3)+`"}`, 403), 1012, "reported as stolen")
	for _, n := range []int{4, 5, 6, 8} { // hangs, rubbish, fault, nothing known
		send(n)
		waitSMS(t, first, number(n))
	}
	send(7)
	a, err := callAs(c, "strict", "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(7)+`"}`)
	if err != nil || a.status != 403 {
		t.Fatalf("%v, %d %s", err, a.status, a.body)
	}
	wantRefused(t, a, 1012, "ported")
	before := questions.Load()
	send(1)
	if questions.Load() != before {
		t.Error("an answer that still holds was asked for again")
	}
	if m := string(mustCall(t, c, "GET", d.Admin+"/metrics", "", 200).body); !strings.Contains(m, `otpgw_lookups_total{result="failed"} 3`) || !strings.Contains(m, `otpgw_lookups_total{result="remembered"} 1`) {
		t.Error("the metrics do not count the lookups")
	}
	d.stop()
	vars["OTPGW_LOOKUP_FAIL"] = "closed"
	d = startDaemon(t, vars)
	wantRefused(t, mustCall(t, hasty(t), "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(6)+`"}`, 503), 1010)
}

// TestLookupByNATS: the same by a request on the external cluster.
func TestLookupByNATS(t *testing.T) {
	t.Parallel()
	cluster := queuetest.StartServer(t)
	nc, err := nats.Connect(cluster.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if _, err := nc.Subscribe("ops.lookup", func(m *nats.Msg) { _ = m.Respond([]byte(`{"deny":"not today"}`)) }); err != nil {
		t.Fatal(err)
	}
	sim := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_NATS_URL": cluster.URL, "OTPGW_LOOKUP_SUBJECT": "ops.lookup",
		"OTPGW_SECRET_KEY": "b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlc3M="}))
	wantRefused(t, mustCall(t, client(t), "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(1)+`"}`, 403), 1012, "not today")
}
