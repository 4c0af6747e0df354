package otp

import (
	"context"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/otp/internal/strictjson"
	"github.com/otpgw/otpgw/otp/pin"
)

// An application may make the PIN itself, as identity servers do, and have it sent: then it is sealed and
// verified as ours would be. Or the application verifies it, and tells the outcome; without that the guard
// takes all of its messages for pumping, for none is ever verified.

func (f *faults) ownPIN(v strictjson.Value, app *App) string {
	switch {
	case v.Kind == strictjson.Unset:
		return ""
	case !app.OwnPIN:
		f.add(CodeOwnPIN, "The parameter 'pin' is not allowed for this application")
	case v.Kind == strictjson.Other || !pin.ValidOwn(v.Text):
		f.add(CodeOwnPIN, fmt.Sprintf("The parameter 'pin' is not %d to %d letters or digits", pin.Min, pin.Max))
	}
	return v.Text
}

// ParseOutcome reads the body of POST /otp/{otpId}/outcome.
func ParseOutcome(body []byte) (verified bool, err error) {
	o, err := parseObject(body)
	if err != nil {
		return false, err
	}
	switch string(o["verified"]) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, &Error{Code: CodeOutcome, Message: "The parameter 'verified' is not true or false"}
}

// Outcome ends an OTP of the application's own PIN as it was verified elsewhere: VERIFIED or FAILED. Told
// again it changes nothing.
func (s *Service) Outcome(ctx context.Context, app *App, id string, verified bool) (Otp, error) {
	outcome := StatusFailed
	if verified {
		outcome = StatusVerified
	}
	var told *Record
	changed := false
	err := s.change(ctx, id, app.Name, func(r *Record, now time.Time) (EventKind, error) {
		told, changed = r, false
		status := r.statusAt(now)
		switch {
		case !r.OwnPIN:
			return "", &Error{Code: CodeOutcomeDenied, Message: "The PIN of this OTP is the gateway's, which verifies it"}
		case status == outcome:
			return "", errNoChange
		}
		if err := status.closed(); err != nil {
			return "", err
		}
		r.Status, changed = outcome, true
		return OtpChange, nil
	})
	if err != nil {
		return Otp{}, err
	}
	if changed && verified {
		s.count(app, told, 0, 1)
	}
	return s.show(told, s.now()), nil
}
