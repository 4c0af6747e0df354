package operator

import (
	"net/http"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/explanation"
)

// explain answers POST /explain: what a request would get and why it would be refused, by the present
// configuration and store. The number is in the body, for paths are in the audit log.
func (a *Server) explain(w http.ResponseWriter, r *http.Request) {
	var asked explanation.Request
	if !readBody(w, r, &asked, `the body is {"to":"+46701234567","app":"shop"}, with from, templates and network where they are to be others`) {
		return
	}
	conf := a.Config()
	app, n, err := explanation.Parse(conf, asked)
	var e explanation.Explanation
	if err == nil {
		e, err = explanation.Of(conf, a.Service.Measure, asked, "")
	}
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	st := a.Service.Standing(r.Context(), app, n, e.Cost)
	if asked.Network == "" {
		asked.Network = st.Network
	}
	if again, err := explanation.Of(conf, a.Service.Measure, asked, st.Route); err == nil {
		e = again
	}
	e.Stand(st)
	for i, l := range e.Links {
		e.Links[i].State = a.stateWord(l.Name)
	}
	reply(w, http.StatusOK, e)
}

// stateWord is how a link is, in a word.
func (a *Server) stateWord(name string) string {
	switch l := a.Links.Find(name); {
	case l == nil:
		return ""
	case l.Paused():
		return "paused"
	case l.Up():
		return "up"
	case l.Standby():
		return "standby"
	}
	return "down"
}
