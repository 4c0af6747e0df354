package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/dlr/callback"
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
)

// consoleState is one event of the console's stream.
type consoleState struct {
	Now     time.Time    `json:"now"`
	Uptime  int          `json:"uptime"` // seconds
	Version string       `json:"version"`
	Ready   bool         `json:"ready"`
	Store   string       `json:"store"`
	Links   []linkState  `json:"links"`
	Routes  []routeState `json:"routes"`
	Apps    []appState   `json:"apps"`
	Streams []storeState `json:"streams"`

	Disabled []callback.Endpoint `json:"disabled"` // URLs that answered 410
}

type appState struct {
	App   string             `json:"app"`
	Ended map[string]float64 `json:"ended"` // by status
}

type storeState struct {
	Name  string `json:"name"`
	Bytes uint64 `json:"bytes"`
	Max   int64  `json:"max"`
}

// console serves the page; what it shows comes by the stream.
func console() http.Handler {
	files, err := fs.Sub(consoleFiles, "console")
	if err != nil {
		panic(err) // the files are in the program
	}
	served := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", consolePolicy)
		w.Header().Set("Cache-Control", "no-cache")
		served.ServeHTTP(w, r)
	})
}

// stream sends how things are, every other second, for as long as the browser listens.
func (a *admin) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	tick := time.NewTicker(liveInterval)
	defer tick.Stop()
	for {
		text, err := json.Marshal(a.consoleState(r.Context()))
		if err != nil {
			return // of these types it cannot be
		}
		_ = control.SetWriteDeadline(time.Now().Add(liveWrite)) // a browser that cannot keep up comes again
		if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

func (a *admin) consoleState(ctx context.Context) consoleState {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	ready := a.check(ctx)
	s := consoleState{Now: time.Now().UTC(), Uptime: int(time.Since(a.started).Seconds()), Version: version.Read().Number,
		Ready: ready.Ready, Store: ready.Store, Links: a.linkStates(), Routes: []routeState{}, Apps: a.appStates(), Streams: []storeState{}}
	stats, err := a.queue.Stats(ctx)
	if err == nil {
		s.Disabled, err = a.dispatch.Endpoints(ctx)
	}
	if err != nil {
		return s // ready says what is wrong
	}
	s.Routes = a.routeStates(stats)
	for _, one := range stats.Streams {
		s.Streams = append(s.Streams, storeState{one.Name, one.Bytes, one.MaxBytes})
	}
	return s
}

// appStates are how OTPs ended, of each application.
func (a *admin) appStates() []appState {
	states := []appState{}
	for _, app := range a.live.Load().config.Apps {
		s := appState{App: app.Name, Ended: make(map[string]float64)}
		for _, status := range endings {
			var m dto.Metric
			if a.product.ended.WithLabelValues(app.Name, status.String()).Write(&m) == nil {
				s.Ended[status.String()] = m.GetCounter().GetValue()
			}
		}
		states = append(states, s)
	}
	return states
}
