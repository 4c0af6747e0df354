package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/otpgw/otpgw/otp"
)

const (
	maxBody = 64 << 10
	// drained is what is read and thrown away of a body that is too large, so that a caller which first sends
	// all of it gets to read the 413 rather than a broken connection.
	drained = 16 << 20
)

// readBody reads a JSON body.
func readBody(ctx context.Context, c *call) ([]byte, error) {
	if !isJSON(c.r.Header) {
		return nil, errMediaType
	}
	return readAll(ctx, c)
}

// readAll reads a body of at most 64 KiB within the request's deadline.
func readAll(ctx context.Context, c *call) ([]byte, error) {
	if deadline, ok := ctx.Deadline(); ok {
		// A server without deadlines (a test's recorder) has no slow callers either.
		_ = http.NewResponseController(c.w).SetReadDeadline(deadline)
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &otp.Error{Code: otp.CodeInvalidBody, Message: "The body did not arrive in time", Cause: err}
	case err != nil:
		return nil, &otp.Error{Code: otp.CodeInvalidBody, Message: "The body could not be read", Cause: err}
	case len(body) > maxBody:
		_, _ = io.CopyN(io.Discard, c.r.Body, drained)
		return nil, errTooLarge
	}
	return body, nil
}

// isJSON: application/json with any parameters, or no type at all. Compressed bodies are not taken.
func isJSON(h http.Header) bool {
	if !identity(h) {
		return false
	}
	t := h.Get("Content-Type")
	if t == "" || t == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(t)
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && media == "application/json"
}

// identity: not compressed.
func identity(h http.Header) bool {
	enc := h.Get("Content-Encoding")
	return enc == "" || strings.EqualFold(enc, "identity")
}
