package web

import (
	"net/http"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

func (a *api) getRules(w http.ResponseWriter, _ *http.Request) {
	rules := a.sim.Rules().List()
	if rules == nil {
		rules = []behave.Rule{}
	}
	writeJSON(w, http.StatusOK, map[string][]behave.Rule{"rules": rules})
}

// putRules puts rules in place of all: an array, or an object with "rules". On an error none has changed.
func (a *api) putRules(w http.ResponseWriter, r *http.Request) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	rules, err := behave.ParseRules(b)
	if err == nil {
		err = a.sim.Rules().Replace(rules)
	}
	if err != nil {
		badBody(w, err)
		return
	}
	a.getRules(w, r)
}

// postRule adds a rule in front of the others, or with ?last=true behind them. One with the id of a rule that
// is there takes its place.
func (a *api) postRule(w http.ResponseWriter, r *http.Request) {
	put := a.sim.Rules().Add
	if r.URL.Query().Get("last") == "true" {
		put = a.sim.Rules().Append
	}
	a.takeRule(w, r, http.StatusCreated, put)
}

func (a *api) deleteRules(w http.ResponseWriter, _ *http.Request) {
	n := len(a.sim.Rules().List())
	_ = a.sim.Rules().Replace(nil) // no rule can be wrong
	writeJSON(w, http.StatusOK, map[string]int{"deleted": n})
}

func (a *api) getRule(w http.ResponseWriter, r *http.Request) {
	rule, ok := a.sim.Rules().Get(r.PathValue("id"))
	if !ok {
		notFound(w, "rule")
		return
	}
	writeJSON(w, http.StatusOK, rule)
}

// putRule changes a rule in its place, or adds it in front of the others.
func (a *api) putRule(w http.ResponseWriter, r *http.Request) {
	a.takeRule(w, r, http.StatusOK, func(rule behave.Rule) (behave.Rule, error) {
		id := r.PathValue("id")
		if rule.ID != "" && rule.ID != id {
			return behave.Rule{}, behave.Wrong("id", "%q is not the one in the path", rule.ID)
		}
		rule.ID = id
		return a.sim.Rules().Add(rule)
	})
}

func (a *api) takeRule(w http.ResponseWriter, r *http.Request, status int, put func(behave.Rule) (behave.Rule, error)) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	rule, err := behave.ParseRule(b)
	if err == nil {
		rule, err = put(rule)
	}
	if err != nil {
		badBody(w, err)
		return
	}
	writeJSON(w, status, rule)
}

func (a *api) deleteRule(w http.ResponseWriter, r *http.Request) {
	if !a.sim.Rules().Delete(r.PathValue("id")) {
		notFound(w, "rule")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
