package camara

import (
	"errors"
	"net/http"

	"github.com/otpgw/otpgw/otp"
)

// errorInfo is every error of a CAMARA API.
type errorInfo struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func invalid(message string) error { return &otp.Error{Code: otp.CodeInvalidBody, Message: message} }

// Errors of this API alone, as the domain's that come nearest.
var (
	errNotAllowed = &otp.Error{Code: otp.CodeInsufficientScope, Message: "The application does not have this API"}
	errTakesNoSMS = &otp.Error{Code: otp.CodeNoCoverage, Message: "The phone number cannot receive SMS"}
)

// numberError is an error about the number that a code was to be sent to: a limit of it is no limit of the
// caller's.
type numberError struct{ error }

func (e numberError) Unwrap() error { return e.error }

func ofNumber(err error) error {
	if err == nil {
		return nil
	}
	return numberError{err}
}

const prefix = "ONE_TIME_PASSWORD_SMS."

// table is what an error of the domain is in CAMARA's words. What is not in it goes by its status, see
// byStatus.
var table = map[otp.Code]errorInfo{
	otp.CodePhoneInvalid: {http.StatusNotFound, "NOT_FOUND", "The phone number belongs to no operator."},
	otp.CodeNotFound:     {http.StatusNotFound, "NOT_FOUND", "The authenticationId is not known."},

	otp.CodeNoCoverage:  {http.StatusForbidden, prefix + "PHONE_NUMBER_NOT_ALLOWED", "Phone_number can't receive an SMS due to business reasons in the operator."},
	otp.CodeFromInvalid: {http.StatusForbidden, prefix + "PHONE_NUMBER_NOT_ALLOWED", "Phone_number can't receive an SMS due to business reasons in the operator."}, // the application's sender
	otp.CodeGuard:       {http.StatusForbidden, prefix + "PHONE_NUMBER_BLOCKED", "Phone_number is blocked to receive SMS due to any blocking business reason in the operator."},
	otp.CodeDoNotSend:   {http.StatusForbidden, prefix + "PHONE_NUMBER_BLOCKED", "Phone_number is blocked to receive SMS due to any blocking business reason in the operator."},
	otp.CodeOptedOut:    {http.StatusForbidden, prefix + "PHONE_NUMBER_BLOCKED", "Phone_number is blocked to receive SMS due to any blocking business reason in the operator."},

	otp.CodeWrongPIN:         {http.StatusBadRequest, prefix + "INVALID_OTP", "The provided OTP is not valid for this authenticationId"},
	otp.CodeLastAttempt:      {http.StatusBadRequest, prefix + "VERIFICATION_FAILED", failed},
	otp.CodeFailed:           {http.StatusBadRequest, prefix + "VERIFICATION_FAILED", failed},
	otp.CodeVerified:         {http.StatusBadRequest, prefix + "VERIFICATION_EXPIRED", expired},
	otp.CodeCancelled:        {http.StatusBadRequest, prefix + "VERIFICATION_EXPIRED", expired},
	otp.CodeExpired:          {http.StatusBadRequest, prefix + "VERIFICATION_EXPIRED", expired},
	otp.CodeExpiredMeanwhile: {http.StatusBadRequest, prefix + "VERIFICATION_EXPIRED", expired},

	otp.CodeInvalidAPIKey:     {http.StatusUnauthorized, "UNAUTHENTICATED", "Request not authenticated due to missing, invalid, or expired credentials."},
	otp.CodeInsufficientScope: {http.StatusForbidden, "PERMISSION_DENIED", "Client does not have sufficient permissions to perform this action."},
	otp.CodeFromWhere:         {http.StatusForbidden, "PERMISSION_DENIED", "Client does not have sufficient permissions to perform this action."},
	otp.CodeBodyTooLarge:      {http.StatusBadRequest, "INVALID_ARGUMENT", "The body is larger than 64 KiB."},
}

const (
	failed  = "The maximum number of attempts for this authenticationId was exceeded without providing a valid OTP"
	expired = "The authenticationId is no longer valid"
)

// byStatus are the codes of CAMARA_common for the rest.
var byStatus = map[int]string{
	http.StatusBadRequest:           "INVALID_ARGUMENT",
	http.StatusForbidden:            prefix + "PHONE_NUMBER_BLOCKED",
	http.StatusMethodNotAllowed:     "METHOD_NOT_ALLOWED",
	http.StatusUnsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE",
	http.StatusTooManyRequests:      "TOO_MANY_REQUESTS",
	http.StatusServiceUnavailable:   "UNAVAILABLE",
}

// refuse says an error as CAMARA does.
func refuse(err error, e *otp.Error, status int) (int, any) {
	var number numberError
	if errors.As(err, &number) && e.Code == otp.CodeRateLimit {
		return http.StatusForbidden, errorInfo{http.StatusForbidden, prefix + "MAX_OTP_CODES_EXCEEDED", "Too many OTPs have been requested for this MSISDN. Try later."}
	}
	if info, ok := table[e.Code]; ok {
		return info.Status, info
	}
	code, ok := byStatus[status]
	if !ok {
		status, code = http.StatusInternalServerError, "INTERNAL"
	}
	return status, errorInfo{status, code, e.Message}
}
