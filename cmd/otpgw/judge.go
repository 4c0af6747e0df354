package main

import (
	"math"
	"slices"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/smpp/score"
	"github.com/otpgw/otpgw/smpp/wire"
)

// judge tells the board what becomes of messages, beside whoever hears of it already.
func (d *daemon) judge() {
	ended, matched := d.service.Ended, d.tracker.Matched
	d.service.Ended = func(r *otp.Record) {
		if link := d.service.CarriedBy(r); r.Status == otp.StatusVerified && !r.Test && link != "" {
			d.scores.Verified(link, r.Country)
		}
		if ended != nil {
			ended(r)
		}
	}
	d.tracker.Matched = func(m dlr.Match) {
		if m.State == wire.Delivered && !m.At.IsZero() {
			d.scores.Delivered(m.Link, m.Received.Sub(m.At))
		}
		if matched != nil {
			matched(m)
		}
	}
}

// due is what links ask for their share; nil where they are to send as they keep up.
func (d *daemon) due() func(link, country string) float64 {
	if d.config.Sharing.Mode != config.RoutingOn {
		return nil
	}
	return d.scores.Share
}

// routeScore is how a link of a route does with the messages to a country.
type routeScore struct {
	score.Link
	Due float64 `json:"due"` // 0 to 1: its part of the messages, or with OTPGW_ROUTING=observe what would be its part
}

// scoresOf are how the links of a route do, unless there is one alone, or nobody wants to know.
func (d *daemon) scoresOf(r config.Route) []routeScore {
	if d.config.Sharing.Mode == config.RoutingOff || len(r.Links) < 2 {
		return nil
	}
	names, weights := make([]string, len(r.Links)), d.weights(r)
	for i, l := range r.Links {
		names[i] = l.Name
	}
	scores := []routeScore{}
	for row := range slices.Chunk(d.scores.Links(names), len(names)) { // of one country
		sum := 0.0
		for i, l := range row {
			sum += weights[i] * l.Share
		}
		for i, l := range row {
			s := routeScore{Link: l}
			if sum > 0 {
				s.Due = math.Round(1000*weights[i]*l.Share/sum) / 1000
			}
			scores = append(scores, s)
		}
	}
	return scores
}

// weights are those of a route's links among the ones that send: of the best priority of which a link can.
func (d *daemon) weights(r config.Route) []float64 {
	weights, sends := make([]float64, len(r.Links)), -1
	for i, l := range r.Links { // the preferred first
		if one := d.fleet.find(l.Name); one != nil && one.Up() && (sends < 0 || int(l.Priority) == sends) {
			sends, weights[i] = int(l.Priority), float64(max(l.Weight, 1))
		}
	}
	return weights
}

// rivals are the links that share messages: of each route, those of one priority.
func rivals(routes []config.Route) (groups [][]string) {
	for _, r := range routes {
		for i, l := range r.Links {
			if i == 0 || l.Priority != r.Links[i-1].Priority {
				groups = append(groups, nil)
			}
			groups[len(groups)-1] = append(groups[len(groups)-1], l.Name)
		}
	}
	return groups
}
