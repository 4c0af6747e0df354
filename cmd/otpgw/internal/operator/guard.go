package operator

import (
	"errors"
	"net/http"
	"time"

	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/queue"
)

// BlockRequest is what POST /guard/{action} takes: the prefix is in the body, for paths are in the audit log.
type BlockRequest struct {
	Prefix string `json:"prefix"`
	For    string `json:"for,omitempty"` // like 1h; empty: until it is taken back
}

// block answers POST /guard/{action}: allow, deny, unblock.
func (a *Server) block(w http.ResponseWriter, r *http.Request) {
	var asked BlockRequest
	if !readBody(w, r, &asked, `the body is {"prefix":"+4670"}, with "for":"1h" where it is to end by itself`) {
		return
	}
	life := time.Duration(0)
	if asked.For != "" {
		d, err := time.ParseDuration(asked.For)
		if err != nil || d < time.Second {
			fail(w, http.StatusBadRequest, "for is a time like 30m or 24h, of a second or more")
			return
		}
		life = d
	}
	var done any
	var err error
	switch action := r.PathValue("action"); action {
	case "allow", "deny":
		done, err = a.Service.Blocks().Set(r.Context(), asked.Prefix, action == "allow", life)
	case "unblock":
		done, err = map[string]string{"unblocked": asked.Prefix}, a.Service.Blocks().Remove(r.Context(), asked.Prefix)
	default:
		fail(w, http.StatusNotFound, "a beginning of numbers can be told to allow, deny or unblock")
		return
	}
	switch {
	case errors.Is(err, guard.ErrPrefix):
		fail(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, queue.ErrNotFound):
		fail(w, http.StatusNotFound, "nothing was said of this beginning; otpgw ctl guard list has those of which something was")
	case err != nil:
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
	default:
		reply(w, http.StatusOK, done)
	}
}

func (a *Server) blocks(w http.ResponseWriter, r *http.Request) {
	list, err := a.Service.Blocks().List(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, list)
}

func (a *Server) quotas(w http.ResponseWriter, _ *http.Request) {
	states, err := a.Service.QuotaStates()
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, states)
}
