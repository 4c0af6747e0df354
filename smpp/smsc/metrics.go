package smsc

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsHandler serves the counts in Prometheus' format, from a registry of this server's own: a program may run
// several.
func (s *Server) metricsHandler() http.HandlerFunc {
	reg := prometheus.NewRegistry()
	counter := func(name, help string, value func() uint64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "smscsim", Name: name, Help: help},
			func() float64 { return float64(value()) }))
	}
	gauge := func(name, help string, value func() int) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "smscsim", Name: name, Help: help},
			func() float64 { return float64(value()) }))
	}
	counter("submits_total", "Messages taken.", s.counts.submits.Load)
	counter("refused_total", "Messages answered with an error.", s.counts.refused.Load)
	counter("receipts_answered_total", "Receipts and messages from handsets that clients answered with ESME_ROK.", s.counts.receipts.Load)
	counter("receipts_failed_total", "Receipts and messages from handsets that clients refused.", s.counts.failed.Load)
	counter("receipts_dropped_total", "Receipts dropped because too many waited.", s.counts.dropped.Load)
	gauge("receipts_held", "Receipts and messages from handsets that wait for a bind.", func() int { return int(s.accounts.held.used.Load()) })
	gauge("scheduled", "Receipts and answers whose delay runs.", s.schedule.size)
	gauge("messages_kept", "Messages in memory.", s.store.size)
	gauge("binds", "Binds at the moment.", s.accounts.bound)
	gauge("event_streams", "Event streams that are open.", func() int { return int(s.events.listeners.Load()) })
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4}).ServeHTTP
}
