package main

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/linkset"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/logs"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/metrics"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/dlr/mo"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api"
	"github.com/otpgw/otpgw/otp/api/intake"
	"github.com/otpgw/otpgw/otp/camara"
	"github.com/otpgw/otpgw/otp/donotsend"
	"github.com/otpgw/otpgw/otp/funnel"
	"github.com/otpgw/otpgw/otp/hooks"
	"github.com/otpgw/otpgw/otp/lookup"
	"github.com/otpgw/otpgw/otp/optout"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/seal"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/score"
)

// wire makes the parts and gives each what it needs.
func (d *daemon) wire(box *seal.Box, registry *prometheus.Registry) {
	d.box = box
	d.live.Store(newLive(d.config))
	d.wireService(registry)
	d.wireReceipts(registry)
	d.outcomes = metrics.NewOutcomes(registry)
	d.growth = &metrics.Growth{Queue: d.queue}
	registry.MustRegister(metrics.Store{Queue: d.queue, Growth: d.growth}, logs.Lost)
	d.funnel = funnel.New(d.queue.Funnel(), d.service.Clock)
	d.outcomes.Observe(d.service, d.tracker, d.funnel)
	d.traceReceipts()
	d.dispatch = callback.New(callback.Options{
		Queue: d.queue, Secrets: func(app string) []string { return d.live.Load().callbackSecrets(app) }, Timeout: d.config.CallbackTimeout,
		Egress: callback.Egress{Allow: d.config.CallbackAllow}, Reveal: d.inbox.Reveal, Grace: workGrace / 2, Version: version.Read().Number, Log: d.log,
		Trace: d.traceCallbacks(), Known: func() time.Duration { return d.live.Load().config.Retention + otp.MaxTTL },
	})
	d.service.Announce = d.dispatch.Announce
	registry.MustRegister(d.dispatch.Collectors()...)
	d.orders = d.board()
	d.scores = score.New(d.config.Sharing.SlowAfter, time.Now)
	d.judge()
	d.wireLinks(registry)
	registry.MustRegister(metrics.Links{Set: d.links, Routes: func() []config.Route { return d.live.Load().config.Routes }, Ready: d.queue.Ready},
		metrics.Lookups{Asker: func() *lookup.Asker { return d.live.Load().asker }})
	d.publishChanges()
	d.adopt(d.config)
	d.wireServers(registry)
	d.bound(registry)
}

// wireService makes the domain, which asks for what a reload may change each time.
func (d *daemon) wireService(registry *prometheus.Registry) {
	d.service = &otp.Service{
		Queue: d.queue, Box: d.box, Apps: d.config.Apps, Log: d.log,
		Retention:       func() time.Duration { return d.live.Load().config.Retention },
		CallbackAllowed: func(a netip.Addr) bool { return d.live.Load().egress().Allowed(a) },
		SenderRule:      config.SenderRule,
		Route:           func(t otp.Traffic) (string, error) { return d.live.Load().config.Route(t) },
		Measure:         func(route, body string) (int, string) { return d.live.Load().measure(route, body) },
		Links:           func() []string { return d.live.Load().linkNames() },
		FirstLink:       func(route string) string { return d.live.Load().firstLink(route) },
		Price:           func(e164, network string) float64 { return d.live.Load().config.Prices.Of(e164, network) },
		Lookup: func(ctx context.Context, q lookup.Question) (lookup.Finding, error) {
			if asker := d.live.Load().asker; asker != nil {
				return asker.Ask(ctx, q)
			}
			return lookup.Finding{}, nil
		},
	}
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "otpgw_otp_guesses_evaluated_total", Help: "Guesses compared with a PIN.",
	}, func() float64 { return float64(d.service.Evaluated.Load()) }))
	registry.MustRegister(metrics.Risks{Service: d.service}, metrics.Quotas{Service: d.service})
	d.notSent = &donotsend.List{Bucket: d.queue.DoNotSend(), File: func() donotsend.Set { return d.live.Load().config.DoNotSend }}
	d.service.DoNotSend = d.notSent.Has
}

// wireReceipts makes what takes what handsets and SMSCs say: wishes not to be written to, messages, receipts.
func (d *daemon) wireReceipts(registry *prometheus.Registry) {
	optOuts := optout.New(d.queue.OptOuts(), d.box)
	d.service.OptedOut = optOuts.Has
	d.inbox = &mo.Inbox{Queue: d.queue, Box: d.box, List: optOuts, Route: d.service.Route, Log: d.log,
		Apps: func() []otp.App { return d.live.Load().config.Apps }}
	registry.MustRegister(d.inbox.Collector())
	d.tracker = dlr.NewTracker(d.queue, d.service, d.log)
	d.tracker.Whole = d.service.CarrierHas
	registry.MustRegister(d.tracker.Collectors()...)
	d.keepRecords()
}

// wireServers makes the API's server, and the operator's.
func (d *daemon) wireServers(registry *prometheus.Registry) {
	d.api = httpServer(d.tracer.Requests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.live.Load().api.ServeHTTP(w, r) })), d.log)
	registry.MustRegister(&metrics.DisabledURLs{List: d.dispatch.Endpoints, Apps: func() []otp.App { return d.live.Load().config.Apps }})
	allowed := func() config.Networks { return d.live.Load().config.AdminAllow }
	d.admin = httpServer(intake.CloseFramedTwice(operator.OnlyFrom(allowed, operator.ClosedToPages(d.operator(registry).Handler(), d.adminLn.Addr()))), d.log)
	d.api.TLSConfig, d.admin.TLSConfig = d.apiCert.TLS(), d.adminCert.TLS()
}

// operator makes what answers on the operator's port.
func (d *daemon) operator(registry *prometheus.Registry) *operator.Server {
	return &operator.Server{
		Queue: d.queue, Service: d.service, Tracker: d.tracker, Dispatch: d.dispatch, Inbox: d.inbox, DoNotSend: d.notSent, Links: d.links, References: d.references,
		Scores: d.scores, Outcomes: d.outcomes, Growth: d.growth, Funnel: d.funnel, Orders: d.orders,
		Config: func() *config.Config { return d.live.Load().config }, Reload: d.reloadFor, Obey: d.obey, Compact: d.compactSoon,
		Registry: registry, API: func() prometheus.Gatherer { return d.live.Load().metrics },
		Started: time.Now(), Token: func() string { return *d.token.Load() }, Log: d.log,
	}
}

// adopt answers requests by a configuration from now on. Those under way go on by the one before.
func (d *daemon) adopt(c *config.Config) {
	d.expect(c)
	l := newLive(c)
	l.asker = d.asker(c)
	l.api = api.New(api.Config{
		Apps: c.Apps, Service: d.service, Log: d.log, CORSOrigins: c.CORSOrigins, AuthFailures: c.AuthFailures,
		TrustedProxies: c.TrustedProxies, Metrics: l.metrics, Faces: d.faces(c), Documents: map[string][]byte{camara.DocumentPath: camara.Document},
	})
	d.live.Store(l)
	d.scores.Compare(rivals(c.Routes))
}

// expect has the metrics tell of all that a configuration names, from the start.
func (d *daemon) expect(c *config.Config) {
	d.outcomes.Expect(c)
	for _, app := range c.Apps {
		d.dispatch.Expect(app.Name)
	}
	for _, l := range c.Links {
		d.tracker.Expect(l.Name)
	}
}

// faces are the other APIs over the service.
func (d *daemon) faces(c *config.Config) []api.Face {
	return append(hooks.Faces(d.service, c.Apps), camara.Faces(d.service)...)
}

func (d *daemon) wireLinks(registry *prometheus.Registry) {
	counts := link.NewMetrics(registry)
	d.references = link.NewReferences(d.queue, d.box.Name)
	s := &sink{tracker: d.tracker, service: d.service, funnel: d.funnel, tracer: d.tracer, inbox: d.inbox, scores: d.scores, cdr: d.records, price: d.service.Price, log: d.log}
	build := func(cfg link.Config) *link.Link {
		return d.keptPaused(link.New(cfg, link.Deps{
			Queue: d.queue, Sink: s, Inherited: s.inherited, Log: d.log, Metrics: counts, Due: d.scores.Share, References: d.references,
			Open: func(m *queue.Outbound) (string, error) {
				plain, err := d.box.Open(m.Text, queue.TextContext(m.Ref))
				return string(plain), err
			},
		}))
	}
	d.links = &linkset.Set{Build: build, Gone: counts.Forget, Log: d.log}
	s.link = d.links.Config
	d.links.Apply(d.config.Links)
}
