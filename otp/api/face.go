package api

import (
	"context"
	"net/http"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/token"
)

// Face is one call of another API over the same service, such as that of an identity server: it translates
// and knows no store. The handler does for it what it does for its own calls: id, deadline, recovery and log;
// credentials and the rate of the application; the application's turn.
type Face struct {
	Path  string // of POST, as for http.ServeMux
	Scope string // that an access token needs; empty is token.ScopeOtp

	// Before sees the request first: it sets headers that every answer has, and may refuse. Nil: nothing.
	Before func(w http.Header, r *http.Request) error
	// Caller finds the application by what the request and its body prove; nil for none. Nil: by API key or
	// access token.
	Caller func(r *http.Request, body []byte) *otp.App
	// Serve answers. A nil body is none.
	Serve func(ctx context.Context, app *otp.App, r *http.Request, body []byte) (status int, answer any, err error)
	// Refuse says an error in the other API's words: err as it came, the domain's error in it, and what it is
	// in this API.
	Refuse func(err error, e *otp.Error, status int) (int, any)
}

// face registers another API's call.
func (h *handler) face(f *Face) {
	h.mux.HandleFunc(f.Path, func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r)
		c.face = f
		if f.Before != nil {
			if err := f.Before(w.Header(), r); err != nil {
				h.fail(c, err)
				return
			}
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			h.fail(c, errMethod)
			return
		}
		h.answer(c, h.enterFace)
	})
}

// enterFace is enter and reads in one, for the body may be what proves who calls.
func (h *handler) enterFace(ctx context.Context, c *call) (a answer, err error) {
	if c.face.Caller == nil {
		scope := c.face.Scope
		if scope == "" {
			scope = token.ScopeOtp
		}
		if err := h.enterAs(ctx, c, scope); err != nil {
			return answer{}, err
		}
	}
	if c.body, err = readBody(ctx, c); err != nil {
		return answer{}, err
	}
	if c.face.Caller != nil {
		if c.app = c.face.Caller(c.r, c.body); c.app == nil {
			return answer{}, h.refuse(c, errAPIKey)
		}
		if err := h.known(ctx, c); err != nil {
			return answer{}, err
		}
	}
	return h.inTurn(func(ctx context.Context, c *call) (answer, error) {
		status, body, err := c.face.Serve(ctx, c.app, c.r, c.body)
		return answer{status, body}, err
	})(ctx, c)
}
