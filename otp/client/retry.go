package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/otpgw/otpgw/queue/backoff"
)

// repeat says what a second try of a request does.
type repeat int

const (
	counting   repeat = iota // each try counts: only when the gateway did not take it
	harmless                 // nothing, or the same again
	cancelling               // harmless, but a second try finds the work of the first done
)

// The pauses between tries double from the first to the last, each cut at random so that callers do not come
// in step.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

// transportError is a try without an answer.
type transportError struct{ cause error }

func (e *transportError) Error() string { return e.cause.Error() }
func (e *transportError) Unwrap() error { return e.cause }

// notSent: the connection was never made.
func (e *transportError) notSent() bool {
	op, ok := errors.AsType[*net.OpError](e.cause)
	return ok && op.Op == "dial"
}

// after says whether a failed try may be made again, and when.
func (r repeat) after(err error, try int) (time.Duration, bool) {
	half := backoff.Doubled(firstPause, try, lastPause) / 2
	pause := backoff.Spread(half, half)
	if t, ok := errors.AsType[*transportError](err); ok {
		return pause, !errors.Is(err, context.Canceled) && (r != counting || t.notSent())
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return 0, false
	}
	if e.RetryAfter > 0 {
		pause = e.RetryAfter
	}
	switch e.Status {
	case http.StatusTooManyRequests:
		return pause, true
	case http.StatusConflict: // the first request with the key is under way, unless there is no time to wait for
		return pause, e.Code == CodeDuplicateID && e.RetryAfter > 0
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return pause, r != counting
	}
	return 0, false
}
