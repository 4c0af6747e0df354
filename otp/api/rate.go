package api

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/otpgw/otpgw/otp"
)

// noLimit is the rate limit of an application that has none. The contract wants both rate headers on every
// success, and clients read them as numbers: without them such a client breaks, and 0 tells it to stop. The
// largest number that every client can hold says what is true of it: no caller will ever be refused for
// reaching it.
const noLimit = math.MaxInt32

// rate is an application's limit of requests and where it stands.
type rate struct {
	limit, remaining int
	reset            time.Time
}

// window is the time an application's requests are counted over: a second, or as many as one request has.
func window(app *otp.App) (seconds int64, limit int) {
	seconds = int64(max(1, math.Ceil(1/app.Rate)))
	return seconds, int(math.Ceil(min(app.Rate*float64(seconds), noLimit)))
}

// rates remembers which windows are full, so that a flood of requests over the limit is refused without the
// store.
type rates struct {
	mu   sync.Mutex
	full map[string]int64 // window by application
}

// admit counts a request of an application, exactly over all daemons (the store has one sum a second), and
// refuses it with CodeRateLimit when that is over its rate. Windows are by the store's clock, so that no two
// daemons count in different ones.
func (h *handler) admit(ctx context.Context, app *otp.App) (rate, error) {
	if app.Rate <= 0 {
		return rate{limit: noLimit, remaining: noLimit}, nil
	}
	seconds, limit := window(app)
	n := h.service.Clock().Unix() / seconds
	r := rate{limit: limit, reset: time.Unix((n+1)*seconds, 0)}
	h.rates.mu.Lock()
	full := h.rates.full[app.Name] == n
	h.rates.mu.Unlock()
	if !full {
		sum, err := h.service.Queue.Count(ctx, app.Name, n, 1)
		if err != nil {
			return r, &otp.Error{Code: otp.CodeUnavailable, Message: "The gateway cannot take requests right now, try again", Cause: err}
		}
		if sum <= int64(limit) {
			r.remaining = limit - int(sum)
			return r, nil
		}
		h.rates.mu.Lock()
		h.rates.full[app.Name] = n
		h.rates.mu.Unlock()
	}
	return r, &otp.Error{Code: otp.CodeRateLimit, Limit: limit, Reset: r.reset,
		Message: "Too many requests of this application: at most " + strconv.Itoa(limit) + " in " + strconv.FormatInt(seconds, 10) + " s"}
}

// headers of a success; of a refusal for another limit than that of requests, refuse overwrites them.
func (r rate) headers(header http.Header) {
	header.Set("X-Rate-Limit-Limit", strconv.Itoa(r.limit))
	header.Set("X-Rate-Limit-Remaining", strconv.Itoa(r.remaining))
}

// refuse tells of a limit that was reached.
func refuse(header http.Header, e *otp.Error) {
	rate{limit: e.Limit}.headers(header)
	header.Set("X-Rate-Limit-Reset", strconv.FormatInt(ceilUnix(e.Reset), 10))
}

func ceilUnix(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

// retryIn is a Retry-After: whole seconds, at least one.
func retryIn(at, now time.Time) string {
	return strconv.FormatInt(max(1, int64(math.Ceil(at.Sub(now).Seconds()))), 10)
}
