package funnel

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestFunnel: two daemons' counts make one picture, of the minute that the OTP was asked for in, and what is
// older than a day is not in it.
func TestFunnel(t *testing.T) {
	q := queuetest.Open(t)
	now := time.Date(2026, 11, 26, 12, 34, 56, 0, time.UTC)
	clock := func() time.Time { return now }
	a, b := New(q.Funnel(), clock), New(q.Funnel(), clock)
	ctx := context.Background()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for i := range 100 {
		of := []*Funnel{a, b}[i%2]
		of.Count(Event{Stage: Asked, Asked: ago(5 * time.Minute), Country: "BG"})
		of.Count(Event{Stage: Handed, Asked: ago(5 * time.Minute), Link: "one"})
		if i < 80 {
			of.Count(Event{Stage: Delivered, Asked: ago(5 * time.Minute), Country: "BG", Link: "one", After: 4 * time.Second})
		}
		if i < 50 {
			of.Count(Event{Stage: Verified, Asked: ago(5 * time.Minute), Country: "BG", Link: "one", After: time.Hour})
		}
	}
	a.flush(ctx)
	b.flush(ctx)
	a.Count(Event{Stage: Asked, Asked: ago(3 * time.Hour), Country: "DE"})
	a.Count(Event{Stage: Asked, Asked: ago(25 * time.Hour), Country: "DE"})
	a.Count(Event{Stage: Asked, Asked: ago(5 * time.Minute), Country: "DE"}) // into a slot that is stored
	a.flush(ctx)

	p, err := b.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Counts{101, 100, 80, 50}); p.Hour.Total != want || p.Hour.Points[54] != want || p.Day.Total != (Counts{102, 100, 80, 50}) {
		t.Errorf("hour %v, its minute %v, day %v", p.Hour.Total, p.Hour.Points[54], p.Day.Total)
	}
	if got := fmt.Sprint(p.Hour.Countries, p.Day.Countries, p.Hour.Links); got != "[{BG [100 0 80 50]} {DE [1 0 0 0]}] [{BG [100 0 80 50]} {DE [2 0 0 0]}] [{one [0 100 80 50]}]" {
		t.Error(got)
	}
	if d := p.Hour.Delivery; d.Median < 3 || d.Median > 5 || p.Hour.Verify.Median != 600 {
		t.Errorf("delivered in %v, verified in %v", d.Median, p.Hour.Verify.Median)
	}
	if !p.Hour.Since.Equal(time.Date(2026, 11, 26, 11, 35, 0, 0, time.UTC)) {
		t.Errorf("since %v", p.Hour.Since)
	}
	if e, err := a.bucket.Get(ctx, fmt.Sprintf("%s.%d", a.id, ago(5*time.Minute).Unix()/600)); err != nil || len(e.Value) > 600 {
		t.Errorf("a slot takes %d octets, %v", len(e.Value), err)
	}
}

// TestCountriesAreBounded: however many names come, a slot stays small, and none is lost.
func TestCountriesAreBounded(t *testing.T) {
	q := queuetest.Open(t)
	f := New(q.Funnel(), time.Now)
	for i := range 1000 {
		f.Count(Event{Stage: Asked, Asked: time.Now(), Country: fmt.Sprint(i), Link: fmt.Sprint(i)})
	}
	f.flush(context.Background())
	p, err := f.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, r := range p.Day.Countries {
		sum += int(r.Counts[Asked])
	}
	if sum != 1000 || len(p.Day.Countries) > maxCountries+1 || len(p.Day.Links) > maxLinks+1 || p.Day.Total[Asked] != 1000 {
		t.Errorf("%d in %d countries, %v", sum, len(p.Day.Countries), p.Day.Total)
	}
}

// BenchmarkCount is each step of an OTP.
func BenchmarkCount(b *testing.B) {
	now := time.Now()
	f := New(nil, func() time.Time { return now })
	b.ReportAllocs()
	for b.Loop() {
		f.Count(Event{Stage: Delivered, Asked: now, Country: "FR", Link: "carrier", After: 3 * time.Second})
	}
}

func TestQuantile(t *testing.T) {
	var all times
	for i := range 100 {
		all.observe(time.Duration(i) * time.Second / 10)
	}
	if got := all.quantile(0.5); math.Abs(got-5) > 0.2 {
		t.Errorf("median %v", got)
	}
	if got := (times)(nil).quantile(0.5); got != 0 {
		t.Errorf("of nothing %v", got)
	}
}
