package link

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"otpgw/smpp/session"
	"otpgw/smpp/wire"
)

// Metrics counts what links do, by link. One serves all links of a daemon; a nil *Metrics counts nothing.
type Metrics struct {
	parts    *prometheus.CounterVec // link, outcome
	deadPINs *prometheus.CounterVec
	arrived  *prometheus.CounterVec // link, status
	up       *prometheus.GaugeVec   // link, bind
	drops    *prometheus.CounterVec
}

// NewMetrics makes the collectors and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "otpgw", Subsystem: "smpp", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		parts:    counter("submitted_parts_total", "Parts sent by submit_sm, by what came of them.", "link", "outcome"),
		deadPINs: counter("expired_messages_total", "Messages not sent because their PIN had expired.", "link"),
		arrived:  counter("incoming_total", "deliver_sm and data_sm taken, by the status they were answered with.", "link", "status"),
		drops:    counter("bind_ends_total", "Binds that ended or could not be made.", "link"),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "otpgw", Subsystem: "smpp", Name: "bound",
			Help: "1 while the bind is bound."}, []string{"link", "bind"}),
	}
	r.MustRegister(m.parts, m.deadPINs, m.arrived, m.drops, m.up)
	return m
}

func (m *Metrics) submitted(link string, results []result) {
	if m == nil {
		return
	}
	for _, r := range results {
		outcome := r.class.String()
		switch {
		case errors.Is(r.err, session.ErrTimeout):
			outcome = "timeout" // not proof that it was not sent: counted apart
		case r.err != nil && r.class == Temporary:
			outcome = "dropped"
		}
		m.parts.WithLabelValues(link, outcome).Inc()
	}
}

func (m *Metrics) dead(link string) {
	if m != nil {
		m.deadPINs.WithLabelValues(link).Inc()
	}
}

func (m *Metrics) incoming(link string, status wire.Status) {
	if m != nil {
		m.arrived.WithLabelValues(link, status.String()).Inc()
	}
}

func (m *Metrics) ended(link string) {
	if m != nil {
		m.drops.WithLabelValues(link).Inc()
	}
}

func (m *Metrics) bound(link, bind string, up bool) {
	if m == nil {
		return
	}
	v := 0.0
	if up {
		v = 1
	}
	m.up.WithLabelValues(link, bind).Set(v)
}
