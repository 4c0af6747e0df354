package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/orders"
	"github.com/otpgw/otpgw/smpp/link"
)

// The verbs of what all daemons are to do.
const (
	verbPause    = "pause"
	verbResume   = "resume"
	verbDrain    = "drain"
	verbRebind   = "rebind"
	verbLogLevel = "loglevel"
	verbReload   = "reload"
	verbState    = "state"
)

// pausedKey, in the store's bucket of what operators want, names a link that is paused: until it is resumed,
// on a daemon that is started later too.
const pausedKey = "pause."

// obeyed is what an answer to an operator says of the daemons.
type obeyed struct {
	Daemons []orders.Answer `json:"daemons,omitempty"`
	Warning string          `json:"warning,omitempty"`
}

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
	if o.Verb == verbState {
		return sumUp(d.queue.ViewState())
	}
	return func(ctx context.Context) orders.Answer { return d.obey(ctx, o) }
}

// obey does what an operator wants of each daemon.
func (d *daemon) obey(ctx context.Context, o orders.Order) orders.Answer {
	fail := func(why string) orders.Answer { return orders.Answer{Error: why} }
	switch o.Verb {
	case verbLogLevel:
		level, err := zerolog.ParseLevel(o.Target)
		if err != nil {
			return fail(err.Error())
		}
		zerolog.SetGlobalLevel(level)
		return orders.Answer{}
	case verbReload:
		if o.From == "" {
			return orders.Answer{} // it is what the answer is about
		}
		done, err := d.reload(ctx)
		d.logReload(o.From, done, err)
		if err != nil {
			return fail(err.Error())
		}
		return orders.Answer{}
	}
	l := d.fleet.find(o.Target)
	if l == nil {
		return fail(fmt.Sprintf("it has no link %s", o.Target))
	}
	switch o.Verb {
	case verbPause:
		l.Pause(true)
	case verbDrain:
		l.Pause(true)
		return orders.Answer{Left: l.InFlight()}
	case verbResume:
		l.Pause(false)
	case verbRebind:
		l.Rebind()
	default:
		return fail(fmt.Sprintf("it is too old to know %q", o.Verb))
	}
	return orders.Answer{}
}

// tell has an order done by all daemons, or with ?here by this one alone.
func (a *admin) tell(r *http.Request, o orders.Order) (done obeyed) {
	if r.URL.Query().Has("here") {
		done.Daemons = []orders.Answer{a.obey(r.Context(), o)}
		return done
	}
	var err error
	if kept := a.keep(r.Context(), o); kept != nil {
		err = fmt.Errorf("after a restart it is as it was before: %w", kept)
	}
	var told error
	done.Daemons, told = a.orders.Tell(r.Context(), o)
	if err = cmp.Or(told, err); err != nil {
		done.Warning = err.Error()
	}
	return done
}

// keep stores what is to last.
func (a *admin) keep(ctx context.Context, o orders.Order) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout/2)
	defer cancel()
	switch o.Verb {
	case verbPause, verbDrain:
		if _, err := a.queue.Control().Get(ctx, pausedKey+o.Target); !errors.Is(err, queue.ErrNotFound) {
			return err
		}
		_, err := a.queue.Control().Put(ctx, pausedKey+o.Target, nil, 0)
		return err
	case verbResume:
		return a.queue.Control().Delete(ctx, pausedKey+o.Target)
	}
	return nil
}

// keptPaused pauses a new link that an operator has paused.
func (d *daemon) keptPaused(l *link.Link) *link.Link {
	if _, paused := d.queue.Control().Local(pausedKey + l.Name()); paused {
		d.log.Warn().Str("link", l.Name()).Msg("the link is paused, as an operator wanted it; otpgw ctl resume ends that")
		l.Pause(true)
	}
	return l
}
