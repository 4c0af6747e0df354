package operator

import (
	"net/http"

	"github.com/otpgw/otpgw/otp/donotsend"
)

// doNotSendState is an entry of the operator's own do-not-send list, on it or off it, as `otpgw ctl
// donotsend` shows it.
type doNotSendState struct {
	Number donotsend.Entry `json:"number"`
	Listed bool            `json:"listed"`
}

// doNotSend answers POST /donotsend/{action} with {"number"}: the number is in the body, for paths are in the
// audit log.
func (a *Server) doNotSend(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Number string }
	if !readBody(w, r, &asked, `the body is {"number":"+46701234567"}, or {"number":"+4670*"} for all that begin so`) {
		return
	}
	entry, err := donotsend.Parse(asked.Number)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	state := doNotSendState{Number: entry}
	switch r.PathValue("action") {
	case "add":
		state.Listed, err = true, a.DoNotSend.Add(r.Context(), entry)
	case "remove":
		if _, state.Listed = a.DoNotSend.File()[entry]; state.Listed {
			fail(w, http.StatusConflict, "the entry is in the file that OTPGW_DO_NOT_SEND names; take it out there, and reload")
			return
		}
		err = a.DoNotSend.Remove(r.Context(), entry)
	default:
		fail(w, http.StatusNotFound, "an entry can be added or removed: add, remove")
		return
	}
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, state)
}

func (a *Server) doNotSendList(w http.ResponseWriter, r *http.Request) {
	items, err := a.DoNotSend.Items(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, items)
}
