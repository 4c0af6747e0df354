package operator

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/orders"
)

// States is what the daemons that share a store say of their state at one position of the log.
type States struct {
	States  []orders.Answer `json:"states"`
	Warning string          `json:"warning,omitempty"` // why it is not known that they are equal
}

// SumUp sums a state up that a daemon has begun to look at.
func SumUp(v queue.StateView) orders.Work {
	return func(context.Context) orders.Answer {
		position, sum, err := v.Hash()
		if err != nil {
			return orders.Answer{Error: err.Error()}
		}
		return orders.Answer{Position: position, Hash: fmt.Sprintf("%016x", sum)}
	}
}

// state says what each daemon's memory comes to at the same position of the log; with ?here that of this one,
// where it is now.
func (a *Server) state(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("here") {
		own := SumUp(a.Queue.ViewState())(r.Context())
		own.Daemon = a.Orders.Names()[0]
		reply(w, http.StatusOK, States{States: []orders.Answer{own}})
		return
	}
	states, err := a.Orders.Tell(r.Context(), orders.Order{Verb: State, Level: true})
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, States{States: states, Warning: compareStates(states)})
}

// compareStates is what there is to say when the states are not all equal.
func compareStates(states []orders.Answer) string {
	not := func(same func(one, first orders.Answer) bool) bool {
		return slices.ContainsFunc(states, func(one orders.Answer) bool { return !same(one, states[0]) })
	}
	switch {
	case not(func(one, _ orders.Answer) bool { return one.Error == "" }):
		return "not all daemons have said what their state is"
	case not(func(one, first orders.Answer) bool { return one.Position == first.Position }):
		return "a daemon was far behind, and looked at another position; ask again"
	case not(func(one, first orders.Answer) bool { return one.Hash == first.Hash }):
		return "the daemons' states differ: stop the one that is not as the others, it reads the store anew when it is started; and report it"
	}
	return ""
}
