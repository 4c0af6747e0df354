package main

import (
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

// scoresOf are how the links of a route do, unless nobody wants to know.
func (d *daemon) scoresOf(r config.Route) []score.Link {
	if d.config.Sharing.Mode == config.RoutingOff {
		return nil
	}
	var names []string
	for _, l := range r.Links {
		names = append(names, l.Name)
	}
	return d.scores.Links(names)
}
