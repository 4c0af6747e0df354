package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/dlr/cdr"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/seal"
)

// openRecords has what is billed written down, where the operator wants it.
func (d *daemon) openRecords(box *seal.Box, registry *prometheus.Registry) (err error) {
	d.records, err = cdr.Open(cdr.Options{Settings: d.config.CDR, Log: d.log,
		Hash: func(number string) string { return box.Name("cdr", number) }})
	if err != nil {
		return err
	}
	registry.MustRegister(d.records.Collector())
	return nil
}

// keepRecords has the tracker and the service tell the records.
func (d *daemon) keepRecords() {
	d.tracker.Matched = func(m dlr.Match) {
		r := cdr.Receipt{OtpID: m.OtpID, MessageID: m.MessageID, Link: m.Link, Part: m.Part, Parts: m.Parts, CarrierID: m.ID,
			State: m.State.String(), Code: m.Code}
		if !m.At.IsZero() {
			r.Latency = max(m.Received.Sub(m.At).Milliseconds(), 0)
		}
		if m.Adopted {
			d.records.Part(d.adopted(m))
		}
		d.records.Receipt(r)
	}
	d.service.Ended = func(r *otp.Record) {
		d.records.End(cdr.End{OtpID: r.ID, App: r.App, TrackID: r.TrackID, To: r.Phone, Country: r.Country, Status: r.Status.String(),
			Created: r.Created, Attempts: r.Failed, Parts: r.Parts, Resends: r.Resends, Cost: r.Cost(), Delivery: r.Delivery.Status.String(), Link: r.Link})
	}
}

// adopted is the record of a part of which its receipt says first that the carrier took it: the answer was
// lost, or the daemon that waited for it was killed.
func (d *daemon) adopted(m dlr.Match) cdr.Part {
	p := cdr.Part{OtpID: m.OtpID, MessageID: m.MessageID, Link: m.Link, Part: m.Part, Parts: m.Parts, CarrierID: m.ID, Status: cdr.Accepted}
	if r, ok := d.service.Near(m.OtpID); ok {
		p.App, p.Route, p.From, p.To, p.Price = r.App, r.Route, r.From, r.Phone, d.service.Price(r.Phone, r.Network)
	}
	return p
}
