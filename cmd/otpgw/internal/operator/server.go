// Package operator is the operator's HTTP face on OTPGW_ADMIN_ADDR: health, metrics, the console, and the
// actions of `otpgw ctl`, which take the admin token. Reading takes none, which is why it listens on
// loopback unless told otherwise. It holds no state but the test messages whose receipts it waits for: it
// asks the daemon's parts, and has all daemons do what an operator wants (see queue/orders). A file is one
// subject, its paths and what they do; what they answer are types that cmd/otpgw's ctl prints.
package operator

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/linkset"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/metrics"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/dlr/mo"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/donotsend"
	"github.com/otpgw/otpgw/otp/funnel"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/orders"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/score"
)

// Timeout bounds what one request to the operator's port may ask of the store.
const Timeout = 5 * time.Second

// Server answers on the operator's port. Its fields are set before Handler.
type Server struct {
	Queue      *queue.Queue
	Service    *otp.Service
	Tracker    *dlr.Tracker
	Dispatch   *callback.Dispatcher
	Inbox      *mo.Inbox
	DoNotSend  *donotsend.List
	Links      *linkset.Set
	References *link.References
	Scores     *score.Board
	Outcomes   *metrics.Outcomes
	Growth     *metrics.Growth
	Funnel     *funnel.Funnel
	Orders     *orders.Board

	Config  func() *config.Config                                   // the present one
	Reload  func(ctx context.Context, by string) (Reloaded, error)  // reads it again, and logs that
	Obey    func(ctx context.Context, o orders.Order) orders.Answer // does on this daemon what is asked of all
	Compact func()                                                  // has the store's log written anew, soon

	Registry prometheus.Gatherer        // the daemon's metrics
	API      func() prometheus.Gatherer // the API's, which a reload makes anew
	Started  time.Time
	Token    func() string // for what changes something
	Log      zerolog.Logger

	dead      *deadLetters
	samples   *samples
	endpoints *endpoints
}

// Handler serves all of the port. It listens to the tracker from now on, beside whoever does already.
func (a *Server) Handler() http.Handler {
	a.samples = newSamples(a.Tracker)
	a.dead = &deadLetters{queue: a.Queue, dispatch: a.Dispatch, log: a.Log}
	a.endpoints = &endpoints{dispatch: a.Dispatch, log: a.Log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.gatherer(), promhttp.HandlerOpts{EnableOpenMetrics: true}))
	a.dead.register(mux)
	a.endpoints.register(mux)
	page := console()
	mux.Handle("GET /{$}", page)
	mux.Handle("GET /console/", page)
	a.control(mux)
	outer := http.NewServeMux()
	outer.HandleFunc("GET /live", a.stream)                         // as long as the browser listens
	outer.Handle("POST /backup", a.authorized(a.audited(a.backup))) // as long as it takes
	outer.Handle("/", http.TimeoutHandler(a.authorized(mux), 2*Timeout, "timeout\n"))
	return outer
}

// PprofPath takes the admin token: a profile shows the inside of the process.
const PprofPath = "/debug/pprof/"

// control registers what an operator does. Each action is in the log as an audit line.
func (a *Server) control(mux *http.ServeMux) {
	mux.HandleFunc("GET /links", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.linkStates()) })
	mux.Handle("POST /links/{link}/{action}", a.audited(a.order))
	mux.HandleFunc("GET /routes", a.routes)
	mux.Handle("GET "+WaysPath, a.audited(a.ways))
	mux.HandleFunc("GET /daemons", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.Orders.Names()) })
	mux.Handle("POST /state", a.audited(a.state)) // takes time and memory, so not everybody may
	mux.Handle("POST /reload", a.audited(a.reloadNow))
	mux.Handle("POST /loglevel/{level}", a.audited(a.logLevel))
	mux.Handle("POST /optouts/{action}", a.audited(a.optOut))
	mux.Handle("GET /donotsend", a.audited(a.doNotSendList))
	mux.Handle("POST /donotsend/{action}", a.audited(a.doNotSend))
	mux.Handle("POST /guard/{action}", a.audited(a.block))
	mux.HandleFunc("GET /guard", a.blocks)
	mux.HandleFunc("GET /quotas", a.quotas)
	mux.Handle("POST /forget", a.audited(a.forget))
	mux.Handle("POST /explain", a.audited(a.explain)) // tells of opt-outs, so not everybody
	mux.Handle("POST /send", a.audited(a.sendSample))
	mux.HandleFunc("GET /send/{id}", a.sample)
	mux.HandleFunc(PprofPath, pprof.Index)
	mux.HandleFunc(PprofPath+"profile", pprof.Profile)
	mux.HandleFunc(PprofPath+"trace", pprof.Trace)
}

// gatherer collects the daemon's metrics, and the API's, which a reload makes anew.
func (a *Server) gatherer() prometheus.Gatherer {
	api := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return a.API().Gather() })
	return prometheus.Gatherers{a.Registry, api}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v)
}

func fail(w http.ResponseWriter, status int, message string) {
	reply(w, status, map[string]string{"error": message})
}

// Readiness is what /readyz says and the console shows.
type Readiness struct {
	Ready bool                         `json:"ready"`
	Store string                       `json:"store"`            // ok, or what is wrong
	Skew  float64                      `json:"clockSkewSeconds"` // of this machine's clock against the store's
	Links map[string][]link.BindStatus `json:"links"`
	Rates map[string]link.Rate         `json:"rates"` // by link
}

// check is ready when the store takes a write and a link can send, here or on the daemon that this one stands
// by for: without either, requests are better sent elsewhere.
func (a *Server) check(ctx context.Context) Readiness {
	r := Readiness{Store: "ok", Links: make(map[string][]link.BindStatus), Rates: make(map[string]link.Rate)}
	up := false
	for _, l := range a.Links.All() {
		r.Links[l.Name()], r.Rates[l.Name()] = l.Status(), l.Rate()
		up = up || l.Up() || l.Standby()
	}
	if err := a.Queue.Ready(ctx); err != nil {
		r.Store = err.Error()
	}
	r.Skew = math.Round(a.Queue.Skew().Seconds()*1000) / 1000
	r.Ready = up && r.Store == "ok"
	return r
}

func (a *Server) ready(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), Timeout)
	defer cancel()
	r := a.check(ctx)
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	reply(w, status, r)
}
