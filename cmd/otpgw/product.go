package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/receipt"
	"github.com/otpgw/otpgw/otp"
)

// product are the metrics of what the gateway is for: how OTPs end, and how the carriers deliver. Its labels are names of
// applications and links, states and statuses, so few. Every child is there from the start, at 0: an alert misses what is not.
type product struct {
	ended    *prometheus.CounterVec   // app, status
	verified *prometheus.HistogramVec // app
	states   *prometheus.CounterVec   // link, state
	delivery *prometheus.HistogramVec // link
}

// The buckets fit what people wait for: a PIN that comes after half a minute is asked for again.
var (
	deliveryBuckets = []float64{.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 1800}
	verifyBuckets   = []float64{2, 5, 10, 15, 30, 60, 120, 300, 600, 1800}
)

func newProduct(r prometheus.Registerer) *product {
	p := &product{
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
	r.MustRegister(p.ended, p.verified, p.states, p.delivery, build)
	return p
}

// endings are the statuses that an OTP may end with.
var endings = []otp.Status{otp.StatusVerified, otp.StatusFailed, otp.StatusExpired, otp.StatusCancelled}

// expect makes the children of a configuration.
func (p *product) expect(c *config.Config) {
	for _, app := range c.Apps {
		for _, s := range endings {
			p.ended.WithLabelValues(app.Name, s.String())
		}
		p.verified.WithLabelValues(app.Name)
	}
	for _, l := range c.Links {
		for _, s := range []receipt.State{receipt.Delivered, receipt.Undeliverable, receipt.Rejected, receipt.Expired} {
			p.states.WithLabelValues(l.Name, s.String())
		}
		p.delivery.WithLabelValues(l.Name)
	}
}

// observe listens to the service and the tracker, beside whoever does already.
func (p *product) observe(service *otp.Service, tracker *dlr.Tracker) {
	ended, matched := service.Ended, tracker.Matched
	service.Ended = func(r *otp.Record) {
		p.ended.WithLabelValues(r.App, r.Status.String()).Inc()
		if r.Status == otp.StatusVerified {
			p.verified.WithLabelValues(r.App).Observe(max(service.Clock().Sub(r.Created).Seconds(), 0))
		}
		if ended != nil {
			ended(r)
		}
	}
	tracker.Matched = func(m dlr.Match) {
		p.states.WithLabelValues(m.Link, m.State.String()).Inc()
		if m.State == receipt.Delivered && !m.At.IsZero() {
			p.delivery.WithLabelValues(m.Link).Observe(max(m.Received.Sub(m.At).Seconds(), 0))
		}
		if matched != nil {
			matched(m)
		}
	}
}

var (
	readyNow   = prometheus.NewDesc("otpgw_ready", "1 while the gateway takes requests and a link can send, as /readyz says.", nil, nil)
	linkUp     = prometheus.NewDesc("otpgw_link_up", "1 while the link can send.", []string{"link"}, nil)
	linkPaused = prometheus.NewDesc("otpgw_link_paused", "1 while an operator keeps the link from sending.", []string{"link"}, nil)
	linkFlight = prometheus.NewDesc("otpgw_link_in_flight", "Parts that wait for the SMSC's answer.", []string{"link"}, nil)
	linkWindow = prometheus.NewDesc("otpgw_link_window", "Parts that may wait for the SMSC's answer, over all binds.", []string{"link"}, nil)
	routeDown  = prometheus.NewDesc("otpgw_route_degraded", "1 while no link of the route's first priority can send.", []string{"route"}, nil)
)

// stateCollector asks how links and routes are when somebody asks for the metrics.
type stateCollector struct{ d *daemon }

func (c stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readyNow, linkUp, linkPaused, linkFlight, linkWindow, routeDown} {
		ch <- d
	}
}

func (c stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	up := make(map[string]bool)
	for _, l := range c.d.fleet.links() {
		cfg := c.d.fleet.config(l.Name())
		up[l.Name()] = l.Up()
		gauge(linkUp, one(up[l.Name()]), l.Name())
		gauge(linkPaused, one(l.Paused()), l.Name())
		gauge(linkFlight, float64(l.InFlight()), l.Name())
		gauge(linkWindow, float64(cfg.Window*cfg.Binds), l.Name())
	}
	some := false
	for _, r := range c.d.live.Load().config.Routes {
		preferred := false
		for _, l := range r.Links {
			preferred = preferred || up[l.Name] && l.Priority == r.Links[0].Priority
			some = some || up[l.Name]
		}
		gauge(routeDown, one(!preferred), r.Name)
	}
	gauge(readyNow, one(some && c.d.queue.Ready(context.Background()) == nil))
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
