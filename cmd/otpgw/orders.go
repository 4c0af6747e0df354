package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/queue/orders"
	"github.com/otpgw/otpgw/smpp/link"
)

// board carries orders between the daemons, under a name that an operator knows this one by.
func (d *daemon) board() *orders.Board {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	return orders.New(d.queue, host+" "+d.adminLn.Addr().String(), d.begin, d.log)
}

// begin is called where the log has an order; see orders.New.
func (d *daemon) begin(o orders.Order) orders.Work {
	if o.Verb == operator.State {
		return operator.SumUp(d.queue.ViewState())
	}
	return func(ctx context.Context) orders.Answer { return d.obey(ctx, o) }
}

// obey does what an operator wants of each daemon.
func (d *daemon) obey(ctx context.Context, o orders.Order) orders.Answer {
	fail := func(why string) orders.Answer { return orders.Answer{Error: why} }
	switch o.Verb {
	case operator.LogLevel:
		level, err := zerolog.ParseLevel(o.Target)
		if err != nil {
			return fail(err.Error())
		}
		zerolog.SetGlobalLevel(level)
		return orders.Answer{}
	case operator.Reload:
		if o.From == "" {
			return orders.Answer{} // it is what the answer is about
		}
		if _, err := d.reloadFor(ctx, o.From); err != nil {
			return fail(err.Error())
		}
		return orders.Answer{}
	}
	l := d.links.Find(o.Target)
	if l == nil {
		return fail(fmt.Sprintf("it has no link %s", o.Target))
	}
	switch o.Verb {
	case operator.Pause:
		l.Pause(true)
	case operator.Drain:
		l.Pause(true)
		return orders.Answer{Left: l.InFlight()}
	case operator.Resume:
		l.Pause(false)
	case operator.Rebind:
		l.Rebind()
	default:
		return fail(fmt.Sprintf("it is too old to know %q", o.Verb))
	}
	return orders.Answer{}
}

// keptPaused pauses a new link that an operator has paused.
func (d *daemon) keptPaused(l *link.Link) *link.Link {
	if operator.Paused(d.queue, l.Name()) {
		d.log.Warn().Str("link", l.Name()).Msg("the link is paused, as an operator wanted it; otpgw ctl resume ends that")
		l.Pause(true)
	}
	return l
}
