package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/otpgw/otpgw/smpp/smsc/internal/server"
)

// metricsHandler serves the counts in Prometheus' format, from a registry of this server's own: a program may
// run several.
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
	reg.MustRegister(accountCollector{a.sim})
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 4, EnableOpenMetrics: true}).ServeHTTP
}

// The families by account and status. Every status and state that has a name is there from the start, and so
// is each account that is configured; before there is any account the families are there with an empty one.
var (
	answersDesc = accountDesc("account_answers_total", "Answers to submitted messages, by account and command_status.", "status")
	statesDesc  = accountDesc("account_receipts_total", "Receipts that clients answered with ESME_ROK, by account and state.",
		"state")
	bindsDesc = accountDesc("account_binds", "Binds of the account at the moment.")
	heldDesc  = accountDesc("account_held", "Receipts and messages from handsets that wait for a bind of the account.")
	overDesc  = accountDesc("account_throttled_total", "Messages of the account that were over one of its limits.")
	bindDesc  = prometheus.NewDesc("smscsim_bind_answers_total", "Answers to binds, by command_status.", []string{"status"}, nil)
)

func accountDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("smscsim_"+name, help, append([]string{"account"}, labels...), nil)
}

// accountCollector reads the counts when it is asked.
type accountCollector struct{ sim *server.Server }

// Describe is what prometheus.Collector wants.
func (c accountCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{answersDesc, statesDesc, bindsDesc, heldDesc, overDesc, bindDesc} {
		out <- d
	}
}

// Collect is what prometheus.Collector wants.
func (c accountCollector) Collect(out chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	gauge := func(d *prometheus.Desc, value int, account string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), account)
	}
	for status, n := range c.sim.BindAnswers() {
		counter(bindDesc, n, status)
	}
	stats := c.sim.AccountStats()
	if len(stats) == 0 {
		stats = []server.AccountStats{server.NoAccount()}
	}
	for _, a := range stats {
		for status, n := range a.Answers {
			counter(answersDesc, n, a.SystemID, status)
		}
		for state, n := range a.Receipts {
			counter(statesDesc, n, a.SystemID, state)
		}
		gauge(bindsDesc, a.Binds, a.SystemID)
		gauge(heldDesc, a.Held, a.SystemID)
		counter(overDesc, a.Throttled, a.SystemID)
	}
}
