package api

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"otpgw/otp"
)

// noLimit is the rate limit of an application that has none. The contract wants both rate headers on every success, and
// clients read them as numbers: without them such a client breaks, and 0 tells it to stop. The largest number that every
// client can hold says what is true of it: no caller will ever be refused for reaching it.
const noLimit = math.MaxInt32

// rateHeaders tell the requests per second the application is configured for. Nothing is counted against it in this
// package, so all of it remains.
func rateHeaders(header http.Header, app *otp.App) {
	limit := noLimit
	if app.Rate > 0 {
		limit = int(math.Ceil(min(app.Rate, noLimit)))
	}
	header.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	header.Set("X-Rate-Limit-Remaining", strconv.Itoa(limit))
}

func (h *handler) succeed(c *call, a answer) {
	if c.app != nil {
		rateHeaders(c.w.Header(), c.app)
	}
	h.write(c, a.status, a.body)
}

// write sends the answer. An answer that cannot be sent concerns nobody any more: the caller is gone.
func (h *handler) write(c *call, status int, body any) {
	c.status = status
	c.w.Header().Set("X-Response-Time", strconv.FormatInt(time.Since(c.begun).Milliseconds(), 10))
	if body == nil {
		c.w.WriteHeader(status)
		return
	}
	// Our own types, which always marshal. "<" and "&" stay as they are: this is no HTML.
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		panic(err)
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	c.w.WriteHeader(status)
	_, _ = c.w.Write([]byte(b.String()))
}
