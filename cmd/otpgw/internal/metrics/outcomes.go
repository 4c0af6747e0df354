package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/funnel"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Outcomes are the metrics of what the gateway is for: how OTPs end, and how the carriers deliver. Its labels
// are names of applications and links, states and statuses, so few. Every child is there from the start, at
// 0: an alert misses what is not.
type Outcomes struct {
	asked     *prometheus.CounterVec   // app
	countries *prometheus.CounterVec   // country, stage
	arrived   *prometheus.HistogramVec // app
	ended     *prometheus.CounterVec   // app, status
	verified  *prometheus.HistogramVec // app
	states    *prometheus.CounterVec   // link, state
	delivery  *prometheus.HistogramVec // link

	mu    sync.Mutex
	known map[string]map[funnel.Stage]prometheus.Counter // countries with children of their own; guarded by mu
}

// maxCountries bounds the countries that the metrics tell apart.
const maxCountries = 60

// stageNames are the stages that are counted by country.
var stageNames = map[funnel.Stage]string{funnel.Asked: "asked", funnel.Delivered: "delivered", funnel.Verified: "verified"}

// countIn counts a stage of an OTP to a country. The children of a country come together, at 0.
func (p *Outcomes) countIn(country string, stage funnel.Stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[country] == nil && len(p.known) >= maxCountries {
		country = funnel.Other
	}
	of := p.known[country]
	if of == nil {
		of = p.ofCountry(country)
		p.known[country] = of
	}
	of[stage].Inc()
}

// ofCountry are the children of a country.
func (p *Outcomes) ofCountry(country string) map[funnel.Stage]prometheus.Counter {
	of := make(map[funnel.Stage]prometheus.Counter, len(stageNames))
	for stage, name := range stageNames {
		of[stage] = p.countries.WithLabelValues(country, name)
	}
	return of
}

// The buckets fit what people wait for: a PIN that comes after half a minute is asked for again.
var (
	deliveryBuckets = []float64{.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 1800}
	verifyBuckets   = []float64{2, 5, 10, 15, 30, 60, 120, 300, 600, 1800}
)

// NewOutcomes registers them.
func NewOutcomes(r prometheus.Registerer) *Outcomes {
	p := &Outcomes{
		asked: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_otps_asked_total", Help: "OTPs that were asked for."}, []string{"app"}),
		countries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_otps_by_country_total",
			Help: "OTPs by country and by how far they came; of more than 60 countries the later ones are one."}, []string{"country", "stage"}),
		arrived: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "otpgw_otp_delivery_seconds",
			Help: "Time from a request to the receipt that tells of delivery.", Buckets: deliveryBuckets}, []string{"app"}),
		known: make(map[string]map[funnel.Stage]prometheus.Counter),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_otps_ended_total",
			Help: "OTPs by the status they ended with."}, []string{"app", "status"}),
		verified: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "otpgw_otp_verify_seconds",
			Help: "Time from a request to the right PIN.", Buckets: verifyBuckets}, []string{"app"}),
		states: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otpgw_receipts_by_state_total",
			Help: "Receipts that belong to a message, by the state they tell."}, []string{"link", "state"}),
		delivery: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "otpgw_delivery_seconds",
			Help: "Time from the SMSC's answer to the receipt that tells of delivery.", Buckets: deliveryBuckets}, []string{"link"}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "otpgw_build_info", Help: "1, with the version as labels."}, []string{"version", "commit", "go"})
	v := version.Read()
	build.WithLabelValues(v.Number, v.Commit, v.Go).Set(1)
	r.MustRegister(p.asked, p.countries, p.arrived, p.ended, p.verified, p.states, p.delivery, build)
	return p
}

// endings are the statuses that an OTP may end with.
var endings = []otp.Status{otp.StatusVerified, otp.StatusFailed, otp.StatusExpired, otp.StatusCancelled}

// Expect makes the children of a configuration.
func (p *Outcomes) Expect(c *config.Config) {
	p.ofCountry(funnel.Other)
	for _, app := range c.Apps {
		for _, s := range endings {
			p.ended.WithLabelValues(app.Name, s.String())
		}
		p.asked.WithLabelValues(app.Name)
		p.arrived.WithLabelValues(app.Name)
		p.verified.WithLabelValues(app.Name)
	}
	for _, l := range c.Links {
		for _, s := range told {
			p.states.WithLabelValues(l.Name, s.String())
		}
		p.delivery.WithLabelValues(l.Name)
	}
}

// told are the states of receipts that are there from the start.
var told = []wire.MessageState{wire.Delivered, wire.Undeliverable, wire.Rejected, wire.Expired}

// Receipts are how many receipts of a link told which state, since the start.
func (p *Outcomes) Receipts(link string) map[string]uint64 {
	counts := make(map[string]uint64)
	for s := wire.Enroute; s <= wire.Scheduled; s++ {
		if n := uint64(counterOf(p.states.With(prometheus.Labels{"link": link, "state": s.String()}))); n > 0 {
			counts[s.String()] = n
		}
	}
	return counts
}

// Ended are how many OTPs of an application ended with each status, since the start.
func (p *Outcomes) Ended(app string) map[string]float64 {
	counts := make(map[string]float64)
	for _, status := range endings {
		counts[status.String()] = counterOf(p.ended.WithLabelValues(app, status.String()))
	}
	return counts
}

// counterOf reads a counter.
func counterOf(c prometheus.Counter) float64 {
	var m dto.Metric
	if c.Write(&m) != nil {
		return 0
	}
	return m.GetCounter().GetValue()
}

// Observe listens to the service and the tracker, beside whoever does already, and counts for the metrics and
// for the funnel.
func (p *Outcomes) Observe(service *otp.Service, tracker *dlr.Tracker, f *funnel.Funnel) {
	ended, matched := service.Ended, tracker.Matched
	since := func(r *otp.Record) time.Duration { return max(service.Clock().Sub(r.Asked()), 0) }
	count := func(r *otp.Record, stage funnel.Stage, link string, after time.Duration) {
		if !r.Test {
			p.countIn(r.Country, stage)
			f.Count(funnel.Event{Stage: stage, Asked: r.Asked(), Country: r.Country, Link: link, After: after})
		}
	}
	service.Asked = func(r *otp.Record) {
		p.asked.WithLabelValues(r.App).Inc()
		count(r, funnel.Asked, "", 0)
	}
	service.Arrived = func(r *otp.Record) {
		if !r.Test {
			p.arrived.WithLabelValues(r.App).Observe(since(r).Seconds())
		}
		count(r, funnel.Delivered, r.Link, since(r))
	}
	service.Ended = func(r *otp.Record) {
		p.ended.WithLabelValues(r.App, r.Status.String()).Inc()
		if r.Status == otp.StatusVerified {
			p.verified.WithLabelValues(r.App).Observe(since(r).Seconds())
			count(r, funnel.Verified, service.CarriedBy(r), since(r))
		}
		if ended != nil {
			ended(r)
		}
	}
	tracker.Matched = func(m dlr.Match) {
		p.states.WithLabelValues(m.Link, m.State.String()).Inc()
		if m.State == wire.Delivered && !m.At.IsZero() {
			p.delivery.WithLabelValues(m.Link).Observe(max(m.Received.Sub(m.At).Seconds(), 0))
		}
		if matched != nil {
			matched(m)
		}
	}
}
