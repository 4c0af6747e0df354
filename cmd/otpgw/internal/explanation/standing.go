package explanation

import (
	"slices"

	"github.com/otpgw/otpgw/otp"
)

// Stand adds what a running gateway knows. Its refusals take the place of those of the configuration, which
// are among them.
func (e *Explanation) Stand(st otp.Standing) {
	e.Asked, e.Risks = true, st.Risks
	refusals := []Refusal{}
	for _, r := range st.Refusals {
		refusals = append(refusals, Refusal{Code: r.Code, Message: r.Message, Until: r.Reset})
	}
	for _, own := range e.Refusals {
		if !slices.ContainsFunc(refusals, func(r Refusal) bool { return r.Code == own.Code }) {
			refusals = append(refusals, own)
		}
	}
	e.Refusals = refusals
	if st.Test {
		e.Refusals, e.Notes = []Refusal{}, append(e.Notes, "a test number: its PIN is in TEST_NUMBERS, nothing is sent, and it counts as delivered")
	}
	if st.Allowed {
		e.Notes = append(e.Notes, "the operator allows the number whatever the guard finds (otpgw ctl guard list)")
	}
}

// Join adds to what one configuration says what a running gateway said of the same request: its store's
// knowledge and its links' states. The gateway may work by another configuration than the one explained.
func (e *Explanation) Join(running Explanation) {
	e.Asked, e.Risks, e.Notes = true, running.Risks, append(e.Notes, running.Notes...)
	for _, r := range running.Refusals {
		ofConfiguration := r.Code == otp.CodeFromInvalid || r.Code == otp.CodeTemplate
		if !ofConfiguration {
			e.Refusals = append(e.Refusals, r)
		}
	}
	for i := range e.Links {
		at := slices.IndexFunc(running.Links, func(l Link) bool { return l.Name == e.Links[i].Name })
		if at >= 0 {
			e.Links[i].State = running.Links[at].State
		}
	}
	if running.Route != e.Route || running.From != e.From || running.Text != e.Text {
		e.Notes = append(e.Notes, "the running gateway works by another configuration, or a lookup changed it there: over route "+running.Route+
			", from "+running.From+"; otpgw ctl reload has it read its own again")
	}
}
