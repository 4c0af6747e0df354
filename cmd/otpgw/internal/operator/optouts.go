package operator

import (
	"net/http"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/phone"
)

// OptOut is a number on an application's opt-out list, or off it, as `otpgw ctl optout` shows it.
type OptOut struct {
	App      string `json:"app"`
	Number   string `json:"number"`
	OptedOut bool   `json:"optedOut"`
}

// optOut answers POST /optouts/{action} with {"app","number"}: the number is in the body, for paths are in
// the audit log.
func (a *Server) optOut(w http.ResponseWriter, r *http.Request) {
	var asked OptOut
	if !readBody(w, r, &asked, `the body is {"app":"shop","number":"+46701234567"}`) {
		return
	}
	number, ok := phone.Parse(asked.Number, "")
	var app *otp.App
	for _, one := range a.Config().Apps {
		if one.Name == asked.App {
			app = &one
		}
	}
	switch {
	case app == nil:
		fail(w, http.StatusNotFound, "no application has this name")
		return
	case !ok:
		fail(w, http.StatusBadRequest, "the number is none; write it with its country's code: +46701234567")
		return
	}
	var err error
	switch r.PathValue("action") {
	case "add":
		_, err = a.Inbox.Set(r.Context(), app, number, true)
	case "remove":
		_, err = a.Inbox.Set(r.Context(), app, number, false)
	case "show":
	default:
		fail(w, http.StatusNotFound, "an opt-out can be added, removed or shown: add, remove, show")
		return
	}
	asked = OptOut{App: app.Name, Number: number.E164}
	if err == nil {
		asked.OptedOut, err = a.Inbox.List.Has(app.Name, number.E164)
	}
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the store does not answer: "+err.Error())
		return
	}
	reply(w, http.StatusOK, asked)
}
