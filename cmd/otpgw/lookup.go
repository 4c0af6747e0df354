package main

import (
	"context"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/otp/lookup"
)

// asker is who asks what is known of numbers: the one there is, with what it remembers, as long as its
// settings stay.
func (d *daemon) asker(c *config.Config) *lookup.Asker {
	if was := d.live.Load(); was != nil && was.asker != nil && was.config.Lookup == c.Lookup {
		return was.asker
	}
	if !c.Lookup.On() {
		return nil
	}
	transport := func(ctx context.Context, question []byte) ([]byte, error) {
		return d.queue.Ask(ctx, c.Lookup.Subject, question)
	}
	if c.Lookup.URL != "" {
		var err error
		if transport, err = lookup.HTTP(c.Lookup.URL, c.Lookup.Secret); err != nil {
			d.log.Error().Err(err).Msg("OTPGW_LOOKUP_SECRET cannot sign; nobody is asked")
			return nil
		}
	}
	return lookup.New(lookup.Options{Transport: transport, Timeout: c.Lookup.Timeout, Keep: c.Lookup.Cache, Closed: c.Lookup.Closed, Log: d.log})
}
