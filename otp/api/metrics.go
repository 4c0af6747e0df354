package api

import "github.com/prometheus/client_golang/prometheus"

var (
	inWork   = prometheus.NewDesc("otpgw_http_requests_in_work", "Requests that have begun.", nil, nil)
	waiting  = prometheus.NewDesc("otpgw_http_requests_waiting", "Requests that wait for their application's turn.", nil, nil)
	notBegun = prometheus.NewDesc("otpgw_http_requests_not_begun_total",
		"Requests that were never begun: busy when they waited too long, gone when their caller hung up.", []string{"reason"}, nil)
)

// Describe and Collect tell of the requests in work.
func (a *admission) Describe(ch chan<- *prometheus.Desc) {
	ch <- inWork
	ch <- waiting
	ch <- notBegun
}

func (a *admission) Collect(ch chan<- prometheus.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	lines := 0
	for _, l := range a.lines {
		lines += l.waiting.Len()
	}
	ch <- prometheus.MustNewConstMetric(inWork, prometheus.GaugeValue, float64(a.busy))
	ch <- prometheus.MustNewConstMetric(waiting, prometheus.GaugeValue, float64(lines))
	ch <- prometheus.MustNewConstMetric(notBegun, prometheus.CounterValue, float64(a.refused), "busy")
	ch <- prometheus.MustNewConstMetric(notBegun, prometheus.CounterValue, float64(a.gone), "gone")
}
