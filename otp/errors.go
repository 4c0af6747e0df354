package otp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// Code is the number of an error in the API. The HTTP status and type of each are in one table, otp/api.
type Code int

// The codes of otp-api.md. Those below 2000 belong to the whole API.
const (
	CodeInvalidBody       Code = 1000 // not JSON, or not an object
	CodeInvalidAPIKey     Code = 1001
	CodeInsufficientScope Code = 1002
	CodeUnknownPath       Code = 1004
	CodeInvalidMethod     Code = 1005
	CodeDuplicateID       Code = 1006
	CodeBodyTooLarge      Code = 1007
	CodeRateLimit         Code = 1008
	CodeInternal          Code = 1009
	CodeUnavailable       Code = 1010 // queue full or not ready
	CodeMediaType         Code = 1011 // ours: the contract has no number for 415
	CodeGuard             Code = 1012 // ours: refused by the guard against SMS pumping
	CodeIdempotencyKey    Code = 1013 // ours: not a key
	CodeFromWhere         Code = 1014 // ours: the application may not be used from that address
	CodeOptedOut          Code = 1015 // ours: the number wants no messages
	CodeDoNotSend         Code = 1016 // ours: the operator sends nothing to the number
	CodeQuota             Code = 1017 // ours: the application's messages of a day or a month are used up
	CodeBudget            Code = 1018 // ours: its money is
	CodeCountryLimit      Code = 1019 // ours: its messages of an hour to a country are
	CodeNoCoverage        Code = 1119
	CodeOAuth             Code = 1600

	CodePhoneMissing      Code = 2001
	CodeCountryMissing    Code = 2002
	CodeCountryInvalid    Code = 2003
	CodeFromEmpty         Code = 2004
	CodeFromInvalid       Code = 2005
	CodeTemplate          Code = 2006
	CodeTTLNumber         Code = 2007
	CodeTTLLow            Code = 2008
	CodeTTLHigh           Code = 2009
	CodeMaxAttemptsNumber Code = 2010
	CodeMaxAttemptsLow    Code = 2011
	CodeMaxAttemptsHigh   Code = 2012
	CodePINTypeEmpty      Code = 2013
	CodePINTypeInvalid    Code = 2014
	CodePINLengthNumber   Code = 2015
	CodePINLengthLow      Code = 2016
	CodePINLengthHigh     Code = 2017
	CodeTrackID           Code = 2018
	CodeCallbackURL       Code = 2019
	CodePhoneInvalid      Code = 2020
	CodeNotFound          Code = 2021
	CodePINMissing        Code = 2022
	CodeVerified          Code = 2023
	CodeCancelled         Code = 2024
	CodeExpired           Code = 2025
	CodeFailed            Code = 2026 // attempts were used up earlier
	CodeLastAttempt       Code = 2027 // this guess used up the last one
	CodeExpiredMeanwhile  Code = 2028 // between the check of state and the check of PIN
	CodeWrongPIN          Code = 2029
	CodeCancelledAlready  Code = 2030
	CodeCancelNotPending  Code = 2031
	CodeWebOTPDomain      Code = 2032 // ours
	CodeAppHash           Code = 2033 // ours
	CodeOwnPIN            Code = 2034 // ours
	CodeOutcome           Code = 2035 // ours: not true or false
	CodeContext           Code = 2037 // ours: missing, too long, or there is none
	CodeRisk              Code = 2038 // ours: not "skip"
	CodeProof             Code = 2039 // ours: not true or false
	CodeNotVerified       Code = 2040 // ours: nothing to consume yet
	CodeConsumed          Code = 2041 // ours
	CodeLimits            Code = 2042 // ours
	CodeQuery             Code = 2043 // ours: of GET /otp
	CodeOutcomeDenied     Code = 2036 // ours: the PIN is not the caller's own
)

// Error is what an operation failed with. Code and Message are for the caller; Cause is for the log only.
// None of them holds a PIN, a key or a message text.
type Error struct {
	Code    Code
	Message string
	Cause   error

	// Of CodeRateLimit, CodeQuota, CodeBudget and CodeCountryLimit, and of CodeDuplicateID while the first
	// request is under way; else zero.
	Limit int       // that was reached
	Reset time.Time // when it is worth trying again
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("otp: %d %s: %v", e.Code, e.Message, e.Cause)
	}
	return fmt.Sprintf("otp: %d %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors of one code alike for errors.Is.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// ErrNotFound: no such OTP, or another application's.
var ErrNotFound = &Error{Code: CodeNotFound, Message: "Otp ID not found"}

// ErrNotDue: Expire was called before the PIN ran out.
var ErrNotDue = errors.New("otp: not due yet")

// errNoChange ends a change that has nothing to do.
var errNoChange = errors.New("otp: no change")

// storeError says what an error of the queue is to the caller.
func storeError(err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, queue.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, queue.ErrFull), errors.Is(err, queue.ErrUnavailable), errors.Is(err, queue.ErrConflict),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: CodeUnavailable, Message: "The gateway cannot take requests right now, try again", Cause: err}
	}
	return internal(err)
}

func storeErrorOrNil(err error) error {
	if err == nil {
		return nil
	}
	return storeError(err)
}

// sealError says what it is to the caller that a record does not open. Another daemon may have the key, and
// an operator can name it: so it is no fault of the request, and worth another try.
func sealError(id string, err error) error {
	return &Error{Code: CodeUnavailable, Message: "The gateway cannot take requests right now, try again", Cause: fmt.Errorf("record %s: %w", id, err)}
}

func internal(err error) error {
	return &Error{Code: CodeInternal, Message: "Internal error", Cause: err}
}
