package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp"
)

// key is an accepted API key or client secret, by its hash only.
type key struct {
	hash [sha256.Size]byte
	app  *otp.App
}

func hashKeys(apps []otp.App) (keys, secrets []key) {
	for i := range apps {
		for _, k := range apps[i].APIKeys {
			if k != "" {
				keys = append(keys, key{sha256.Sum256([]byte(k)), &apps[i]})
			}
		}
		if s := apps[i].Secret; s != "" {
			secrets = append(secrets, key{sha256.Sum256([]byte(s)), &apps[i]})
		}
	}
	return keys, secrets
}

// enter finds the application of a request, asks whether its credential goes as far as that, and counts it.
func (h *handler) enter(ctx context.Context, c *call) error {
	addr := clientAddr(c.r)
	if until := h.throttle.until(addr); !until.IsZero() && !h.throttle.known(presented(addr, c.r)) {
		return tooManyFailures(until, h.throttle)
	}
	app, scope, err := h.authenticate(ctx, c.r)
	if err != nil {
		return err
	}
	if app == nil {
		h.throttle.failed(addr)
		return errAPIKey
	}
	h.throttle.passed(presented(addr, c.r))
	c.app = app
	if c.rate, err = h.admit(ctx, app); err != nil {
		return err
	}
	if !scope.Allows(needed(c.r.Method)) {
		return errScope
	}
	return nil
}

// needed is the scope for a method.
func needed(method string) string {
	if method == http.MethodGet || method == http.MethodHead {
		return otp.ScopeOtpRead
	}
	return otp.ScopeOtp
}

func tooManyFailures(until time.Time, t *throttle) error {
	return &otp.Error{Code: otp.CodeRateLimit, Message: "Too many requests from this address without a valid credential", Limit: int(t.perMinute), Reset: until}
}

// full is what an API key may do.
var full = otp.Token{Scope: otp.ScopeOtp}

// authenticate finds the application; nil for none. One valid credential is enough; where two are of different
// applications, the X-API-KEY counts. An API key is good as a bearer value too.
func (h *handler) authenticate(ctx context.Context, r *http.Request) (*otp.App, otp.Token, error) {
	for _, k := range r.Header.Values("X-API-KEY") {
		if app := h.appOf(strings.TrimSpace(k)); app != nil {
			return app, full, nil
		}
	}
	for _, a := range r.Header.Values("Authorization") {
		scheme, token, _ := strings.Cut(strings.TrimSpace(a), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		token = strings.TrimSpace(token)
		if app := h.appOf(token); app != nil {
			return app, full, nil
		}
		t, good, err := h.service.FindToken(ctx, token)
		if err != nil {
			return nil, t, err
		}
		if app := h.apps[t.App]; good && app != nil {
			return app, t, nil
		}
	}
	return nil, otp.Token{}, nil
}

// appOf compares with every key, so that the time tells nothing about which was near.
func (h *handler) appOf(presented string) (app *otp.App) {
	hash := sha256.Sum256([]byte(presented))
	for i := range h.keys {
		if subtle.ConstantTimeCompare(hash[:], h.keys[i].hash[:]) == 1 {
			app = h.keys[i].app
		}
	}
	return app
}
