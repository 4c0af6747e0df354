package operator

import (
	"context"
	"errors"
	"net/http"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/queue"
)

// endpoints is what an operator sees and does of callback URLs that answered 410.
type endpoints struct {
	dispatch *callback.Dispatcher
	log      zerolog.Logger
}

func (a *endpoints) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /endpoints", a.list)
	mux.HandleFunc("POST /endpoints/enable", a.enable)
}

func (a *endpoints) list(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), Timeout)
	defer cancel()
	list, err := a.dispatch.Endpoints(ctx)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	reply(w, http.StatusOK, list)
}

// enable takes the id of the list, or an application and its URL.
func (a *endpoints) enable(w http.ResponseWriter, req *http.Request) {
	var which struct{ ID, App, URL string }
	const shape = `the body must be {"id":"..."} of GET /endpoints, or {"app":"...","url":"..."}`
	if !readBody(w, req, &which, shape) {
		return
	}
	if (which.ID == "") == (which.App == "" || which.URL == "") {
		fail(w, http.StatusBadRequest, shape)
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), Timeout)
	defer cancel()
	at, err := callback.Endpoint{App: which.App}, error(nil)
	if which.ID != "" {
		at, err = a.dispatch.EnableID(ctx, which.ID)
	} else {
		err = a.dispatch.Enable(ctx, which.App, which.URL)
	}
	switch {
	case errors.Is(err, queue.ErrNotFound), errors.Is(err, queue.ErrName):
		fail(w, http.StatusNotFound, "no URL with this id is disabled")
	case err != nil:
		fail(w, http.StatusServiceUnavailable, err.Error())
	default:
		audit(a.log, req, "endpoint.enable").Str("app", at.App).Str("host", at.Host).Str("endpoint", at.ID).Msg("operator's action")
		reply(w, http.StatusOK, map[string]string{"enabled": which.ID + which.URL})
	}
}
