package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/smsc/internal/server"
)

// outbindTimeout is how long an ESME has to bind after an outbind.
const outbindTimeout = 10 * time.Second

func (a *api) getSessions(w http.ResponseWriter, _ *http.Request) {
	list := a.sim.Sessions()
	if list == nil {
		list = []server.SessionInfo{}
	}
	writeJSON(w, http.StatusOK, map[string][]server.SessionInfo{"sessions": list})
}

// postOutbind connects to an ESME and asks it to bind (SMPP 3.4, 2.2.1).
func (a *api) postOutbind(w http.ResponseWriter, r *http.Request) {
	var to struct {
		Addr     string `json:"addr"` // host:port
		SystemID string `json:"systemId"`
		Password string `json:"password"`
	}
	if !readInto(w, r, &to) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), outbindTimeout)
	defer cancel()
	info, err := a.sim.Outbind(ctx, to.Addr, to.SystemID, to.Password)
	if err != nil {
		writeError(w, http.StatusBadGateway, "peer_error", err.Error())
		return
	}
	writeJSON(w, http.StatusCreated, info)
}

// closeSession closes a connection at once.
func (a *api) closeSession(w http.ResponseWriter, r *http.Request) {
	a.endSession(w, a.sim.CloseSession(r.PathValue("id")))
}

// unbindSession sends unbind, waits for the answer, and closes the connection.
func (a *api) unbindSession(w http.ResponseWriter, r *http.Request) {
	a.endSession(w, a.sim.Unbind(r.Context(), r.PathValue("id")))
}

// breakSession does a fault to a connection now.
func (a *api) breakSession(w http.ResponseWriter, r *http.Request) {
	var how struct {
		Fault    behave.Fault `json:"fault"`
		Duration string       `json:"duration"` // of a stall or a pause; left out: the fault's own
	}
	if !readInto(w, r, &how) {
		return
	}
	var d time.Duration
	if how.Duration != "" {
		var err error
		if d, err = time.ParseDuration(how.Duration); err != nil || d < 0 || d > behave.MaxDelay {
			badBody(w, behave.Wrong("duration", "%q is no duration such as 5s, at most %s", how.Duration, behave.MaxDelay))
			return
		}
	}
	a.endSession(w, a.sim.BreakSession(r.Context(), r.PathValue("id"), how.Fault, d))
}

func (a *api) endSession(w http.ResponseWriter, err error) {
	var f *behave.FieldError
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, server.ErrNoSession):
		notFound(w, "session")
	case errors.As(err, &f):
		badBody(w, err)
	default: // the connection has ended all the same
		writeError(w, http.StatusBadGateway, "peer_error", err.Error())
	}
}

// getAccounts lists the accounts, without passwords.
func (a *api) getAccounts(w http.ResponseWriter, _ *http.Request) {
	list := a.sim.Accounts()
	if list == nil {
		list = []server.AccountInfo{}
	}
	writeJSON(w, http.StatusOK, map[string][]server.AccountInfo{"accounts": list})
}

// postAccount lets an account bind, or changes it.
func (a *api) postAccount(w http.ResponseWriter, r *http.Request) {
	var acc server.Account
	if !readInto(w, r, &acc) {
		return
	}
	if err := a.sim.SetAccount(acc); err != nil {
		badBody(w, err)
		return
	}
	for _, info := range a.sim.Accounts() {
		if info.SystemID == acc.SystemID {
			writeJSON(w, http.StatusOK, info)
			return
		}
	}
	notFound(w, "account") // somebody deleted it meanwhile
}

func (a *api) deleteAccount(w http.ResponseWriter, r *http.Request) {
	if !a.sim.DeleteAccount(r.PathValue("id")) {
		notFound(w, "account")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
