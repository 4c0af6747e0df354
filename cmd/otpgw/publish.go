package main

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/otpgw/otpgw/otp"
)

// publishChanges tells the external cluster of changes, at most once each, by core NATS: whoever wants them
// kept makes a stream over the subjects. What an application has to hear of comes by its callback, which is
// stored and tried again.
func (d *daemon) publishChanges() {
	n := d.config.NATS
	if n.URL == "" || n.Events == "" {
		return
	}
	kinds := map[otp.EventKind]string{otp.OtpChange: "otp", otp.DlrChange: "dlr"}
	quiet := rate.Sometimes{Interval: time.Minute}
	d.service.Changed = func(p otp.Published) {
		if err := d.queue.Tell(n.Events+"."+kinds[p.Kind]+"."+p.App+"."+p.Status, p.Body); err != nil {
			quiet.Do(func() { d.log.Warn().Err(err).Msg("a change cannot be published on NATS") })
		}
	}
}
