package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Types of errors, as the API names them.
const (
	TypeAccessDenied      = "access_denied"
	TypeDuplicateID       = "duplicate_id"
	TypeInsufficientScope = "insufficient_scope"
	TypeInvalidAPIKey     = "invalid_api_key"
	TypeInvalidBody       = "invalid_body"
	TypeInvalidClient     = "invalid_client"
	TypeInvalidMethod     = "invalid_method"
	TypeInvalidParam      = "invalid_param"
	TypeInvalidPIN        = "invalid_pin"
	TypeInvalidRequest    = "invalid_request"
	TypeInvalidScope      = "invalid_scope"
	TypeNoCoverage        = "no_coverage"
	TypeNotFound          = "not_found"
	TypeOtpCancelled      = "otp_cancelled"
	TypeOtpExpired        = "otp_expired"
	TypeOtpFailed         = "otp_failed"
	TypeOtpVerified       = "otp_verified"
	TypeRateLimit         = "rate_limit"
	TypeServerError       = "server_error"
)

// Codes of errors that a program acts on. The API's page at /docs lists all of them.
const (
	CodeInvalidAPIKey    = 1001
	CodeDuplicateID      = 1006 // the idempotency key was used with another body
	CodeRateLimit        = 1008
	CodeUnavailable      = 1010
	CodeNoCoverage       = 1119
	CodePhoneInvalid     = 2020
	CodeNotFound         = 2021
	CodeVerified         = 2023
	CodeCancelled        = 2024
	CodeExpired          = 2025
	CodeFailed           = 2026
	CodeLastAttempt      = 2027 // this wrong PIN used up the last attempt
	CodeExpiredMeanwhile = 2028
	CodeWrongPIN         = 2029 // attempts remain
	CodeCancelledAlready = 2030
	CodeNotPending       = 2031
)

// Error is an answer of the API that is no success. Get it out of an error by errors.As.
type Error struct {
	Status  int    // of HTTP
	Code    int    // stable; 0 when the answer was not the API's own, but a proxy's
	Type    string // one of the Type constants
	Message string // for people; may change
	URI     string // names the error

	RequestID  string        // the gateway's log has it
	RetryAfter time.Duration // 0: not told
}

func (e *Error) Error() string {
	if e.Code == 0 {
		return fmt.Sprintf("otpgw: HTTP %d", e.Status)
	}
	return fmt.Sprintf("otpgw: %d %s: %s", e.Code, e.Type, e.Message)
}

func errorOf(resp *http.Response, body []byte) *Error {
	var envelope struct {
		Error struct {
			Type, Message, URI string
			Code               int
		}
	}
	// What is not the API's envelope leaves the fields empty; the status says enough.
	_ = json.Unmarshal(body, &envelope)
	e := &Error{Status: resp.StatusCode, Code: envelope.Error.Code, Type: envelope.Error.Type, Message: envelope.Error.Message, URI: envelope.Error.URI,
		RequestID: resp.Header.Get("X-Request-Id")}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}
