package operator

import (
	"net/http"
	"slices"

	"github.com/otpgw/otpgw/queue/orders"
	"github.com/otpgw/otpgw/smpp/link"
)

// LinkState is a link as `otpgw ctl links` shows it.
type LinkState struct {
	Link     string            `json:"link"`
	Paused   bool              `json:"paused"`
	Up       bool              `json:"up"`
	InFlight int               `json:"inFlight"`
	Window   int               `json:"window"` // parts that may be in flight
	Rate     link.Rate         `json:"rate"`
	Binds    []link.BindStatus `json:"binds"`
	Receipts map[string]uint64 `json:"receipts"` // by the state they tell, since the start
}

func (a *Server) linkStates() []LinkState {
	states := []LinkState{}
	for _, l := range a.Links.All() {
		states = append(states, a.stateOf(l))
	}
	return states
}

func (a *Server) stateOf(l *link.Link) LinkState {
	cfg := a.Links.Config(l.Name())
	return LinkState{Link: l.Name(), Paused: l.Paused(), Up: l.Up(), InFlight: l.InFlight(), Window: cfg.Window * cfg.Binds, Rate: l.Rate(),
		Binds: l.Status(), Receipts: a.Outcomes.Receipts(l.Name())}
}

// linkVerbs are what may be done with a link. Who has one drained asks again until nothing is in flight.
var linkVerbs = []string{Pause, Resume, Drain, Rebind}

func (a *Server) order(w http.ResponseWriter, r *http.Request) {
	l, verb := a.Links.Find(r.PathValue("link")), r.PathValue("action")
	switch {
	case l == nil:
		fail(w, http.StatusNotFound, "no link has this name; GET /links names them")
	case !slices.Contains(linkVerbs, verb):
		fail(w, http.StatusNotFound, "a link can be told to pause, resume, drain or rebind")
	default:
		done := a.tell(r, orders.Order{Verb: verb, Target: l.Name()})
		reply(w, http.StatusOK, struct {
			LinkState
			Done
		}{a.stateOf(l), done})
	}
}
