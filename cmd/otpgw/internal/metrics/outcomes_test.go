package metrics

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/otp/funnel"
)

// TestCountriesAreBounded: each of the first sixty countries is counted by itself, with all of its stages from its
// first OTP on, and the others together.
func TestCountriesAreBounded(t *testing.T) {
	p := NewOutcomes(prometheus.NewRegistry())
	for range 2 {
		for i := range maxCountries + 10 {
			p.countIn(fmt.Sprint("C", i), funnel.Asked)
		}
	}
	p.countIn("C0", funnel.Delivered)
	for _, c := range []struct {
		country, stage string
		want           float64
	}{{"C0", "asked", 2}, {"C0", "delivered", 1}, {"C59", "asked", 2}, {"C59", "verified", 0}, {funnel.Other, "asked", 20}} {
		if got := counterOf(p.countries.WithLabelValues(c.country, c.stage)); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.country, c.stage, got, c.want)
		}
	}
	if all := (maxCountries + 1) * len(stageNames); collected(p.countries) != all {
		t.Errorf("%d children, want %d", collected(p.countries), all)
	}
}

// collected is the number of children.
func collected(c prometheus.Collector) (n int) {
	ch := make(chan prometheus.Metric)
	go func() { c.Collect(ch); close(ch) }()
	for range ch {
		n++
	}
	return n
}
