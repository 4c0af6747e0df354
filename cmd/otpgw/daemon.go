package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/cmd/otpgw/tracing"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/dlr/cdr"
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
	"github.com/otpgw/otpgw/queue/orders"
	"github.com/otpgw/otpgw/queue/seal"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/score"
)

// The bounds of a shutdown, stage by stage; together under the 30 s that orchestrators give.
const (
	intakeGrace = 5 * time.Second  // requests that are being answered
	linksGrace  = 12 * time.Second // windows that drain, unbinds
	workGrace   = 5 * time.Second  // receipts, timers and callbacks in hand
	storeGrace  = 5 * time.Second
	openTimeout = time.Minute // start of the store; a large one is read in seconds
)

// daemon is one running gateway. Make it with newDaemon, then run it.
type daemon struct {
	config     *config.Config // of the start
	read       func(context.Context) (*config.Config, error)
	log        zerolog.Logger
	queue      *queue.Queue
	service    *otp.Service
	tracker    *dlr.Tracker
	inbox      *mo.Inbox
	notSent    *donotsend.List
	records    *cdr.Writer // nil: none are kept
	dispatch   *callback.Dispatcher
	box        *seal.Box
	token      string // of the operator's port
	fleet      *fleet
	references *link.References
	orders     *orders.Board
	scores     *score.Board // how links do
	product    *product
	funnel     *funnel.Funnel
	growth     *growth
	tracer     *tracing.Tracer // nil: nothing is traced
	api        *http.Server
	admin      *http.Server
	apiLn      net.Listener
	adminLn    net.Listener

	apiCert, adminCert *certificate // nil: HTTP

	live      atomic.Pointer[live]
	reloading sync.Mutex
	rerouted  chan struct{} // a reload may have taken routes out
	compact   chan struct{} // the store's log is to be written anew
}

// newDaemon opens the store, listens, and wires everything. Nothing works before run. read reads the
// configuration again, for a reload.
func newDaemon(ctx context.Context, c *config.Config, read func(context.Context) (*config.Config, error), log zerolog.Logger) (*daemon, error) {
	d := &daemon{config: c, read: read, log: log, rerouted: make(chan struct{}, 1), compact: make(chan struct{}, 1)}
	if err := d.open(ctx); err != nil {
		d.release()
		return nil, err
	}
	return d, nil
}

func (d *daemon) open(ctx context.Context) error {
	box, err := openBox(d.config)
	if err != nil {
		return err
	}
	if d.token, err = adminToken(d.config); err != nil {
		return err
	}
	if d.apiLn, err = listen(d.config.HTTPAddr, "OTPGW_HTTP_ADDR"); err != nil {
		return err
	}
	if d.adminLn, err = listen(d.config.AdminAddr, "OTPGW_ADMIN_ADDR"); err != nil {
		return err
	}
	if d.apiCert, err = newCertificate(d.config.TLS, "OTPGW_TLS_CERT_FILE", d.log); err != nil {
		return err
	}
	if d.adminCert, err = newCertificate(d.config.AdminTLS, "OTPGW_ADMIN_TLS_CERT_FILE", d.log); err != nil {
		return err
	}
	d.apiLn = intake.Listen(d.apiLn, intake.Limit())
	d.adminLn = intake.Listen(d.adminLn, adminConnections)
	if err := d.openQueue(ctx); err != nil {
		return err
	}
	if err := anchor(ctx, box, d.queue.Keys()); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), storeCollector{d.queue})
	if err := d.openRecords(box, registry); err != nil {
		return err
	}
	if err := d.openTracer(ctx); err != nil {
		return err
	}
	d.wire(box, registry)
	return d.service.TakeOver(ctx)
}

func listen(addr, variable string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; another program may use the port", variable, err)
	}
	return ln, nil
}

func (d *daemon) openQueue(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	d.queue, err = queue.Open(ctx, storeOptions(d.config, d.log))
	return err
}

func storeOptions(c *config.Config, log zerolog.Logger) queue.Options {
	n := c.NATS
	return queue.Options{
		Dir: c.DataDir, URL: n.URL, Creds: n.Creds, Replicas: n.Replicas,
		SyncInterval: n.Sync, SyncAlways: n.SyncAlways, Routes: c.RouteNames(), Log: log,
		Memory: memoryOf(c),
	}
}

// wire makes the parts and gives each what it needs.
func (d *daemon) wire(box *seal.Box, registry *prometheus.Registry) {
	d.box = box
	d.live.Store(newLive(d.config))
	guard := callback.Egress{Allow: d.config.CallbackAllow}
	d.wireService(guard, registry)
	d.wireReceipts(registry)
	d.product = newProduct(registry)
	d.growth = &growth{queue: d.queue}
	d.funnel = funnel.New(d.queue.Funnel(), d.service.Clock)
	d.product.observe(d.service, d.tracker, d.funnel)
	d.traceReceipts()
	d.dispatch = callback.New(callback.Options{
		Queue: d.queue, Secrets: func(app string) []string { return d.live.Load().callbackSecrets(app) }, Timeout: d.config.CallbackTimeout,
		Egress: guard, Reveal: d.inbox.Reveal, Grace: workGrace / 2, Version: version.Read().Number, Log: d.log,
		Trace: d.traceCallbacks(), Known: d.config.Retention + otp.MaxTTL,
	})
	registry.MustRegister(d.dispatch.Collectors()...)
	d.orders = d.board()
	d.scores = score.New(d.config.Sharing.SlowAfter, time.Now)
	d.judge()
	d.wireLinks(registry)
	registry.MustRegister(stateCollector{d}, lookupCollector{d})
	d.publishChanges()
	d.adopt(d.config)
	d.wireServers(registry)
	d.bound(registry)
}

// wireService makes the domain, which asks for what a reload may change each time.
func (d *daemon) wireService(guard callback.Egress, registry *prometheus.Registry) {
	d.service = &otp.Service{
		Queue: d.queue, Box: d.box, Apps: d.config.Apps, Retention: d.config.Retention, CallbackAllowed: guard.Allowed, Log: d.log,
		SenderRule: config.SenderRule,
		Route:      func(t otp.Traffic) (string, error) { return d.live.Load().config.Route(t) },
		Measure:    func(route, body string) (int, string) { return d.live.Load().measure(route, body) },
		Links:      func() []string { return d.live.Load().linkNames() },
		FirstLink:  func(route string) string { return d.live.Load().firstLink(route) },
		Price:      func(e164, network string) float64 { return d.live.Load().config.Prices.Of(e164, network) },
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
	registry.MustRegister(riskCollector{d.service}, quotaCollector{d.service})
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
	ops := &admin{
		daemon: d, registry: registry, started: time.Now(), token: d.token,
		samples:   newSamples(d.tracker),
		dead:      &deadLetters{queue: d.queue, dispatch: d.dispatch, log: d.log},
		endpoints: &endpoints{config: func() *config.Config { return d.live.Load().config }, dispatch: d.dispatch, log: d.log},
	}
	registry.MustRegister(&endpointCollector{endpoints: ops.endpoints})
	allowed := func() config.Networks { return d.live.Load().config.AdminAllow }
	d.admin = httpServer(intake.CloseFramedTwice(onlyFrom(allowed, closedToPages(ops.handler(), d.adminLn.Addr()))), d.log)
	d.api.TLSConfig, d.admin.TLSConfig = d.apiCert.config(), d.adminCert.config()
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
	d.product.expect(c)
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

// adminConnections is more than operators and their scrapers need.
const adminConnections = 64

// bound lets the servers tell their listeners of their connections, and the metrics of the API's.
func (d *daemon) bound(registry *prometheus.Registry) {
	for ln, s := range map[net.Listener]*http.Server{d.apiLn: d.api, d.adminLn: d.admin} {
		ln.(*intake.Listener).Attach(s)
	}
	api := d.apiLn.(*intake.Listener)
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "otpgw_http_connections", Help: "Connections to the API.",
	}, func() float64 { open, _ := api.Open(); return float64(open) }))
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "otpgw_http_connections_closed_total", Help: "Connections to the API that were closed for others when there were too many.",
	}, func() float64 { _, evicted := api.Open(); return float64(evicted) }))
}

func (d *daemon) wireLinks(registry *prometheus.Registry) {
	metrics := link.NewMetrics(registry)
	d.references = link.NewReferences(d.queue, d.box.Name)
	s := &sink{tracker: d.tracker, service: d.service, funnel: d.funnel, tracer: d.tracer, inbox: d.inbox, scores: d.scores, cdr: d.records, price: d.service.Price, log: d.log}
	build := func(cfg link.Config) *link.Link {
		return d.keptPaused(link.New(cfg, link.Deps{
			Queue: d.queue, Sink: s, Inherited: s.inherited, Log: d.log, Metrics: metrics, Due: d.due(), References: d.references,
			Open: func(m *queue.Outbound) (string, error) {
				plain, err := d.box.Open(m.Text, queue.TextContext(m.Ref))
				return string(plain), err
			},
		}))
	}
	d.fleet = &fleet{build: build, gone: metrics.Forget, log: d.log, known: make(map[string]link.Config)}
	s.link = d.fleet.config
	d.fleet.set(d.config.Links)
}

// httpServer bounds what a slow or hostile peer may hold: headers, the whole request, idle connections.
func httpServer(h http.Handler, log zerolog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: stdLogger(log),
	}
}

// release closes what open got, when it did not get everything.
func (d *daemon) release() {
	for _, ln := range []net.Listener{d.apiLn, d.adminLn} {
		if ln != nil {
			ln.Close()
		}
	}
	_ = d.records.Close()
	if d.queue != nil {
		ctx, cancel := context.WithTimeout(context.Background(), storeGrace)
		defer cancel()
		_ = d.queue.Close(ctx)
	}
}

// run works until ctx ends or a part fails, then shuts down in stages: no more requests, no more messages to
// the SMSCs, no more receipts and callbacks, the store. ready is called once everything runs.
func (d *daemon) run(ctx context.Context, ready func()) error {
	g, gctx := errgroup.WithContext(ctx)
	linksCtx, stopLinks := context.WithCancel(context.WithoutCancel(ctx))
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLinks()
	defer stopWork()

	g.Go(func() error { return serveHTTP(d.api, d.apiLn) })
	g.Go(func() error { return serveHTTP(d.admin, d.adminLn) })
	g.Go(func() error { paceCollector(gctx); return nil })
	var links, work errgroup.Group
	links.Go(func() error { d.fleet.run(linksCtx); return nil })
	signals := hangup() // before anybody is told that it is ready
	g.Go(func() error { d.hangups(gctx, signals); return nil })
	work.Go(func() error { return d.tracker.RunParked(workCtx) })
	work.Go(func() error { return d.records.Run(workCtx) })
	work.Go(func() error { return d.orders.Run(workCtx) })
	work.Go(func() error { return d.scores.Exchange(workCtx, d.queue) })
	work.Go(func() error { return d.compacts(workCtx) })
	work.Go(func() error { return d.service.RunTimers(workCtx) })
	work.Go(func() error { return d.service.RunCounts(workCtx) })
	work.Go(func() error { return d.service.RunQuotas(workCtx) })
	work.Go(func() error { return d.funnel.Run(workCtx) })
	work.Go(func() error { return d.growth.run(workCtx) })
	work.Go(func() error {
		return d.service.RunRemoved(workCtx, func() []string { return d.live.Load().config.RouteNames() }, d.rerouted)
	})
	work.Go(func() error { return d.dispatch.Run(workCtx) })
	g.Go(func() error {
		select {
		case <-gctx.Done():
			return nil
		case <-d.queue.Ended():
			return d.queue.Err()
		}
	})
	ready()

	<-gctx.Done()
	d.log.Info().Msg("stopping")
	stopHTTP(d.api, intakeGrace)
	stopLinks()
	d.await("links", &links, linksGrace)
	stopWork()
	d.await("receipts, timers and callbacks", &work, workGrace)
	stopHTTP(d.admin, time.Second)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeGrace)
	defer cancel()
	return errors.Join(g.Wait(), d.queue.Close(closing), d.records.Close(), d.closeTracer(closing))
}

// await waits for a stage, but no longer than its grace: what it leaves undone is in the store.
func (d *daemon) await(stage string, g *errgroup.Group, grace time.Duration) {
	done := make(chan error, 1)
	go func() { done <- g.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			d.log.Error().Err(err).Msg(stage + " ended with an error")
		}
	case <-time.After(grace):
		d.log.Warn().Dur("grace", grace).Msg(stage + " did not end in time, going on without them")
	}
}

func serveHTTP(s *http.Server, ln net.Listener) error {
	serve := func() error { return s.Serve(ln) }
	if s.TLSConfig != nil {
		serve = func() error { return s.ServeTLS(ln, "", "") } // HTTP/2 too
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func stopHTTP(s *http.Server, grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		s.Close()
	}
}
