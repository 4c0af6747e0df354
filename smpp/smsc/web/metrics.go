package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/otpgw/otpgw/smpp/smsc/server"
)

// metricsHandler serves the counts in Prometheus' format, from a registry of this server's own: a program may run
// several.
func (a *api) metricsHandler() http.HandlerFunc {
	reg := prometheus.NewRegistry()
	counter := func(name, help string, value func(server.Stats) uint64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "smscsim", Name: name, Help: help},
			func() float64 { return float64(value(a.sim.Stats())) }))
	}
	gauge := func(name, help string, value func(server.Stats) int) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "smscsim", Name: name, Help: help},
			func() float64 { return float64(value(a.sim.Stats())) }))
	}
	counter("submits_total", "Messages taken.", func(n server.Stats) uint64 { return n.Submits })
	counter("refused_total", "Messages answered with an error.", func(n server.Stats) uint64 { return n.Refused })
	counter("receipts_answered_total", "Receipts and messages from handsets that clients answered with ESME_ROK.",
		func(n server.Stats) uint64 { return n.ReceiptsAnswered })
	counter("receipts_failed_total", "Receipts and messages from handsets that clients refused.",
		func(n server.Stats) uint64 { return n.ReceiptsFailed })
	counter("receipts_dropped_total", "Receipts dropped because too many waited.",
		func(n server.Stats) uint64 { return n.ReceiptsDropped })
	gauge("receipts_held", "Receipts and messages from handsets that wait for a bind.",
		func(n server.Stats) int { return int(n.ReceiptsHeld) })
	gauge("scheduled", "Receipts and answers whose delay runs.", func(n server.Stats) int { return n.Scheduled })
	gauge("messages_kept", "Messages in memory.", func(n server.Stats) int { return n.MessagesKept })
	gauge("binds", "Binds at the moment.", func(n server.Stats) int { return n.Binds })
	gauge("event_streams", "Event streams that are open.", func(n server.Stats) int { return n.Listeners })
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4}).ServeHTTP
}
