package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/certificate"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/linkset"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/memory"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/metrics"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/processors"
	"github.com/otpgw/otpgw/cmd/otpgw/tracing"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/dlr/cdr"
	"github.com/otpgw/otpgw/dlr/mo"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api/intake"
	"github.com/otpgw/otpgw/otp/donotsend"
	"github.com/otpgw/otpgw/otp/funnel"
	"github.com/otpgw/otpgw/otp/reroute"
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
	records    *cdr.Writer
	dispatch   *callback.Dispatcher
	box        *seal.Box
	token      atomic.Pointer[string] // of the operator's port
	links      *linkset.Set
	references *link.References
	orders     *orders.Board
	scores     *score.Board // how links do
	outcomes   *metrics.Outcomes
	funnel     *funnel.Funnel
	growth     *metrics.Growth
	tracer     *tracing.Tracer // nil: nothing is traced
	api        *http.Server
	admin      *http.Server
	apiLn      net.Listener
	adminLn    net.Listener

	apiCert, adminCert *certificate.File // nil: HTTP

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
	token, err := operator.Token(d.config.AdminToken, d.config.DataDir)
	if err != nil {
		return err
	}
	d.token.Store(&token)
	if d.apiLn, err = listen(d.config.HTTPAddr, "OTPGW_HTTP_ADDR"); err != nil {
		return err
	}
	if d.adminLn, err = listen(d.config.AdminAddr, "OTPGW_ADMIN_ADDR"); err != nil {
		return err
	}
	if d.apiCert, err = certificate.Open(d.config.TLS, "OTPGW_TLS_CERT_FILE", d.log); err != nil {
		return err
	}
	if d.adminCert, err = certificate.Open(d.config.AdminTLS, "OTPGW_ADMIN_TLS_CERT_FILE", d.log); err != nil {
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
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
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
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w; another program listens there, perhaps this gateway: end it, or give %s another port", err, variable)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variable, err)
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
		Memory: memory.Of(c), Size: c.StoreSize,
	}
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
	g.Go(func() error { memory.Pace(gctx); return nil })
	g.Go(func() error { processors.Follow(gctx); return nil })
	var links, work errgroup.Group
	links.Go(func() error { d.links.Run(linksCtx); return nil })
	signals := hangup() // before anybody is told that it is ready
	g.Go(func() error { d.hangups(gctx, signals); return nil })
	work.Go(func() error { return d.tracker.RunParked(workCtx) })
	work.Go(func() error { return d.orders.Run(workCtx) })
	work.Go(func() error { return d.scores.Exchange(workCtx, d.queue) })
	work.Go(func() error { return d.compacts(workCtx) })
	work.Go(func() error { return d.service.RunTimers(workCtx) })
	work.Go(func() error { return d.service.RunCounts(workCtx) })
	work.Go(func() error { return d.service.RunQuotas(workCtx) })
	work.Go(func() error { return d.funnel.Run(workCtx) })
	work.Go(func() error { return d.growth.Run(workCtx) })
	work.Go(func() error {
		mover := reroute.Mover{Queue: d.queue, Route: d.service.Route, Log: d.service.Log,
			Known: func() []string { return d.live.Load().config.RouteNames() }}
		return mover.Run(workCtx, d.rerouted)
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
