package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/proof"
)

// create is POST /otp.
func (h *handler) create(ctx context.Context, c *call) (answer, error) {
	n, err := h.service.ParseNewOtp(c.body, c.app)
	if err != nil {
		return answer{}, err
	}
	key, once, err := onceKey(c.r.Header)
	if err != nil {
		return answer{}, err
	}
	var o otp.Otp
	var replayed bool
	if once {
		o, replayed, err = h.service.CreateOnce(ctx, c.app, key, c.body, n)
	} else {
		o, err = h.service.Create(ctx, c.app, n)
	}
	if err != nil {
		return answer{}, err
	}
	if replayed {
		c.w.Header().Set("Idempotent-Replayed", "true")
	}
	if len(n.Ignored) > 0 {
		c.w.Header().Set("X-Ignored-Fields", listed(n.Ignored))
		h.log.Debug().Str("app", c.app.Name).Strs("fields", n.Ignored).Msg("a request has fields that are not known; they are ignored")
	}
	c.otpID = o.OtpID
	return answer{http.StatusCreated, o}, nil
}

// maxListed bounds a header that tells names from a request.
const maxListed = 8

// listed writes names that a caller chose into a header: what would not be a name there is escaped.
func listed(names []string) string {
	if len(names) > maxListed {
		names = append(slices.Clone(names[:maxListed]), "...")
	}
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = cmp.Or(url.QueryEscape(name[:min(len(name), 64)]), `""`) // a name may be empty
	}
	return strings.Join(escaped, ", ")
}

// onceKey reads the Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07). It is a string of RFC
// 8941, in quotes; most clients send it without, and mean the same.
func onceKey(h http.Header) (key string, there bool, err error) {
	values := h.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", false, nil
	}
	key = strings.TrimSpace(values[0])
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	bad := strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
	if len(values) > 1 || key == "" || len(key) > otp.MaxOnceKey || bad {
		return "", true, errOnceKey
	}
	return key, true, nil
}

// resend is POST /otp/{otpId}/resend. It needs no body, and reads none.
func (h *handler) resend(ctx context.Context, c *call) (answer, error) {
	o, err := h.service.Resend(ctx, c.app, c.pathID())
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, o}, nil
}

// get is GET /otp/{otpId}.
func (h *handler) get(ctx context.Context, c *call) (answer, error) {
	o, err := h.service.Get(ctx, c.app, c.pathID())
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, o}, nil
}

type verified struct {
	Status otp.Status `json:"status"`
	Proof  string     `json:"proof,omitempty"` // where one was asked for
}

// verify is POST /otp/{otpId}. The lowest code is told here too: of a missing pin and an OTP that does not
// exist, the latter.
func (h *handler) verify(ctx context.Context, c *call) (answer, error) {
	id := c.pathID()
	v, err := otp.ParseVerification(c.body)
	if errors.Is(err, errPINMissing) {
		if _, err := h.service.Get(ctx, c.app, id); err != nil {
			return answer{}, err
		}
	}
	if err != nil {
		return answer{}, err
	}
	proof, err := h.service.VerifyAs(ctx, c.app, id, v)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, verified{otp.StatusVerified, proof}}, nil
}

// consume is POST /otp/{otpId}/consume. It needs no body, and reads none.
func (h *handler) consume(ctx context.Context, c *call) (answer, error) {
	o, err := h.service.Consume(ctx, c.app, c.pathID())
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, o}, nil
}

// find is GET /otp: the application's own OTPs of a number.
func (h *handler) find(ctx context.Context, c *call) (answer, error) {
	q, err := otp.ParseQuery(c.r.URL.Query())
	if err != nil {
		return answer{}, err
	}
	found, err := h.service.Find(ctx, c.app, q)
	return answer{http.StatusOK, found}, err
}

// conversion is GET /conversion.
func (h *handler) conversion(ctx context.Context, c *call) (answer, error) {
	found, err := h.service.Conversion(ctx, c.app)
	return answer{http.StatusOK, found}, err
}

type proofKeys struct {
	Keys []proof.JWK `json:"keys"`
}

// proofKeys is GET /.well-known/jwks.json. It needs no credentials: whoever checks a proof has none here.
func (h *handler) proofKeys(_ context.Context, c *call) (answer, error) {
	c.w.Header().Set("Cache-Control", "public, max-age=3600")
	return answer{http.StatusOK, proofKeys{h.service.ProofKeys()}}, nil
}

type cancelled struct {
	Info cancelledInfo `json:"info"`
}

type cancelledInfo struct {
	ID string `json:"id"`
}

// cancel is DELETE /otp/{otpId}.
func (h *handler) cancel(ctx context.Context, c *call) (answer, error) {
	id := c.pathID()
	if err := h.service.Cancel(ctx, c.app, id); err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, cancelled{cancelledInfo{id}}}, nil
}

// outcome is POST /otp/{otpId}/outcome. The lowest code is told, as in verify.
func (h *handler) outcome(ctx context.Context, c *call) (answer, error) {
	id := c.pathID()
	right, err := otp.ParseOutcome(c.body)
	if errors.Is(err, errOutcome) {
		if _, err := h.service.Get(ctx, c.app, id); err != nil {
			return answer{}, err
		}
	}
	if err != nil {
		return answer{}, err
	}
	o, err := h.service.Outcome(ctx, c.app, id, right)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, o}, nil
}

// pathID is the otpId of the path in lower case. The log gets it only when it is a UUID, and not whatever a
// caller wrote.
func (c *call) pathID() string {
	id := strings.ToLower(c.r.PathValue("id"))
	if u, err := uuid.Parse(id); err == nil && u.String() == id {
		c.otpID = id
	}
	return id
}
