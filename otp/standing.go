package otp

import (
	"context"
	"errors"
)

// Standing is what the store and the operator say to a request that nobody has made: what `otpgw explain`
// adds to what the configuration alone tells.
type Standing struct {
	Test           bool     // the number is a test number: it is sent nothing, and nothing refuses it
	Network, Route string   // what is known of the number (Service.Lookup); empty: nothing
	Risks          []string // what the guard sees, refused or not
	Allowed        bool     // the operator lets the number pass whatever the guard sees
	Refusals       []*Error // each that the request would meet, in their order; none: it would be taken
}

// Standing tells how a request stands, and changes, counts and logs nothing. Create stops at the first
// refusal; here are all of them, so that nobody mends one to meet the next.
func (s *Service) Standing(ctx context.Context, app *App, n NewOtp, cost float64) (st Standing) {
	if _, st.Test = app.TestNumbers[n.Phone.E164]; st.Test {
		return st
	}
	refuse := func(err error) {
		var e *Error
		if err != nil && (errors.As(err, &e) || errors.As(storeError(err), &e)) {
			st.Refusals = append(st.Refusals, e)
		}
	}
	refuse(s.listed(n.Phone.E164))
	refuse(s.optedOut(app, n.Phone.E164))
	known, err := s.lookUp(ctx, app, n)
	refuse(err)
	st.Network, st.Route = known.Network, known.Route
	if app.SenderRules != SendersWarned { // a warning is no refusal, and would be logged
		refuse(s.demanded(app, n, s.now()))
	}
	v, err := s.weigh(ctx, app, n, known.Risks, s.now())
	refuse(err)
	if st.Risks, st.Allowed = v.risks, v.allowed; len(v.refused()) > 0 {
		refuse(guarded(v.refused()))
	}
	for _, b := range app.Quotas.bounds(app.Name) {
		used, until, err := s.keeper().Used(b.Quota)
		refuse(err)
		if takes := b.takes(n.Phone.Country, cost); takes > 0 && used+takes > b.Max {
			refuse(b.exceeded(until))
		}
	}
	for _, u := range n.uses(app) {
		refuse(s.addUse(s.Queue.Begin(), app, u)) // never committed
	}
	return st
}
