package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/token"
)

// oauthError is an error of the /oauth paths: one code, several types (otp-api.md; the envelope is ours, not
// RFC 6749's).
type oauthError struct {
	wire
	message string
}

func (e *oauthError) Error() string { return "oauth: " + e.kind }

func oauthFault(status int, kind, message string) error {
	return &oauthError{wire{status, kind}, message}
}

var errInvalidClient = oauthFault(http.StatusUnauthorized, "invalid_client", "The application id or its secret is not valid")

// issued is the answer of POST /oauth/token. All four are always there.
type issued struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
	Scope       string `json:"scope"`
}

// token is POST /oauth/token: the client credentials grant (RFC 6749, 4.4).
func (h *handler) token(ctx context.Context, c *call) (answer, error) {
	form, err := h.client(ctx, c)
	if err != nil {
		return answer{}, err
	}
	switch grant := form.Get("grant_type"); grant {
	case "client_credentials":
	case "":
		return answer{}, oauthFault(http.StatusBadRequest, "invalid_request", "The parameter grant_type is missing")
	default:
		return answer{}, oauthFault(http.StatusBadRequest, "unsupported_grant_type", "The only grant_type is client_credentials")
	}
	scopes := scopesOf(c.app)
	scope, ok := scopeOf(form.Get("scope"), scopes)
	if !ok {
		return answer{}, oauthFault(http.StatusBadRequest, "invalid_scope", "The scopes are "+strings.Join(scopes, ", "))
	}
	leave, err := h.admission.enter(c.caller, c.app)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	issuedToken, err := h.service.IssueToken(ctx, c.app, scope)
	if err != nil {
		return answer{}, err
	}
	c.w.Header().Set("Pragma", "no-cache") // RFC 6749, 5.1
	return answer{http.StatusOK, issued{issuedToken, int(token.TTL.Seconds()), "Bearer", scope}}, nil
}

// scopesOf are the scopes that an application may have.
func scopesOf(app *otp.App) []string {
	scopes := []string{token.ScopeOtp, token.ScopeOtpRead}
	if app.CAMARA {
		scopes = append(scopes, token.ScopeCAMARA)
	}
	return scopes
}

// scopeOf: none asked for is all.
func scopeOf(asked string, known []string) (string, bool) {
	scopes := strings.Fields(asked)
	if len(scopes) == 0 {
		return token.ScopeOtp, true
	}
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	for _, s := range scopes {
		if !slices.Contains(known, s) {
			return "", false
		}
	}
	return strings.Join(scopes, " "), true
}

// revoke is POST /oauth/revoke (RFC 7009). A token that is not good is as good as revoked; another's is not
// ours to revoke.
func (h *handler) revoke(ctx context.Context, c *call) (answer, error) {
	form, err := h.client(ctx, c)
	if err != nil {
		return answer{}, err
	}
	token := form.Get("token")
	if token == "" {
		return answer{}, oauthFault(http.StatusBadRequest, "invalid_request", "The parameter token is missing")
	}
	leave, err := h.admission.enter(c.caller, c.app)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	own, err := h.service.RevokeToken(ctx, c.app, token)
	if err != nil {
		return answer{}, err
	}
	if !own {
		return answer{}, oauthFault(http.StatusBadRequest, "invalid_request", "The token is another application's")
	}
	return answer{http.StatusOK, struct{}{}}, nil
}

// client reads the form, authenticates the application and counts the request. The credentials are in HTTP
// Basic, or, where there is no Authorization header, in the form (RFC 6749, 2.3.1).
func (h *handler) client(ctx context.Context, c *call) (url.Values, error) {
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || media != "application/x-www-form-urlencoded" || !identity(c.r.Header) {
		return nil, errFormType
	}
	body, err := readAll(ctx, c)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || repeated(form) {
		return nil, oauthFault(http.StatusBadRequest, "invalid_request", "The body is not a form, or has a parameter twice")
	}
	id, secret, basic := c.r.BasicAuth()
	if !basic && c.r.Header.Get("Authorization") == "" {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	if c.app = h.clientOf(id, secret, basic); c.app == nil {
		return nil, h.refuse(c, errInvalidClient)
	}
	return form, h.known(ctx, c)
}

// known are the parameters that this gateway reads. Others are ignored (RFC 6749, 3.2), and may be there more
// than once: the resource of RFC 8707 is, once for each that the token is for.
var known = []string{"grant_type", "scope", "client_id", "client_secret", "token", "token_type_hint"}

// repeated: RFC 6749, 3.2: parameters must not be included more than once.
func repeated(form url.Values) bool {
	return slices.ContainsFunc(known, func(name string) bool { return len(form[name]) > 1 })
}

// clientOf compares by hash and with every application. In HTTP Basic both are form-encoded (RFC 6749,
// 2.3.1), which many clients do not do, so both readings are good.
func (h *handler) clientOf(id, secret string, basic bool) (app *otp.App) {
	app = h.exactClient(id, secret)
	if app != nil || !basic {
		return app
	}
	plainID, err1 := url.QueryUnescape(id)
	plainSecret, err2 := url.QueryUnescape(secret)
	if err1 != nil || err2 != nil {
		return nil
	}
	return h.exactClient(plainID, plainSecret)
}

func (h *handler) exactClient(id, secret string) (app *otp.App) {
	hash := sha256.Sum256([]byte(secret))
	for i := range h.secrets {
		same := subtle.ConstantTimeCompare(hash[:], h.secrets[i].hash[:])
		if same == 1 && h.secrets[i].app.Name == id {
			app = h.secrets[i].app
		}
	}
	return app
}
