package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
)

// wire is what an error is in HTTP.
type wire struct {
	status int
	kind   string // the envelope's type: one of the list in otp-api.md, for clients throw on another
}

// table has every code of otp-api.md that this package answers with.
var table = map[otp.Code]wire{
	otp.CodeInvalidBody:   {http.StatusBadRequest, "invalid_body"},
	otp.CodeInvalidAPIKey: {http.StatusUnauthorized, "invalid_api_key"},
	otp.CodeUnknownPath:   {http.StatusNotFound, "not_found"},
	otp.CodeInvalidMethod: {http.StatusMethodNotAllowed, "invalid_method"},
	otp.CodeBodyTooLarge:  {http.StatusRequestEntityTooLarge, "invalid_body"},
	otp.CodeMediaType:     {http.StatusUnsupportedMediaType, "invalid_body"},
	otp.CodeInternal:      {http.StatusInternalServerError, "server_error"},
	otp.CodeUnavailable:   {http.StatusServiceUnavailable, "server_error"},
	otp.CodeNoCoverage:    {http.StatusForbidden, "no_coverage"},

	otp.CodeInsufficientScope: {http.StatusForbidden, "insufficient_scope"},
	otp.CodeDuplicateID:       {http.StatusConflict, "duplicate_id"},
	otp.CodeRateLimit:         {http.StatusTooManyRequests, "rate_limit"},
	otp.CodeQuota:             {http.StatusTooManyRequests, "rate_limit"},
	otp.CodeBudget:            {http.StatusTooManyRequests, "rate_limit"},
	otp.CodeCountryLimit:      {http.StatusTooManyRequests, "rate_limit"},
	otp.CodeGuard:             {http.StatusForbidden, "access_denied"},
	otp.CodeFromWhere:         {http.StatusForbidden, "access_denied"},
	otp.CodeOptedOut:          {http.StatusForbidden, "access_denied"},
	otp.CodeDoNotSend:         {http.StatusForbidden, "access_denied"},
	otp.CodeIdempotencyKey:    {http.StatusBadRequest, "invalid_request"},

	otp.CodePhoneMissing:      invalidParam,
	otp.CodeCountryMissing:    invalidParam,
	otp.CodeCountryInvalid:    invalidParam,
	otp.CodeFromEmpty:         invalidParam,
	otp.CodeFromInvalid:       invalidParam,
	otp.CodeTemplate:          invalidParam,
	otp.CodeTTLNumber:         invalidParam,
	otp.CodeTTLLow:            invalidParam,
	otp.CodeTTLHigh:           invalidParam,
	otp.CodeMaxAttemptsNumber: invalidParam,
	otp.CodeMaxAttemptsLow:    invalidParam,
	otp.CodeMaxAttemptsHigh:   invalidParam,
	otp.CodePINTypeEmpty:      invalidParam,
	otp.CodePINTypeInvalid:    invalidParam,
	otp.CodePINLengthNumber:   invalidParam,
	otp.CodePINLengthLow:      invalidParam,
	otp.CodePINLengthHigh:     invalidParam,
	otp.CodeTrackID:           invalidParam,
	otp.CodeCallbackURL:       invalidParam,
	otp.CodePhoneInvalid:      invalidParam,
	otp.CodeWebOTPDomain:      invalidParam,
	otp.CodeAppHash:           invalidParam,
	otp.CodeOwnPIN:            invalidParam,
	otp.CodeOutcome:           invalidParam,
	otp.CodeContext:           invalidParam,
	otp.CodeRisk:              invalidParam,
	otp.CodeProof:             invalidParam,
	otp.CodeLimits:            invalidParam,
	otp.CodeQuery:             invalidParam,
	otp.CodeNotVerified:       {http.StatusConflict, "invalid_request"},
	otp.CodeConsumed:          {http.StatusConflict, "duplicate_value"},
	otp.CodeOutcomeDenied:     {http.StatusForbidden, "access_denied"},

	otp.CodeNotFound:         {http.StatusNotFound, "not_found"},
	otp.CodePINMissing:       invalidParam,
	otp.CodeVerified:         {http.StatusBadRequest, "otp_verified"},
	otp.CodeCancelled:        {http.StatusBadRequest, "otp_cancelled"},
	otp.CodeExpired:          {http.StatusBadRequest, "otp_expired"},
	otp.CodeFailed:           {http.StatusBadRequest, "otp_failed"},
	otp.CodeLastAttempt:      {http.StatusBadRequest, "otp_failed"},
	otp.CodeExpiredMeanwhile: {http.StatusBadRequest, "otp_expired"},
	otp.CodeWrongPIN:         {http.StatusBadRequest, "invalid_pin"},
	otp.CodeCancelledAlready: {http.StatusForbidden, "access_denied"},
	otp.CodeCancelNotPending: {http.StatusForbidden, "access_denied"},
}

var invalidParam = wire{http.StatusBadRequest, "invalid_param"}

// Errors that never reach the domain.
var (
	errUnknownPath = &otp.Error{Code: otp.CodeUnknownPath, Message: "No such path"}
	errMethod      = &otp.Error{Code: otp.CodeInvalidMethod, Message: "Method not allowed for this path"}
	errAPIKey      = &otp.Error{Code: otp.CodeInvalidAPIKey, Message: "The API key or access token is missing or not valid"}
	errTooLarge    = &otp.Error{Code: otp.CodeBodyTooLarge, Message: "The body is larger than 64 KiB"}
	errMediaType   = &otp.Error{Code: otp.CodeMediaType, Message: "The body must be application/json, not compressed"}

	errFormType      = &otp.Error{Code: otp.CodeMediaType, Message: "The body must be application/x-www-form-urlencoded, not compressed"}
	errScope         = &otp.Error{Code: otp.CodeInsufficientScope, Message: "The access token's scope does not allow this"}
	errFromWhere     = &otp.Error{Code: otp.CodeFromWhere, Message: "The application may not be used from this address"}
	errOnceKey       = &otp.Error{Code: otp.CodeIdempotencyKey, Message: "The Idempotency-Key must be one of 1 to 255 printable ASCII characters"}
	errNoApplication = &otp.Error{Code: otp.CodeUnknownPath, Message: "No such application"}

	errPINMissing = &otp.Error{Code: otp.CodePINMissing} // to compare with
	errOutcome    = &otp.Error{Code: otp.CodeOutcome}    // alike
)

// envelope is every error on the wire.
type envelope struct {
	Error envelopeError `json:"error"`
}

type envelopeError struct {
	Type    string   `json:"type"`
	Message string   `json:"message"`
	URI     string   `json:"uri"`
	Code    otp.Code `json:"code"`
}

// retryAfter is for a queue that is full or a store that looks for its leader.
const retryAfter = "5"

// fail answers with an error. An error that is not the domain's, or has no row in the table, is 500.
func (h *handler) fail(c *call, err error) {
	var o *oauthError
	if errors.As(err, &o) {
		c.code = otp.CodeOAuth
		if o.status == http.StatusUnauthorized {
			c.w.Header().Set("WWW-Authenticate", `Basic realm="otpgw"`) // RFC 6749, 5.2
		}
		h.write(c, o.status, h.envelope(o.kind, o.message, otp.CodeOAuth))
		return
	}
	var e *otp.Error
	if !errors.As(err, &e) {
		e = &otp.Error{Code: otp.CodeInternal, Message: "Internal error", Cause: err}
	}
	w, known := table[e.Code]
	if !known {
		e = &otp.Error{Code: otp.CodeInternal, Message: "Internal error", Cause: err}
		w = table[e.Code]
	}
	c.code = e.Code
	if w.status >= http.StatusInternalServerError && e != errBusy && e != errGone { // those are counted, and come by the thousand
		h.tellFault(c, w.status, e)
	}
	header := c.w.Header()
	switch {
	case e.Code == otp.CodeInvalidAPIKey:
		header.Set("WWW-Authenticate", challenge(c.r.Header))
	case e.Code == otp.CodeInsufficientScope:
		header.Set("WWW-Authenticate", `Bearer realm="otpgw", error="insufficient_scope", scope="`+c.needs+`"`)
	case w.status == http.StatusTooManyRequests:
		refuse(header, e)
	}
	// Not on GET: the Python client would sleep and try three times more.
	if c.r.Method == http.MethodPost {
		switch {
		case w.status == http.StatusServiceUnavailable:
			header.Set("Retry-After", retryAfter)
		case !e.Reset.IsZero():
			header.Set("Retry-After", retryIn(e.Reset, h.service.Clock()))
		}
	}
	if c.face != nil {
		status, body := c.face.Refuse(err, e, w.status)
		h.write(c, status, body)
		return
	}
	h.write(c, w.status, h.envelope(w.kind, e.Message, e.Code))
}

// tellFault writes down what was no fault of the caller. While the store is full or does not answer all
// requests are refused for that, and the log is no place for each: they are in the access log.
func (h *handler) tellFault(c *call, status int, e *otp.Error) {
	times := 1
	if status == http.StatusServiceUnavailable {
		n, due := h.refusals.Due(fmt.Sprint(c.r.Pattern, " full: ", errors.Is(e, queue.ErrFull)), time.Now())
		if !due {
			return
		}
		times = n
	}
	h.log.Error().Err(e).Str("request", c.id).Str("endpoint", c.r.Pattern).Str("otp", c.otpID).Int("times", times).Msg("request failed")
}

// challenge tells who presented something that it is not valid, and who presented nothing only what is wanted
// (RFC 6750, 3.1).
func challenge(presented http.Header) string {
	if presented.Get("Authorization") == "" && presented.Get("X-API-KEY") == "" {
		return `Bearer realm="otpgw"`
	}
	return `Bearer realm="otpgw", error="invalid_token"`
}

func (h *handler) envelope(kind, message string, code otp.Code) envelope {
	return envelope{envelopeError{kind, message, h.errorURI + strconv.Itoa(int(code)), code}}
}
