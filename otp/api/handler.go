// Package api is the HTTP face of package otp: /otp, /oauth and /applications, as otp-api.md has them.
//
//	request -> New's handler: request id, deadline, recovery, access log
//	        -> route: path and method, else 404 or 405
//	        -> enter: X-API-KEY or bearer, rate of the application, scope
//	        -> reads, inTurn: the body; the application's turn, see admission
//	        -> endpoint: otp.Service -> answer
//	        -> respond: the answer or the error envelope, and the headers
//
// Every answer is JSON and every error has the envelope, also for paths and methods that do not exist. What
// an error of the domain is on the wire stands in one table, in errors.go. A caller that hangs up does not
// stop a change half-way: work goes on to its own deadline.
package api

import (
	"context"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api/intake"
	"github.com/otpgw/otpgw/otp/quietlog"
	"github.com/otpgw/otpgw/queue"
)

// DefaultTimeout is what a request may take, from its header to its answer.
const DefaultTimeout = 10 * time.Second

// Config is what New needs. Apps and Service are required.
type Config struct {
	Apps    []otp.App
	Service *otp.Service
	Log     zerolog.Logger
	Metrics prometheus.Registerer // nil: none

	Timeout time.Duration // of a request; 0 is DefaultTimeout
	// AuthFailures is how many requests a minute an address may make without a valid credential; 0 is no
	// limit.
	AuthFailures int
	// ErrorURI is put before an error's code in the envelope's uri. Empty: urn:otpgw:error:, which names the
	// error and claims no page to be there.
	ErrorURI string
	Faces    []Face // other APIs over the same service
	// Documents are more OpenAPI documents in YAML, by the path they are served at.
	Documents map[string][]byte
	// Slots is how many requests may be in work at once; 0 is 64.
	Slots int
	// CORSOrigins are the origins whose pages may use the API: scheme://host[:port]. Empty: none.
	CORSOrigins []string
	// TrustedProxies are the networks of the proxies whose word counts for whom a request comes from. Empty:
	// none.
	TrustedProxies []netip.Prefix
}

// handler serves the API. All fields are set by New and then only read.
type handler struct {
	service  *otp.Service
	apps     map[string]*otp.App
	keys     []key
	secrets  []key
	failures *authFailures
	rates    rates
	log      zerolog.Logger
	timeout  time.Duration
	errorURI string
	origins  []string
	proxies  []netip.Prefix
	mux      *http.ServeMux

	admission *admission
	refusals  quietlog.Lines // by endpoint and reason
}

// call is one request on its way through the handler.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	id    string
	begun time.Time

	caller context.Context // ends when the caller hangs up
	app    *otp.App        // once authenticated
	body   []byte          // once read, where the endpoint has one
	needs  string          // the scope that it needs
	face   *Face           // whose call it is; nil for this API's own
	rate   rate            // once counted
	otpID  string          // once known
	status int
	code   otp.Code // of the error; 0 for none
}

// answer is a successful outcome.
type answer struct {
	status int
	body   any
}

// endpoint does the work of one method of one path.
type endpoint func(ctx context.Context, c *call) (answer, error)

// New makes the handler.
func New(cfg Config) http.Handler {
	h := &handler{service: cfg.Service, apps: make(map[string]*otp.App), failures: newAuthFailures(cfg.AuthFailures),
		rates: rates{full: make(map[string]int64)}, log: cfg.Log, timeout: cfg.Timeout, errorURI: cfg.ErrorURI, origins: cfg.CORSOrigins,
		proxies: cfg.TrustedProxies, mux: http.NewServeMux()}
	for i := range cfg.Apps {
		h.apps[cfg.Apps[i].Name] = &cfg.Apps[i]
	}
	h.keys, h.secrets = hashKeys(cfg.Apps)
	if h.timeout <= 0 {
		h.timeout = DefaultTimeout
	}
	if cfg.Slots <= 0 {
		cfg.Slots = defaultSlots
	}
	h.admission = newAdmission(cfg.Slots, len(cfg.Apps))
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(h.admission)
	}
	if h.errorURI == "" {
		h.errorURI = "urn:otpgw:error:"
	}
	h.path("/otp", h.serve, map[string]endpoint{"GET": h.inTurn(h.find), "POST": h.reads(h.create)})
	h.path("/otp/{id}", h.serve, map[string]endpoint{"GET": h.inTurn(h.get), "POST": h.reads(h.verify), "DELETE": h.inTurn(h.cancel)})
	h.path("/otp/{id}/resend", h.serve, map[string]endpoint{"POST": h.inTurn(h.resend)})
	h.path("/otp/{id}/consume", h.serve, map[string]endpoint{"POST": h.inTurn(h.consume)})
	h.path("/conversion", h.serve, map[string]endpoint{"GET": h.inTurn(h.conversion)})
	h.path("/.well-known/jwks.json", h.answer, map[string]endpoint{"GET": h.proofKeys})
	h.path("/otp/{id}/outcome", h.serve, map[string]endpoint{"POST": h.reads(h.outcome)})
	h.path("/applications/{id}", h.serve, map[string]endpoint{"GET": h.application})
	// These authenticate the application by themselves, see client.
	h.path("/oauth/token", h.answer, map[string]endpoint{"POST": h.token})
	h.path("/oauth/revoke", h.answer, map[string]endpoint{"POST": h.revoke})
	for i := range cfg.Faces {
		h.face(&cfg.Faces[i])
	}
	h.documents()
	for path, document := range cfg.Documents {
		h.document(path, "application/yaml", func() []byte { return document })
	}
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { h.fail(callOf(r), errUnknownPath) })
	return h
}

// path registers one path with its methods. HEAD is GET without its body, OPTIONS lists the methods, anything
// else is 405.
func (h *handler) path(pattern string, serve func(*call, endpoint), methods map[string]endpoint) {
	for method, do := range methods {
		h.mux.HandleFunc(method+" "+pattern, func(_ http.ResponseWriter, r *http.Request) { serve(callOf(r), do) })
	}
	allow := allowed(methods)
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r)
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			h.preflight(w.Header(), r, allow)
			h.succeed(c, answer{status: http.StatusNoContent})
			return
		}
		h.fail(c, errMethod)
	})
}

func allowed(methods map[string]endpoint) string {
	list := []string{}
	for _, m := range []string{"GET", "HEAD", "POST", "DELETE", "OPTIONS"} {
		_, there := methods[m]
		_, get := methods["GET"]
		if there || m == "OPTIONS" || m == "HEAD" && get {
			list = append(list, m)
		}
	}
	return strings.Join(list, ", ")
}

type callKey struct{}

func callOf(r *http.Request) *call { return r.Context().Value(callKey{}).(*call) }

// ServeHTTP prepares a call and sees it through, whatever happens in it.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, id: requestID(r.Header.Get("X-Request-Id")), begun: time.Now(), caller: r.Context()}
	ctx, cancel := context.WithTimeout(queue.Impatient(context.WithoutCancel(r.Context())), h.timeout)
	defer cancel()
	c.r = r.WithContext(context.WithValue(ctx, callKey{}, c))
	defer h.logCall(c)
	defer h.recovered(c)

	if intake.FramedTwice(r) {
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("X-Request-Id", c.id)
	w.Header().Set("Cache-Control", "no-store")
	h.allowOrigin(w.Header(), r)
	// One slash at the end does not count. A path that is not clean is unknown: the mux would redirect it,
	// with a body in HTML and the method lost.
	p := r.URL.Path
	if len(p) > 1 {
		p = strings.TrimSuffix(p, "/")
	}
	if p != path.Clean("/"+p) {
		h.fail(c, errUnknownPath)
		return
	}
	if p != r.URL.Path {
		u := *r.URL
		u.Path, u.RawPath = p, strings.TrimSuffix(u.RawPath, "/")
		c.r.URL = &u
	}
	h.mux.ServeHTTP(w, c.r)
}

// serve is an endpoint behind authentication.
func (h *handler) serve(c *call, do endpoint) {
	if err := h.enter(c.r.Context(), c); err != nil {
		h.fail(c, err)
		return
	}
	h.answer(c, do)
}

// answer lets an endpoint work.
func (h *handler) answer(c *call, do endpoint) {
	a, err := do(c.r.Context(), c)
	if err != nil {
		h.fail(c, err)
		return
	}
	h.succeed(c, a)
}

// requestID takes the caller's own id when it can stand in a log as it is.
func requestID(given string) string {
	if len(given) < 1 || len(given) > 64 || strings.ContainsFunc(given, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("-_.", r)
	}) {
		return uuid.NewString()
	}
	return given
}
