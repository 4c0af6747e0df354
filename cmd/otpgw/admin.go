package main

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/otpgw/otpgw/smpp/link"
)

// adminTimeout bounds what one request to the operator's port may ask of the store.
const adminTimeout = 5 * time.Second

// admin is the operator's HTTP face on OTPGW_ADMIN_ADDR: health, metrics, the console, and the actions of
// `otpgw ctl`, which take the admin token. Reading takes none, which is why it listens on loopback unless
// told otherwise.
type admin struct {
	*daemon
	registry *prometheus.Registry
	started  time.Time
	token    string // for what changes something

	dead      *deadLetters
	samples   *samples
	endpoints *endpoints
}

func (a *admin) handler() http.Handler {
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
	outer.HandleFunc("GET /live", a.stream)                                // as long as the browser listens
	outer.Handle("POST /backup", authorized(a.token, a.audited(a.backup))) // as long as it takes
	outer.Handle("/", http.TimeoutHandler(authorized(a.token, mux), 2*adminTimeout, "timeout\n"))
	return outer
}

// gatherer collects the daemon's metrics, and the API's, which a reload makes anew.
func (a *admin) gatherer() prometheus.Gatherer {
	api := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return a.live.Load().metrics.Gather() })
	return prometheus.Gatherers{a.registry, api}
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

// readiness is what /readyz says and the console shows.
type readiness struct {
	Ready bool                         `json:"ready"`
	Store string                       `json:"store"`            // ok, or what is wrong
	Skew  float64                      `json:"clockSkewSeconds"` // of this machine's clock against the store's
	Links map[string][]link.BindStatus `json:"links"`
	Rates map[string]link.Rate         `json:"rates"` // by link
}

// check is ready when the store takes a write and a link can send, here or on the daemon that this one stands
// by for: without either, requests are better sent elsewhere.
func (a *admin) check(ctx context.Context) readiness {
	r := readiness{Store: "ok", Links: make(map[string][]link.BindStatus), Rates: make(map[string]link.Rate)}
	up := false
	for _, l := range a.fleet.links() {
		r.Links[l.Name()], r.Rates[l.Name()] = l.Status(), l.Rate()
		up = up || l.Up() || l.Standby()
	}
	if err := a.queue.Ready(ctx); err != nil {
		r.Store = err.Error()
	}
	r.Skew = math.Round(a.queue.Skew().Seconds()*1000) / 1000
	r.Ready = up && r.Store == "ok"
	return r
}

func (a *admin) ready(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), adminTimeout)
	defer cancel()
	r := a.check(ctx)
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	reply(w, status, r)
}
