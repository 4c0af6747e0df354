package otp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/conversion"
	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/internal/counts"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/seal"
	"github.com/rs/zerolog"
)

var standardGuard = guard.Settings{Mode: guard.Enforce, PrefixUnverified: 10, CountryUnverified: 20, Share: 0.2}

func guardBench(t *testing.T) *bench {
	b := newBench(t)
	b.app.Guard = standardGuard
	return b
}

// swedish is the body for the nth number of the mth prefix.
func swedish(m, n int) string { return fmt.Sprintf(`{"phoneNumber":"+4670%03d%04d"}`, m, n) }

func wantRisk(t testing.TB, what string, err error, risk string) {
	t.Helper()
	var e *Error
	if risk == "" {
		wantCode(t, what, err, 0)
	} else if !errors.As(err, &e) || e.Code != CodeGuard || !strings.Contains(e.Message, "("+risk+")") {
		t.Errorf("%s: %v, want %s", what, err, risk)
	}
}

// TestGuardRules: countries and kinds of numbers.
func TestGuardRules(t *testing.T) {
	b := guardBench(t)
	for _, test := range []struct {
		name   string
		guard  guard.Settings
		number string
		risk   string
	}{
		{"all countries", guard.Settings{Mode: guard.Enforce}, "+46700000001", ""},
		{"allowed", guard.Settings{Mode: guard.Enforce, Allow: []string{"SE", "NO"}}, "+46700000001", ""},
		{"not allowed", guard.Settings{Mode: guard.Enforce, Allow: []string{"NO"}}, "+46700000001", guard.RiskCountry},
		{"denied", guard.Settings{Mode: guard.Enforce, Deny: []string{"SE"}}, "+46700000001", guard.RiskCountry},
		{"denied, off", guard.Settings{Mode: guard.Off, Deny: []string{"SE"}}, "+46700000001", ""},
		{"denied, the zero value", guard.Settings{Deny: []string{"SE"}}, "+46700000001", ""},
		{"denied, trusted", guard.Settings{Mode: guard.Enforce, Deny: []string{"SE"}, Trust: []string{"+467000"}}, "+46700000001", ""},
		{"another is trusted", guard.Settings{Mode: guard.Enforce, Deny: []string{"SE"}, Trust: []string{"+467001"}}, "+46700000001", guard.RiskCountry},
		{"premium", guard.Settings{Mode: guard.Enforce}, "+33899123456", guard.RiskNumberType},
		{"toll free", guard.Settings{Mode: guard.Enforce}, "+33800123456", guard.RiskNumberType},
		{"premium, trusted", guard.Settings{Mode: guard.Enforce, Trust: []string{"+33899"}}, "+33899123456", ""},
	} {
		b.app.Guard = test.guard
		wantRisk(t, test.name, b.try(`{"phoneNumber":"`+test.number+`"}`), test.risk)
	}
}

// TestGuardPrefix: numbers beside each other that nobody verifies.
func TestGuardPrefix(t *testing.T) {
	t.Parallel()
	b := guardBench(t)
	b.app.Guard.CountryUnverified = 0
	for n := range 5 {
		wantRisk(t, "fresh", b.try(swedish(1, n)), "")
	}
	wantRisk(t, "five in an hour", b.try(swedish(1, 9)), guard.RiskPrefixTraffic)
	wantRisk(t, "another prefix", b.try(swedish(2, 9)), "")
	b.clock.advance(90 * time.Minute)
	for n := range 5 {
		wantRisk(t, "the next hours", b.try(swedish(1, 10+n)), "")
		b.clock.advance(20 * time.Minute)
	}
	wantRisk(t, "ten in a day", b.try(swedish(1, 20)), guard.RiskPrefixTraffic)
	b.clock.advance(25 * time.Hour)
	wantRisk(t, "the day after", b.try(swedish(1, 21)), "")
}

// TestGuardVerified: who is verified is no pump, however many they are.
func TestGuardVerified(t *testing.T) {
	b := guardBench(t)
	b.app.Guard.CountryUnverified = 0
	for n := range 60 {
		o := b.create(t, swedish(1, n))
		if n%4 == 0 { // a quarter is more than 20 %
			wantCode(t, "verify", b.verify(o.OtpID, b.pin(t, o.OtpID)), 0)
		}
	}
}

// TestGuardCountry: 20 not verified, or a fifth of what is verified on a good day.
func TestGuardCountry(t *testing.T) {
	t.Parallel()
	b := guardBench(t)
	b.app.Guard.PrefixUnverified = 0
	for n := range 10 {
		wantRisk(t, "fresh", b.try(swedish(n, 1)), "")
	}
	wantRisk(t, "ten in an hour", b.try(swedish(11, 1)), guard.RiskCountryTraffic)
	wantRisk(t, "another country", b.try(french), "")

	b = guardBench(t)
	b.app.Guard.PrefixUnverified = 0
	_, country := groups(b.app.Name, "+46700000000", "SE")
	b.counter.Add(country, b.now().Add(-5*24*time.Hour), 300, 300)
	for n := range 30 { // a fifth of 300 is 60, half of that in an hour
		wantRisk(t, "after a good day", b.try(swedish(n, 1)), "")
	}
	wantRisk(t, "more than that", b.try(swedish(31, 1)), guard.RiskCountryTraffic)
}

// TestGuardObserve: nothing is refused; the answer, the log and the count tell, and no log has the number.
func TestGuardObserve(t *testing.T) {
	b := guardBench(t)
	var log bytes.Buffer
	b.Log = zerolog.New(&log).Level(zerolog.InfoLevel)
	b.app.Guard.Mode, b.app.Guard.Deny = guard.Observe, []string{"SE"}
	o := b.create(t, swedish(1, 1))
	if !slices.Equal(o.Risk, []string{guard.RiskCountry}) {
		t.Errorf("%v", o.Risk)
	}
	got, err := b.Get(context.Background(), b.app, o.OtpID)
	if err != nil || !slices.Equal(got.Risk, o.Risk) {
		t.Errorf("%v, %v", got.Risk, err)
	}
	if n := b.Risks()[guard.Risk{App: "demo", Mode: guard.Observe, Name: guard.RiskCountry}]; n != 1 {
		t.Errorf("counted %d", n)
	}
	b.create(t, swedish(2, 1))
	if n := strings.Count(log.String(), `"level":"warn"`); n != 1 {
		t.Errorf("%d warnings; one in ten seconds is enough", n)
	}
	if s := log.String(); !strings.Contains(s, "SMS pumping") || strings.Contains(s, "700010001") {
		t.Error(s)
	}
	if m, _ := b.message(t); m.Ref != o.OtpID {
		t.Error("not sent")
	}
	if risk := b.create(t, french).Risk; risk == nil || len(risk) != 0 {
		t.Errorf("%v", risk)
	}
}

// TestGuardShared: what one daemon counts another judges by, and a third that starts later; many writers lose
// nothing.
func TestGuardShared(t *testing.T) {
	t.Parallel()
	b := guardBench(t)
	daemons := []*bench{b}
	for range 2 {
		daemons = append(daemons, &bench{app: b.app, clock: b.clock, Service: &Service{Queue: b.Queue, Box: b.Box, Measure: measure, Now: b.Now, Route: b.Route, Log: b.Log}})
	}
	b.app.Guard.PrefixUnverified, b.app.Guard.CountryUnverified = 1000, 0
	for n := range 60 {
		wantCode(t, "create", daemons[n%3].try(swedish(1, n)), 0)
		daemons[n%3].counter.Flush(context.Background(), b.countStore())
	}
	fresh := &bench{app: b.app, clock: b.clock, Service: &Service{Queue: b.Queue, Box: b.Box, Measure: measure, Now: b.Now, Route: b.Route, Log: b.Log}}
	prefix, country := groups(b.app.Name, "+46700010000", "SE")
	for _, group := range []counts.Group{prefix, country} {
		if w := fresh.counter.Traffic(context.Background(), b.countStore(), group, b.now()).Hour; w.Sent != 60 {
			t.Errorf("%s: %+v", group, w)
		}
	}
	fresh.app.Guard.PrefixUnverified = 100
	wantRisk(t, "a daemon that has just started", fresh.try(swedish(1, 99)), guard.RiskPrefixTraffic)
}

// TestRunCounts: the counts go to the store by themselves, and at the end.
func TestRunCounts(t *testing.T) {
	t.Parallel()
	b := guardBench(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.RunCounts(ctx) }()
	o := b.create(t, french)
	prefix, _ := groups(b.app.Name, o.PhoneNumber, "FR")
	stored := func() counts.Window {
		return new(counts.Counter).Traffic(context.Background(), b.countStore(), prefix, b.now()).Hour
	}
	await.That(t, "the OTP's sending is stored", func() bool { return stored().Sent == 1 })
	wantCode(t, "verify", b.verify(o.OtpID, b.pin(t, o.OtpID)), 0)
	cancel()
	<-done
	if w := stored(); w != (counts.Window{Sent: 1, Verified: 1}) {
		t.Errorf("%+v", w)
	}
}

// TestNamesOfCounts: what daemons of all versions call the same groups in the store.
func TestNamesOfCounts(t *testing.T) {
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{Box: box}
	prefix, country := groups("shop", "+46701234567", "SE")
	for name, group := range map[string]counts.Group{
		"prefix." + box.Name("prefix:shop", "+4670123"):                    prefix,
		"country." + box.Name("country:shop", "") + ".SE":                  country,
		"conversion." + box.Name("conversion:shop", "country") + ".SE":     conversion.Country("shop", "SE"),
		"conversion." + box.Name("conversion:shop", "link") + ".carrier-1": conversion.Link("shop", "carrier-1"),
	} {
		if got := s.countKey(group); got != name {
			t.Errorf("%+v: %s, want %s", group, got, name)
		}
	}
}
