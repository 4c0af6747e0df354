package operator

import (
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/metrics"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/score"
)

// RouteState is a route as `otpgw ctl routes` shows it.
type RouteState struct {
	Route    string             `json:"route"`
	Prefixes []string           `json:"prefixes"`
	Links    []config.RouteLink `json:"links"`
	Waiting  uint64             `json:"waiting"`
	InFlight int                `json:"inFlight"`
	Oldest   float64            `json:"oldest"`  // seconds that the oldest of both is old
	Sharing  config.Routing     `json:"sharing"` // OTPGW_ROUTING
	Scores   []RouteScore       `json:"scores,omitempty"`
	Degraded bool               `json:"degraded"` // no link of the first priority can send
}

func (a *Server) routes(w http.ResponseWriter, r *http.Request) {
	stats, err := a.Queue.Stats(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, a.routeStates(stats))
}

func (a *Server) routeStates(stats queue.Stats) []RouteState {
	states := []RouteState{}
	for _, route := range a.Config().Routes {
		s := RouteState{Route: route.Name, Prefixes: route.Prefixes, Links: route.Links,
			Sharing: a.Config().Sharing.Mode, Scores: a.scoresOf(route), Degraded: true}
		for _, c := range stats.Consumers {
			if strings.TrimPrefix(c.Name, "sms.") == route.Name {
				s.Waiting, s.InFlight, s.Oldest = c.Waiting, c.InFlight, math.Round(metrics.Age(c.Oldest, a.Queue.Now())*10)/10
			}
		}
		for _, rl := range route.Links {
			if l := a.Links.Find(rl.Name); l != nil && l.Up() && rl.Priority == route.Links[0].Priority {
				s.Degraded = false
			}
		}
		states = append(states, s)
	}
	return states
}

// RouteScore is how a link of a route does with the messages to a country.
type RouteScore struct {
	score.Link
	Due float64 `json:"due"` // 0 to 1: its part of the messages, or with OTPGW_ROUTING=observe what would be its part
}

// scoresOf are how the links of a route do, unless there is one alone, or nobody wants to know.
func (a *Server) scoresOf(r config.Route) []RouteScore {
	if a.Config().Sharing.Mode == config.RoutingOff || len(r.Links) < 2 {
		return nil
	}
	names, weights := make([]string, len(r.Links)), a.weights(r)
	for i, l := range r.Links {
		names[i] = l.Name
	}
	scores := []RouteScore{}
	for row := range slices.Chunk(a.Scores.Links(names), len(names)) { // of one country
		sum := 0.0
		for i, l := range row {
			sum += weights[i] * l.Share
		}
		for i, l := range row {
			s := RouteScore{Link: l}
			if sum > 0 {
				s.Due = math.Round(1000*weights[i]*l.Share/sum) / 1000
			}
			scores = append(scores, s)
		}
	}
	return scores
}

// weights are those of a route's links among the ones that send: of the best priority of which a link can.
func (a *Server) weights(r config.Route) []float64 {
	weights, sends := make([]float64, len(r.Links)), -1
	for i, l := range r.Links { // the preferred first
		if one := a.Links.Find(l.Name); one != nil && one.Up() && (sends < 0 || int(l.Priority) == sends) {
			sends, weights[i] = int(l.Priority), float64(max(l.Weight, 1))
		}
	}
	return weights
}
