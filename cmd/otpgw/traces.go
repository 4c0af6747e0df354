package main

import (
	"context"

	"github.com/otpgw/otpgw/cmd/internal/version"
	"github.com/otpgw/otpgw/cmd/otpgw/tracing"
	"github.com/otpgw/otpgw/dlr"
)

// openTracer begins to trace, where a collector is configured.
func (d *daemon) openTracer(ctx context.Context) (err error) {
	t := d.config.Traces
	d.tracer, err = tracing.New(ctx, tracing.Config{Endpoint: t.Endpoint, Headers: t.Headers, Service: t.Service, Share: t.Share, Version: version.Read().Number})
	return err
}

// closeTracer sends what is left. That a collector is gone is no failure of the daemon's end.
func (d *daemon) closeTracer(ctx context.Context) error {
	if err := d.tracer.Close(ctx); err != nil {
		d.log.Warn().Err(err).Msg("the last traces were not sent")
	}
	return nil
}

// traceReceipts has new OTPs carry the trace of their request, and tells of their receipts, beside whoever is
// told already.
func (d *daemon) traceReceipts() {
	if d.tracer == nil {
		return
	}
	d.service.Trace = d.tracer.Keep
	matched := d.tracker.Matched
	d.tracker.Matched = func(m dlr.Match) {
		d.tracer.Receipt(d.service.TraceOf(m.OtpID), m.OtpID, m.Link, m.State.String(), m.Received)
		if matched != nil {
			matched(m)
		}
	}
}

// traceCallbacks is nil when nothing is traced.
func (d *daemon) traceCallbacks() func(of [][]byte, event, host string) (string, func(int, error)) {
	if d.tracer == nil {
		return nil
	}
	return d.tracer.Callback
}
