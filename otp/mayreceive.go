package otp

import (
	"context"
	"time"

	"github.com/otpgw/otpgw/otp/lookup"
)

// before decides of a message what is decided before anything is made of it: whether its number and country
// want it, what is known of the number, and its route. Nothing is sent to a test number, so it needs none of
// that.
func (s *Service) before(ctx context.Context, app *App, n NewOtp, now time.Time) (route string, known lookup.Finding, err error) {
	traffic := Traffic{App: app.Name, From: n.From, To: n.Phone.E164}
	if _, test := app.TestNumbers[n.Phone.E164]; test {
		route, _ = s.Route(traffic)
		return route, known, nil
	}
	if err = s.willing(app, n.Phone.E164); err != nil {
		return "", known, err
	}
	if known, err = s.lookUp(ctx, app, n); err != nil {
		return "", known, err
	}
	traffic.Network, traffic.Wanted = known.Network, known.Route
	if route, err = s.Route(traffic); err != nil {
		return "", known, err
	}
	return route, known, s.demanded(app, n, now)
}

// lookUp asks what is known of the number, and refuses one that nothing is to be sent to.
func (s *Service) lookUp(ctx context.Context, app *App, n NewOtp) (lookup.Finding, error) {
	if s.Lookup == nil {
		return lookup.Finding{}, nil
	}
	known, err := s.Lookup(ctx, lookup.Question{Number: n.Phone.E164, Country: n.Phone.Country, App: app.Name, From: n.From})
	switch {
	case err != nil:
		return known, &Error{Code: CodeUnavailable, Message: "The gateway cannot take requests right now, try again", Cause: err}
	case known.Deny != "":
		return known, &Error{Code: CodeGuard, Message: "Messages to this phone number are not allowed (" + known.Deny + ")"}
	}
	return known, nil
}
