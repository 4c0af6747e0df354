package api

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
)

// logCall writes the access log: what changes something at info, what only reads at debug. It holds the
// path's pattern and not the path, and nothing of headers, query or body, so no key, PIN, text or phone
// number.
func (h *handler) logCall(c *call) {
	level := zerolog.InfoLevel
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		level = zerolog.DebugLevel
	}
	if c.code == otp.CodeUnknownPath || c.code == otp.CodeUnavailable && c.caller.Err() != nil {
		level = zerolog.DebugLevel
	}
	e := h.log.WithLevel(level)
	e.Str("request", c.id).Str("method", method(c.r.Method)).Str("endpoint", c.r.Pattern).Int("status", c.status).
		Dur("took", time.Since(c.begun))
	if c.code != 0 {
		e.Int("code", int(c.code))
	}
	if c.app != nil {
		e.Str("app", c.app.Name)
	}
	if c.otpID != "" {
		e.Str("otp", c.otpID)
	}
	e.Msg("request")
}

// method keeps what a caller made up out of the log.
func method(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return m
	}
	return "other"
}

// recovered turns a panic into a 500. The log has its place, and its words only when they are the runtime's:
// others may hold a piece of the request.
func (h *handler) recovered(c *call) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	words := fmt.Sprintf("%T", p)
	if e, ok := p.(runtime.Error); ok {
		words = e.Error()
	}
	h.log.Error().Str("request", c.id).Str("panic", words).Bytes("stack", debug.Stack()).Msg("panic while serving a request")
	if c.status == 0 {
		h.fail(c, &otp.Error{Code: otp.CodeInternal, Message: "Internal error"})
	}
}
