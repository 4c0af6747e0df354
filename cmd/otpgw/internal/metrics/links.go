package metrics

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/linkset"
	"github.com/otpgw/otpgw/config"
)

var (
	readyNow   = prometheus.NewDesc("otpgw_ready", "1 while the gateway takes requests and a link can send, as /readyz says.", nil, nil)
	linkUp     = prometheus.NewDesc("otpgw_link_up", "1 while the link can send.", []string{"link"}, nil)
	linkStands = prometheus.NewDesc("otpgw_link_standby", "1 while other daemons hold all the binds that the link's carrier allows.", []string{"link"}, nil)
	linkPaused = prometheus.NewDesc("otpgw_link_paused", "1 while an operator keeps the link from sending.", []string{"link"}, nil)
	linkFlight = prometheus.NewDesc("otpgw_link_in_flight", "Parts that wait for the SMSC's answer.", []string{"link"}, nil)
	linkWindow = prometheus.NewDesc("otpgw_link_window", "Parts that may wait for the SMSC's answer, over all binds.", []string{"link"}, nil)
	routeDown  = prometheus.NewDesc("otpgw_route_degraded", "1 while no link of the route's first priority can send.", []string{"route"}, nil)
)

// Links tells how links and routes are when somebody asks for the metrics.
type Links struct {
	Set    *linkset.Set
	Routes func() []config.Route
	Ready  func(context.Context) error // of the store
}

// Describe is of prometheus.Collector.
func (c Links) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readyNow, linkUp, linkStands, linkPaused, linkFlight, linkWindow, routeDown} {
		ch <- d
	}
}

// Collect is of prometheus.Collector.
func (c Links) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	up := make(map[string]bool)
	for _, l := range c.Set.All() {
		cfg := c.Set.Config(l.Name())
		gauge(linkUp, oneIf(l.Up()), l.Name())
		gauge(linkStands, oneIf(l.Standby()), l.Name())
		up[l.Name()] = l.Up() || l.Standby()
		gauge(linkPaused, oneIf(l.Paused()), l.Name())
		gauge(linkFlight, float64(l.InFlight()), l.Name())
		gauge(linkWindow, float64(cfg.Window*cfg.Binds), l.Name())
	}
	some := false
	for _, r := range c.Routes() {
		preferred := false
		for _, l := range r.Links {
			preferred = preferred || up[l.Name] && l.Priority == r.Links[0].Priority
			some = some || up[l.Name]
		}
		gauge(routeDown, oneIf(!preferred), r.Name)
	}
	gauge(readyNow, oneIf(some && c.Ready(context.Background()) == nil))
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
