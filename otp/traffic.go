package otp

import (
	"strings"

	"github.com/otpgw/otpgw/otp/internal/typed"
)

// Traffic is what the route of a message goes by.
type Traffic struct {
	App     string
	From    string
	To      string // E.164 with +
	Network string // MCC and MNC of the number, as Network writes it; empty: not known
	Wanted  string // a route that a lookup asked for; empty: none
}

// ErrNoRoute is what Service.Route returns when no route goes there.
var ErrNoRoute = &Error{Code: CodeNoCoverage, Message: "No coverage for this destination"}

// Network is a network's MCC, or MCC and MNC, in digits: 24007 for 240-07. Empty for anything else.
func Network(text string) string {
	digits := strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(text))
	if n := len(digits); n != 3 && n != 5 && n != 6 || !typed.Digits(digits) {
		return ""
	}
	return digits
}

// routeOf is the route of a record's message now.
func (s *Service) routeOf(r *Record) (string, error) {
	return s.Route(Traffic{App: r.App, From: r.From, To: r.Phone, Network: r.Network, Wanted: r.Wanted})
}
