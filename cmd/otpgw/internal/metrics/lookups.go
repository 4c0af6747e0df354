package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/otp/lookup"
)

// Lookups tells of the questions of the present asker.
type Lookups struct{ Asker func() *lookup.Asker }

// Describe is of prometheus.Collector.
func (c Lookups) Describe(ch chan<- *prometheus.Desc) { (*lookup.Asker)(nil).Describe(ch) }

// Collect is of prometheus.Collector.
func (c Lookups) Collect(ch chan<- prometheus.Metric) {
	c.Asker().Collect(ch)
}
