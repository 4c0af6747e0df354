package link

import (
	"errors"
	"math"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Metrics counts what links do, by link. One serves all links of a daemon; a nil *Metrics counts nothing.
type Metrics struct {
	parts     *prometheus.CounterVec // link, outcome
	answers   *prometheus.HistogramVec
	deadPINs  *prometheus.CounterVec
	arrived   *prometheus.CounterVec // link, status
	up        *prometheus.GaugeVec   // link, bind
	drops     *prometheus.CounterVec
	refusals  *prometheus.GaugeVec   // link, bind, status
	handovers *prometheus.CounterVec // link, to
	noTrace   *prometheus.CounterVec
	strays    *prometheus.CounterVec
	copies    *prometheus.CounterVec
	endings   *prometheus.CounterVec // link, status
	unneeded  *prometheus.CounterVec

	mu    sync.Mutex
	links []*Link // whose rate is asked for when somebody asks for the metrics; guarded by mu
}

var rateLimit = prometheus.NewDesc("otpgw_smpp_rate_limit", "Parts per second that may go now; +Inf is no limit.", []string{"link"}, nil)

// NewMetrics makes the collectors and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "otpgw", Subsystem: "smpp", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		parts: counter("submitted_parts_total", "Parts sent by submit_sm, by what came of them.", "link", "outcome"),
		answers: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "otpgw", Subsystem: "smpp", Name: "response_seconds",
			Help: "Time from a submit_sm to its response.", Buckets: responseBuckets}, []string{"link"}),
		deadPINs: counter("expired_messages_total", "Messages not sent because their PIN had expired.", "link"),
		arrived:  counter("incoming_total", "deliver_sm and data_sm taken, by the status they were answered with.", "link", "status"),
		drops:    counter("bind_ends_total", "Binds that ended or could not be made.", "link"),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "otpgw", Subsystem: "smpp", Name: "bound",
			Help: "1 while the bind is bound."}, []string{"link", "bind"}),
		refusals: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "otpgw", Subsystem: "smpp", Name: "refused",
			Help: "1 while the SMSC refuses the bind, by the status it gave last."}, []string{"link", "bind", "status"}),
		handovers: counter("handovers_total", "Messages that another link of the route took over.", "link", "to"),
		strays:    counter("unknown_responses_total", "Responses to no request of ours: late ones, or a peer that makes them up.", "link"),
		copies:    counter("copies_total", "Messages sent again although an earlier try, which was not answered, may have been sent.", "link"),
		endings:   counter("refused_messages_total", "Messages that ended without being taken, by the status they ended with.", "link", "status"),
		unneeded:  counter("needless_messages_total", "Messages not sent again: a receipt came, or nobody waited for the PIN any more.", "link"),
		noTrace:   counter("untraced_pdus_total", "PDUs missing in the trace because the disk was too slow.", "link"),
	}
	r.MustRegister(m.parts, m.answers, m.deadPINs, m.arrived, m.drops, m.up, m.refusals, m.handovers, m.noTrace, m.strays, m.copies, m.endings, m.unneeded, rates{m})
	return m
}

// rates collects the rate of each link.
type rates struct{ m *Metrics }

func (c rates) Describe(ch chan<- *prometheus.Desc) { ch <- rateLimit }

func (c rates) Collect(ch chan<- prometheus.Metric) {
	c.m.mu.Lock()
	links := slices.Clone(c.m.links)
	c.m.mu.Unlock()
	for _, l := range links {
		limit := l.Rate().Limit
		if limit == 0 {
			limit = math.Inf(1)
		}
		ch <- prometheus.MustNewConstMetric(rateLimit, prometheus.GaugeValue, limit, l.cfg.Name)
	}
}

func (m *Metrics) watch(l *Link) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links = append(slices.DeleteFunc(m.links, func(o *Link) bool { return o.cfg.Name == l.cfg.Name }), l)
	name := l.cfg.Name
	m.answers.WithLabelValues(name)
	for _, outcome := range outcomes() {
		m.parts.WithLabelValues(name, outcome)
	}
	for _, v := range []*prometheus.CounterVec{m.deadPINs, m.drops, m.strays, m.noTrace, m.copies, m.unneeded} {
		v.WithLabelValues(name)
	}
	m.arrived.WithLabelValues(name, wire.StatusOK.String())
	for _, status := range []wire.Status{StatusNoAnswer, StatusHungUp} {
		m.endings.WithLabelValues(name, status.String())
	}
	for _, o := range m.links {
		if o != l {
			m.handovers.WithLabelValues(name, o.cfg.Name)
			m.handovers.WithLabelValues(o.cfg.Name, name)
		}
	}
	for _, b := range l.binds {
		m.up.WithLabelValues(name, b.name)
		m.accepted(name, b.name)
	}
}

// Forget drops what is told of a link that is there no more.
func (m *Metrics) Forget(link string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links = slices.DeleteFunc(m.links, func(o *Link) bool { return o.cfg.Name == link })
	for _, v := range []interface{ DeletePartialMatch(prometheus.Labels) int }{m.parts, m.answers, m.deadPINs, m.arrived, m.up, m.drops, m.refusals, m.handovers, m.noTrace, m.strays, m.copies, m.endings, m.unneeded} {
		v.DeletePartialMatch(prometheus.Labels{"link": link})
	}
}

// responseBuckets reach from a carrier next door to the longest RESPONSE_TIMEOUT that makes sense.
var responseBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// The outcomes of a part that are no class of status.
const (
	outcomeTimeout = "timeout" // not proof that it was not sent: counted apart
	outcomeDropped = "dropped" // the session ended before the answer
)

// outcomes are all that may come of a part. Each is told from the start, at 0: an alert misses what is not
// there yet.
func outcomes() []string {
	all := []string{outcomeTimeout, outcomeDropped}
	for c := Taken; c <= Permanent; c++ {
		all = append(all, c.String())
	}
	return all
}

func (m *Metrics) submitted(link string, results []result) {
	if m == nil {
		return
	}
	for _, r := range results {
		if r.before {
			continue
		}
		outcome := r.class.String()
		switch {
		case errors.Is(r.err, session.ErrTimeout):
			outcome = outcomeTimeout
		case r.err != nil && r.class == Temporary:
			outcome = outcomeDropped
		}
		m.parts.WithLabelValues(link, outcome).Inc()
		if r.took > 0 {
			m.answers.WithLabelValues(link).Observe(r.took.Seconds())
		}
	}
}

func (m *Metrics) dead(link string) {
	if m != nil {
		m.deadPINs.WithLabelValues(link).Inc()
	}
}

func (m *Metrics) copied(link string) {
	if m != nil {
		m.copies.WithLabelValues(link).Inc()
	}
}

func (m *Metrics) gaveUp(link string, status wire.Status) {
	if m != nil {
		m.endings.WithLabelValues(link, status.String()).Inc()
	}
}

func (m *Metrics) needless(link string) {
	if m != nil {
		m.unneeded.WithLabelValues(link).Inc()
	}
}

func (m *Metrics) incoming(link string, status wire.Status) {
	if m != nil {
		m.arrived.WithLabelValues(link, status.String()).Inc()
	}
}

func (m *Metrics) ended(link, bind string, err error) {
	if m == nil {
		return
	}
	m.drops.WithLabelValues(link).Inc()
	var status wire.Status
	if errors.As(err, &status) {
		m.refusals.DeletePartialMatch(prometheus.Labels{"link": link, "bind": bind})
		m.refusals.WithLabelValues(link, bind, status.String()).Set(1)
	}
}

func (m *Metrics) handed(link, to string) {
	if m != nil {
		m.handovers.WithLabelValues(link, to).Inc()
	}
}

func (m *Metrics) unknown(link string) {
	if m != nil {
		m.strays.WithLabelValues(link).Inc()
	}
}

func (m *Metrics) untraced(link string, n uint64) {
	if m != nil {
		m.noTrace.WithLabelValues(link).Add(float64(n))
	}
}

// bound tells whether a bind is there. Why it was refused is forgotten once it is.
func (m *Metrics) bound(link, bind string, up bool) {
	if m == nil {
		return
	}
	v := 0.0
	if up {
		v = 1
		m.accepted(link, bind)
	}
	m.up.WithLabelValues(link, bind).Set(v)
}

// accepted: no refusal is known of a bind. It is told as one with the status of success, so that the family
// is there.
func (m *Metrics) accepted(link, bind string) {
	m.refusals.DeletePartialMatch(prometheus.Labels{"link": link, "bind": bind})
	m.refusals.WithLabelValues(link, bind, wire.StatusOK.String()).Set(0)
}
