package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api/intake"
	"github.com/otpgw/otpgw/otp/token"
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
	return h.enterAs(ctx, c, needed(c.r.Method))
}

// enterAs is enter for a scope.
func (h *handler) enterAs(ctx context.Context, c *call, scope string) error {
	app, token, err := h.authenticate(ctx, c.r)
	if err != nil {
		return err
	}
	if app == nil {
		return h.refuse(c, errAPIKey)
	}
	c.app, c.needs = app, scope
	if err := h.known(ctx, c); err != nil {
		return err
	}
	if !token.Allows(scope) {
		return errScope
	}
	return nil
}

// known counts a request whose application is found, if it may come from where it comes.
func (h *handler) known(ctx context.Context, c *call) (err error) {
	if !mayCall(c.app, h.clientAddr(c.r)) {
		return errFromWhere
	}
	intake.Know(ctx)
	c.rate, err = h.admit(ctx, c.app)
	return err
}

// refuse answers a request without a valid credential, and counts it for the address it comes from. Only then
// is the address looked at: a right credential is never refused for a stranger's wrong ones.
func (h *handler) refuse(c *call, err error) error {
	addr := customer(h.clientAddr(c.r))
	if until := h.failures.until(addr); !until.IsZero() {
		return tooManyFailures(until, h.failures)
	}
	h.failures.failed(addr)
	return err
}

// needed is the scope for a method.
func needed(method string) string {
	if method == http.MethodGet || method == http.MethodHead {
		return token.ScopeOtpRead
	}
	return token.ScopeOtp
}

func tooManyFailures(until time.Time, t *authFailures) error {
	return &otp.Error{Code: otp.CodeRateLimit, Message: "Too many requests from this address without a valid credential", Limit: int(t.perMinute), Reset: until}
}

// full is what an API key may do.
var full = token.Token{Scope: token.ScopeOtp}

// maxCredentials bounds what one request may have checked.
const maxCredentials = 4

// authenticate finds the application; nil for none. One valid credential is enough; where two are of
// different applications, the X-API-KEY counts. An API key is good as a bearer value too. A key costs a hash,
// and so does a token that is none (token.Keeper.Find): who floods with wrong ones does not reach the store.
func (h *handler) authenticate(ctx context.Context, r *http.Request) (*otp.App, token.Token, error) {
	for _, k := range atMost(r.Header.Values("X-API-KEY"), maxCredentials) {
		if app := h.appOf(strings.TrimSpace(k)); app != nil {
			return app, full, nil
		}
	}
	for _, token := range bearers(r.Header) {
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
	return nil, token.Token{}, nil
}

// bearers are the tokens of the Authorization headers. Who can only do HTTP Basic, as a URL with a user in it
// is, sends a key for a password.
func bearers(header http.Header) []string {
	var tokens []string
	for _, a := range atMost(header.Values("Authorization"), maxCredentials) {
		scheme, token, _ := strings.Cut(strings.TrimSpace(a), " ")
		switch {
		case strings.EqualFold(scheme, "Bearer"):
			tokens = append(tokens, strings.TrimSpace(token))
		case strings.EqualFold(scheme, "Basic"):
			if _, password, ok := (&http.Request{Header: http.Header{"Authorization": {a}}}).BasicAuth(); ok {
				tokens = append(tokens, password)
			}
		}
	}
	return tokens
}

func atMost(list []string, n int) []string { return list[:min(n, len(list))] }

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
