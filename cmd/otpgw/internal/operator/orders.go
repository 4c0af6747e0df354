package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/orders"
)

// The verbs of what all daemons are to do.
const (
	Pause    = "pause"
	Resume   = "resume"
	Drain    = "drain"
	Rebind   = "rebind"
	LogLevel = "loglevel"
	Reload   = "reload"
	State    = "state"
)

// pausedKey, in the store's bucket of what operators want, names a link that is paused: until it is resumed,
// on a daemon that is started later too.
const pausedKey = "pause."

// Done is what an answer to an operator says of the daemons.
type Done struct {
	Daemons []orders.Answer `json:"daemons,omitempty"`
	Warning string          `json:"warning,omitempty"`
}

// tell has an order done by all daemons, or with ?here by this one alone.
func (a *Server) tell(r *http.Request, o orders.Order) (done Done) {
	if r.URL.Query().Has("here") {
		done.Daemons = []orders.Answer{a.Obey(r.Context(), o)}
		return done
	}
	var err error
	if kept := a.keep(r.Context(), o); kept != nil {
		err = fmt.Errorf("after a restart it is as it was before: %w", kept)
	}
	var told error
	done.Daemons, told = a.Orders.Tell(r.Context(), o)
	if err = cmp.Or(told, err); err != nil {
		done.Warning = err.Error()
	}
	return done
}

// keep stores what is to last.
func (a *Server) keep(ctx context.Context, o orders.Order) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout/2)
	defer cancel()
	switch o.Verb {
	case Pause, Drain:
		if _, err := a.Queue.Control().Get(ctx, pausedKey+o.Target); !errors.Is(err, queue.ErrNotFound) {
			return err
		}
		_, err := a.Queue.Control().Put(ctx, pausedKey+o.Target, nil, 0)
		return err
	case Resume:
		return a.Queue.Control().Delete(ctx, pausedKey+o.Target)
	}
	return nil
}

// Paused says whether an operator wants a link paused.
func Paused(q *queue.Queue, link string) bool {
	_, paused := q.Control().Local(pausedKey + link)
	return paused
}
