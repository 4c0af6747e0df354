package smsc

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

// outbindTimeout is how long an ESME has to bind after an outbind.
const outbindTimeout = 10 * time.Second

func (s *Server) getSessions(w http.ResponseWriter, _ *http.Request) {
	list := s.Sessions()
	if list == nil {
		list = []SessionInfo{}
	}
	writeJSON(w, http.StatusOK, map[string][]SessionInfo{"sessions": list})
}

// postOutbind connects to an ESME and asks it to bind (SMPP 3.4, 2.2.1).
func (s *Server) postOutbind(w http.ResponseWriter, r *http.Request) {
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
	info, err := s.Outbind(ctx, to.Addr, to.SystemID, to.Password)
	if err != nil {
		writeError(w, http.StatusBadGateway, "peer_error", err.Error())
		return
	}
	writeJSON(w, http.StatusCreated, info)
}

// closeSession closes a connection at once.
func (s *Server) closeSession(w http.ResponseWriter, r *http.Request) {
	s.endSession(w, s.CloseSession(r.PathValue("id")))
}

// unbindSession sends unbind, waits for the answer, and closes the connection.
func (s *Server) unbindSession(w http.ResponseWriter, r *http.Request) {
	s.endSession(w, s.Unbind(r.Context(), r.PathValue("id")))
}

// breakSession does a fault to a connection now.
func (s *Server) breakSession(w http.ResponseWriter, r *http.Request) {
	var how struct {
		Fault    Fault  `json:"fault"`
		Duration string `json:"duration"` // of a stall or a pause; left out: the fault's own
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
	s.endSession(w, s.BreakSession(r.Context(), r.PathValue("id"), how.Fault, d))
}

func (s *Server) endSession(w http.ResponseWriter, err error) {
	var f *FieldError
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, ErrNoSession):
		notFound(w, "session")
	case errors.As(err, &f):
		badBody(w, err)
	default: // the connection has ended all the same
		writeError(w, http.StatusBadGateway, "peer_error", err.Error())
	}
}

// getAccounts lists the accounts, without passwords.
func (s *Server) getAccounts(w http.ResponseWriter, _ *http.Request) {
	list := s.Accounts()
	if list == nil {
		list = []AccountInfo{}
	}
	writeJSON(w, http.StatusOK, map[string][]AccountInfo{"accounts": list})
}

// postAccount lets an account bind, or changes it.
func (s *Server) postAccount(w http.ResponseWriter, r *http.Request) {
	var acc Account
	if !readInto(w, r, &acc) {
		return
	}
	if err := s.SetAccount(acc); err != nil {
		badBody(w, err)
		return
	}
	for _, info := range s.Accounts() {
		if info.SystemID == acc.SystemID {
			writeJSON(w, http.StatusOK, info)
			return
		}
	}
	notFound(w, "account") // somebody deleted it meanwhile
}

func (s *Server) deleteAccount(w http.ResponseWriter, r *http.Request) {
	if !s.DeleteAccount(r.PathValue("id")) {
		notFound(w, "account")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
