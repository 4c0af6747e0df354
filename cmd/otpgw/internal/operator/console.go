package operator

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/cmd/otpgw/internal/metrics"
	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/otp/guard"
)

//go:embed console
var consoleFiles embed.FS

// consolePolicy lets the console load what is served beside it, and nothing else.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// The console's stream of events.
const (
	liveInterval = 2 * time.Second
	liveWrite    = 5 * time.Second // for one event to a browser
	funnelEvery  = 3               // of the events, there is one of the funnel too
)

// consoleState is one event of the console's stream.
type consoleState struct {
	Now     time.Time    `json:"now"`
	Uptime  int          `json:"uptime"` // seconds
	Version string       `json:"version"`
	Ready   bool         `json:"ready"`
	Store   string       `json:"store"`
	Links   []LinkState  `json:"links"`
	Routes  []RouteState `json:"routes"`
	Apps    []appState   `json:"apps"`
	Streams []storeState `json:"streams"`
	Lag     lagState     `json:"lag"`

	Daemons   []string            `json:"daemons"` // that share the store
	LogLevel  string              `json:"logLevel"`
	Guard     []guard.Block       `json:"guard"` // what an operator said of numbers
	Callbacks callbackState       `json:"callbacks"`
	Disabled  []callback.Endpoint `json:"disabled"` // URLs that answered 410
}

// lagState is how far the daemon is behind the log.
type lagState struct {
	Entries uint64  `json:"entries"`
	Seconds float64 `json:"seconds"`
}

// callbackState is how callbacks fare: those of all daemons in the store, and the requests of this one.
type callbackState struct {
	Waiting  uint64  `json:"waiting"` // changes and requests in the store
	Oldest   float64 `json:"oldest"`  // seconds
	Requests int     `json:"requests"`
	Retrying int     `json:"retrying"`
	Dead     uint64  `json:"dead"` // letters, of all kinds
}

type appState struct {
	App   string             `json:"app"`
	Ended map[string]float64 `json:"ended"` // by status
}

type storeState struct {
	Name  string `json:"name"`
	Bytes uint64 `json:"bytes"`
	Max   int64  `json:"max"`
	Full  int    `json:"full,omitempty"` // seconds until it is full, as it fills now
}

// console serves the page and its files; what it shows comes by the stream.
func console() http.Handler {
	files := http.FileServerFS(consoleFiles)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", consolePolicy)
		w.Header().Set("Cache-Control", "no-cache")
		if r.URL.Path == "/" {
			http.ServeFileFS(w, r, consoleFiles, "console/page.html")
			return
		}
		files.ServeHTTP(w, r)
	})
}

// stream sends how things are, every other second, for as long as the browser listens.
func (a *Server) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	tick := time.NewTicker(liveInterval)
	defer tick.Stop()
	send := func(event string, v any) bool {
		text, err := json.Marshal(v)
		if err != nil {
			return false // of these types it cannot be
		}
		_ = control.SetWriteDeadline(time.Now().Add(liveWrite)) // a browser that cannot keep up comes again
		_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text)
		return err == nil && control.Flush() == nil
	}
	for n := 0; ; n++ {
		if n%funnelEvery == 0 {
			if p, err := a.Funnel.Read(r.Context()); err == nil && !send("funnel", p) {
				return
			}
		}
		if !send("state", a.consoleState(r.Context())) {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

func (a *Server) consoleState(ctx context.Context) consoleState {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	ready := a.check(ctx)
	s := consoleState{Now: time.Now().UTC(), Uptime: int(time.Since(a.Started).Seconds()), Version: version.Read().Number,
		Ready: ready.Ready, Store: ready.Store, Links: a.linkStates(), Routes: []RouteState{}, Apps: a.appStates(), Streams: []storeState{},
		Disabled: []callback.Endpoint{}, Guard: []guard.Block{}, Daemons: a.Orders.Names(), LogLevel: zerolog.GlobalLevel().String()}
	stats, err := a.Queue.Stats(ctx)
	if err == nil {
		s.Disabled, err = a.Dispatch.Endpoints(ctx)
	}
	if err == nil {
		s.Guard, err = a.Service.Blocks().List(ctx)
	}
	if err != nil {
		return s // ready says what is wrong
	}
	s.Routes = a.routeStates(stats)
	s.Callbacks.Requests, s.Callbacks.Retrying = a.Dispatch.Pending()
	for _, c := range stats.Consumers {
		if c.Name == "events" {
			s.Callbacks.Waiting, s.Callbacks.Oldest = c.Waiting+uint64(c.InFlight), metrics.Age(c.Oldest, a.Queue.Now())
		}
	}
	lag := a.Queue.Lag()
	s.Lag = lagState{lag.Entries, math.Round(lag.Time.Seconds()*10) / 10}
	for _, one := range stats.Streams {
		if one.Name == "DLQ" {
			s.Callbacks.Dead = one.Msgs
		}
		s.Streams = append(s.Streams, storeState{one.Name, one.Bytes, one.MaxBytes, int(a.Growth.FullIn(one, time.Now()).Seconds())})
	}
	return s
}

// appStates are how OTPs ended, of each application.
func (a *Server) appStates() []appState {
	states := []appState{}
	for _, app := range a.Config().Apps {
		states = append(states, appState{App: app.Name, Ended: a.Outcomes.Ended(app.Name)})
	}
	return states
}
