package smsc

import (
	"net/http"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

func (s *Server) getRules(w http.ResponseWriter, _ *http.Request) {
	rules := s.rules.List()
	if rules == nil {
		rules = []Rule{}
	}
	writeJSON(w, http.StatusOK, map[string][]Rule{"rules": rules})
}

// putRules puts rules in place of all: an array, or an object with "rules". On an error none has changed.
func (s *Server) putRules(w http.ResponseWriter, r *http.Request) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	rules, err := ParseRules(b)
	if err == nil {
		err = s.rules.Replace(rules)
	}
	if err != nil {
		badBody(w, err)
		return
	}
	s.getRules(w, r)
}

// postRule adds a rule in front of the others, or with ?last=true behind them. One with the id of a rule that is there
// takes its place.
func (s *Server) postRule(w http.ResponseWriter, r *http.Request) {
	put := s.rules.Add
	if r.URL.Query().Get("last") == "true" {
		put = s.rules.Append
	}
	s.takeRule(w, r, http.StatusCreated, put)
}

func (s *Server) deleteRules(w http.ResponseWriter, _ *http.Request) {
	n := len(s.rules.List())
	_ = s.rules.Replace(nil) // no rule can be wrong
	writeJSON(w, http.StatusOK, map[string]int{"deleted": n})
}

func (s *Server) getRule(w http.ResponseWriter, r *http.Request) {
	rule, ok := s.rules.Get(r.PathValue("id"))
	if !ok {
		notFound(w, "rule")
		return
	}
	writeJSON(w, http.StatusOK, rule)
}

// putRule changes a rule in its place, or adds it in front of the others.
func (s *Server) putRule(w http.ResponseWriter, r *http.Request) {
	s.takeRule(w, r, http.StatusOK, func(rule Rule) (Rule, error) {
		id := r.PathValue("id")
		if rule.ID != "" && rule.ID != id {
			return Rule{}, behave.Wrong("id", "%q is not the one in the path", rule.ID)
		}
		rule.ID = id
		return s.rules.Add(rule)
	})
}

func (s *Server) takeRule(w http.ResponseWriter, r *http.Request, status int, put func(Rule) (Rule, error)) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	rule, err := ParseRule(b)
	if err == nil {
		rule, err = put(rule)
	}
	if err != nil {
		badBody(w, err)
		return
	}
	writeJSON(w, status, rule)
}

func (s *Server) deleteRule(w http.ResponseWriter, r *http.Request) {
	if !s.rules.Delete(r.PathValue("id")) {
		notFound(w, "rule")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
