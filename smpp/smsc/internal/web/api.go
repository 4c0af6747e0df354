package web

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
	"github.com/otpgw/otpgw/smpp/smsc/internal/server"
)

const (
	defaultWait  = 10 * time.Second
	maxWait      = 5 * time.Minute
	defaultLimit = 100

	readTimeout = 10 * time.Second
	idleTimeout = 2 * time.Minute
	// maxBody bounds the body of a request: the longest rule list fits.
	maxBody = 1 << 20
)

// endpoint is one path of the HTTP API.
type endpoint struct {
	method, path string
	handle       http.HandlerFunc
}

// endpoints lists the HTTP API, as openapi.yaml describes it. The page is not in it: see page.go.
func (a *api) endpoints() []endpoint {
	return []endpoint{
		{"GET", "/api/v1/messages", a.getMessages},
		{"POST", "/api/v1/messages", a.postMessage},
		{"DELETE", "/api/v1/messages", a.deleteMessages},
		{"GET", "/api/v1/messages/{id}", a.getMessage},
		{"GET", "/api/v1/messages/latest", a.getLatest},
		{"GET", "/api/v1/messages/wait", a.getWait},
		{"GET", "/api/v1/rules", a.getRules},
		{"PUT", "/api/v1/rules", a.putRules},
		{"POST", "/api/v1/rules", a.postRule},
		{"DELETE", "/api/v1/rules", a.deleteRules},
		{"GET", "/api/v1/rules/{id}", a.getRule},
		{"PUT", "/api/v1/rules/{id}", a.putRule},
		{"DELETE", "/api/v1/rules/{id}", a.deleteRule},
		{"GET", "/api/v1/sessions", a.getSessions},
		{"POST", "/api/v1/sessions", a.postOutbind},
		{"POST", "/api/v1/sessions/{id}/close", a.closeSession},
		{"POST", "/api/v1/sessions/{id}/unbind", a.unbindSession},
		{"POST", "/api/v1/sessions/{id}/break", a.breakSession},
		{"GET", "/api/v1/accounts", a.getAccounts},
		{"POST", "/api/v1/accounts", a.postAccount},
		{"DELETE", "/api/v1/accounts/{id}", a.deleteAccount},
		{"GET", "/api/v1/pdus", a.getPDUs},
		{"GET", "/api/v1/capture.pcap", a.getCapture},
		{"GET", "/api/v1/events", a.getEvents},
		{"GET", "/api/v1/server", a.getServer},
		{"POST", "/api/v1/reset", a.postReset},
		{"GET", "/metrics", a.metricsHandler()},
		{"GET", "/healthz", a.getHealth},
		{"GET", "/openapi.yaml", getOpenAPI},
	}
}

// api answers for one simulator.
type api struct{ sim *server.Server }

// New makes the HTTP server of a simulator: the API and the page. Whoever runs it gives it a context
// (BaseContext) that ends with the simulator: it ends the event streams.
func New(sim *server.Server) *http.Server {
	a := &api{sim}
	mux := http.NewServeMux()
	paths := make(map[string]methods)
	for _, e := range a.endpoints() {
		if paths[e.path] == nil {
			paths[e.path] = make(methods)
		}
		paths[e.path][e.method] = e.handle
	}
	for path, m := range paths {
		mux.Handle(path, m)
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, "not_found", "no such path: /openapi.yaml lists them")
	})
	mux.Handle("/", page())
	return &http.Server{
		Handler:           closeFramedTwice(gate(mux, sim.HTTPAddr())),
		ReadHeaderTimeout: readTimeout, // and no ReadTimeout: it would end the context of a long wait
		WriteTimeout:      maxWait + readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
	}
}

// apiError is the body of every error.
type apiError struct {
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Field   string `json:"field,omitempty"` // the path of what is wrong in the body of the request
	} `json:"error"`
}

func writeError(w http.ResponseWriter, status int, kind, message string) {
	var e apiError
	e.Error.Type, e.Error.Message = kind, message
	writeJSON(w, status, e)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the peer has gone
}

// methods are the handlers of one path. The mux would choose by method too, but knows no 405 in the API's own
// words.
type methods map[string]http.HandlerFunc

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if handle, ok := m[method]; ok {
		handle(w, r)
		return
	}
	allow := slices.Sorted(maps.Keys(m))
	if _, ok := m[http.MethodGet]; ok {
		allow = append(allow, http.MethodHead)
	}
	notAllowed(strings.Join(allow, ", "))(w, r)
}

func notAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		writeError(w, http.StatusMethodNotAllowed, "invalid_method", "allowed here: "+allow)
	}
}

func badParam(w http.ResponseWriter, err error) {
	writeError(w, http.StatusBadRequest, "invalid_param", err.Error())
}

func notFound(w http.ResponseWriter, what string) {
	writeError(w, http.StatusNotFound, "not_found", "there is no such "+what)
}

// badBody answers a request whose body is wrong.
func badBody(w http.ResponseWriter, err error) {
	var e apiError
	e.Error.Type, e.Error.Message = "invalid_body", err.Error()
	var f *behave.FieldError
	if errors.As(err, &f) {
		e.Error.Field = f.Field
	}
	writeJSON(w, http.StatusBadRequest, e)
}

// readBody reads the body of a request; it has answered when ok is false.
func readBody(w http.ResponseWriter, r *http.Request) (b []byte, ok bool) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		writeError(w, http.StatusRequestEntityTooLarge, "body_too_large", "the body is longer than 1 MiB")
	case err != nil:
		badBody(w, errors.New("the body ended before its length"))
	default:
		return b, true
	}
	return nil, false
}

// readInto reads a JSON body; fields that v does not have are errors. It has answered when it returns false.
func readInto(w http.ResponseWriter, r *http.Request, v any) bool {
	b, ok := readBody(w, r)
	if !ok {
		return false
	}
	if err := behave.Strict(b, v); err != nil {
		badBody(w, behave.JSONError(err))
		return false
	}
	return true
}
