package main

import (
	"errors"
	"math"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/orders"
	"github.com/otpgw/otpgw/smpp/link"
)

const pprofPath = "/debug/pprof/"

// linkState is a link as `otpgw ctl links` shows it.
type linkState struct {
	Link     string            `json:"link"`
	Paused   bool              `json:"paused"`
	Up       bool              `json:"up"`
	InFlight int               `json:"inFlight"`
	Window   int               `json:"window"` // parts that may be in flight
	Rate     link.Rate         `json:"rate"`
	Binds    []link.BindStatus `json:"binds"`
	Receipts map[string]uint64 `json:"receipts"` // by the state they tell, since the start
}

// routeState is a route as `otpgw ctl routes` shows it.
type routeState struct {
	Route    string             `json:"route"`
	Prefixes []string           `json:"prefixes"`
	Links    []config.RouteLink `json:"links"`
	Waiting  uint64             `json:"waiting"`
	InFlight int                `json:"inFlight"`
	Oldest   float64            `json:"oldest"`  // seconds that the oldest of both is old
	Sharing  config.Routing     `json:"sharing"` // OTPGW_ROUTING
	Scores   []routeScore       `json:"scores,omitempty"`
	Degraded bool               `json:"degraded"` // no link of the first priority can send
}

// control registers what an operator does. Each action is in the log as an audit line.
func (a *admin) control(mux *http.ServeMux) {
	mux.HandleFunc("GET /links", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.linkStates()) })
	mux.Handle("POST /links/{link}/{action}", a.audited(a.order))
	mux.HandleFunc("GET /routes", a.routes)
	mux.Handle("GET "+waysPath, a.audited(a.ways))
	mux.HandleFunc("GET /daemons", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, a.orders.Names()) })
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
	mux.Handle("POST /send", a.audited(a.sendSample))
	mux.HandleFunc("GET /send/{id}", a.sample)
	mux.HandleFunc(pprofPath, pprof.Index)
	mux.HandleFunc(pprofPath+"profile", pprof.Profile)
	mux.HandleFunc(pprofPath+"trace", pprof.Trace)
}

// audited writes down who did what, and what came of it.
func (a *admin) audited(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next(s, r)
		audit(a.log, r, r.Method+" "+r.URL.Path).Int("status", s.status).Msg("operator's action")
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (a *admin) linkStates() []linkState {
	states := []linkState{}
	for _, l := range a.fleet.links() {
		states = append(states, a.stateOf(l))
	}
	return states
}

func (a *admin) stateOf(l *link.Link) linkState {
	cfg := a.fleet.config(l.Name())
	return linkState{Link: l.Name(), Paused: l.Paused(), Up: l.Up(), InFlight: l.InFlight(), Window: cfg.Window * cfg.Binds, Rate: l.Rate(),
		Binds: l.Status(), Receipts: a.product.receipts(l.Name())}
}

// linkVerbs are what may be done with a link. Who has one drained asks again until nothing is in flight.
var linkVerbs = []string{verbPause, verbResume, verbDrain, verbRebind}

func (a *admin) order(w http.ResponseWriter, r *http.Request) {
	l, verb := a.fleet.find(r.PathValue("link")), r.PathValue("action")
	switch {
	case l == nil:
		fail(w, http.StatusNotFound, "no link has this name; GET /links names them")
	case !slices.Contains(linkVerbs, verb):
		fail(w, http.StatusNotFound, "a link can be told to pause, resume, drain or rebind")
	default:
		done := a.tell(r, orders.Order{Verb: verb, Target: l.Name()})
		reply(w, http.StatusOK, struct {
			linkState
			obeyed
		}{a.stateOf(l), done})
	}
}

func (a *admin) routes(w http.ResponseWriter, r *http.Request) {
	stats, err := a.queue.Stats(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, a.routeStates(stats))
}

func (a *admin) routeStates(stats queue.Stats) []routeState {
	states := []routeState{}
	for _, route := range a.live.Load().config.Routes {
		s := routeState{Route: route.Name, Prefixes: route.Prefixes, Links: route.Links,
			Sharing: a.config.Sharing.Mode, Scores: a.scoresOf(route), Degraded: true}
		for _, c := range stats.Consumers {
			if strings.TrimPrefix(c.Name, "sms.") == route.Name {
				s.Waiting, s.InFlight, s.Oldest = c.Waiting, c.InFlight, math.Round(ageOf(c.Oldest, a.queue.Now())*10)/10
			}
		}
		for _, rl := range route.Links {
			if l := a.fleet.find(rl.Name); l != nil && l.Up() && rl.Priority == route.Links[0].Priority {
				s.Degraded = false
			}
		}
		states = append(states, s)
	}
	return states
}

func (a *admin) reloadNow(w http.ResponseWriter, r *http.Request) {
	done, err := a.reload(r.Context())
	a.logReload("POST /reload", done, err)
	var faulty *config.Error
	switch {
	case errors.As(err, &faulty):
		faults := make([]string, len(faulty.Faults))
		for i, f := range faulty.Faults {
			faults[i] = f.String()
		}
		reply(w, http.StatusUnprocessableEntity, map[string]any{"error": "the configuration is wrong; nothing has changed", "faults": faults})
	case err != nil:
		fail(w, http.StatusUnprocessableEntity, err.Error()+"; nothing has changed")
	default:
		told := a.tell(r, orders.Order{Verb: verbReload})
		reply(w, http.StatusOK, struct {
			reloaded
			obeyed
		}{done, told})
	}
}

func (a *admin) logLevel(w http.ResponseWriter, r *http.Request) {
	level, err := zerolog.ParseLevel(r.PathValue("level"))
	if err != nil || level == zerolog.NoLevel {
		fail(w, http.StatusBadRequest, "the level is trace, debug, info, warn, error or disabled")
		return
	}
	told := a.tell(r, orders.Order{Verb: verbLogLevel, Target: level.String()})
	reply(w, http.StatusOK, struct {
		Level string `json:"level"`
		Until string `json:"until"`
		obeyed
	}{level.String(), "the next start or reload", told})
}

// drainPoll is how often `otpgw ctl drain` looks.
const drainPoll = 300 * time.Millisecond
