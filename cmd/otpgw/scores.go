package main

import (
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/otp"
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
