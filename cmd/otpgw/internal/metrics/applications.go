package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/otp"
)

var guardRisks = prometheus.NewDesc("otpgw_guard_risks_total", "Risks of SMS pumping that the guard found.", []string{"app", "mode", "risk"}, nil)

// Risks tells what the guard found.
type Risks struct{ Service *otp.Service }

// Describe is of prometheus.Collector.
func (c Risks) Describe(ch chan<- *prometheus.Desc) { ch <- guardRisks }

// Collect is of prometheus.Collector.
func (c Risks) Collect(ch chan<- prometheus.Metric) {
	for risk, n := range c.Service.Risks() {
		ch <- prometheus.MustNewConstMetric(guardRisks, prometheus.CounterValue, float64(n), risk.App, string(risk.Mode), risk.Name)
	}
}

var (
	quotaUsed  = prometheus.NewDesc("otpgw_quota_used", "Used of a quota of an application in its present period: messages, or money; of a country, in this hour.", []string{"app", "quota"}, nil)
	quotaLimit = prometheus.NewDesc("otpgw_quota_limit", "What the quota is.", []string{"app", "quota"}, nil)
)

// Quotas tells how the quotas stand; there are few, by configuration.
type Quotas struct{ Service *otp.Service }

// Describe is of prometheus.Collector.
func (c Quotas) Describe(ch chan<- *prometheus.Desc) {
	ch <- quotaUsed
	ch <- quotaLimit
}

// Collect is of prometheus.Collector.
func (c Quotas) Collect(ch chan<- prometheus.Metric) {
	states, err := c.Service.QuotaStates()
	if err != nil {
		return // as with the store's gauges: absent rather than stale
	}
	for _, s := range states {
		ch <- prometheus.MustNewConstMetric(quotaUsed, prometheus.GaugeValue, s.Used, s.App, s.Quota)
		ch <- prometheus.MustNewConstMetric(quotaLimit, prometheus.GaugeValue, s.Max, s.App, s.Quota)
	}
}

var disabledURLs = prometheus.NewDesc("otpgw_callback_disabled_urls",
	"Callback URLs that answered 410 and have not been enabled since, by application.", []string{"app"}, nil)

// DisabledURLs counts the disabled URLs when somebody asks for the metrics, and seldom: they are listed
// one by one.
type DisabledURLs struct {
	List func(context.Context) ([]callback.Endpoint, error)
	Apps func() []otp.App

	mu     sync.Mutex
	at     time.Time
	counts map[string]int
}

// disabledKept is how long a count serves.
const disabledKept = 10 * time.Second

// Describe is of prometheus.Collector.
func (c *DisabledURLs) Describe(ch chan<- *prometheus.Desc) { ch <- disabledURLs }

// Collect is of prometheus.Collector.
func (c *DisabledURLs) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) >= disabledKept {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		list, err := c.List(ctx)
		if err != nil {
			return // as with the store's gauges: absent rather than stale
		}
		c.at, c.counts = time.Now(), make(map[string]int)
		for _, e := range list {
			c.counts[e.App]++
		}
	}
	for _, app := range c.Apps() {
		ch <- prometheus.MustNewConstMetric(disabledURLs, prometheus.GaugeValue, float64(c.counts[app.Name]), app.Name)
	}
}
