package api

import (
	"net/http"
	"slices"
	"strings"
)

// What pages of configured origins may send and read (Fetch standard, CORS protocol). Requests that the
// browser makes with credentials are allowed, as the published samples make them
// (XMLHttpRequest.withCredentials): the gateway knows no cookies, so they carry nothing that a page did not
// put there itself. Origins are named one by one, never "*".
const (
	corsRequestHeaders = "Authorization, Content-Type, Idempotency-Key, X-API-KEY, X-Request-Id"
	corsAnswerHeaders  = "Idempotent-Replayed, Retry-After, WWW-Authenticate, X-Ignored-Fields, " +
		"X-Rate-Limit-Limit, X-Rate-Limit-Remaining, X-Rate-Limit-Reset, X-Request-Id, X-Response-Time"
	corsMaxAge = "600" // seconds that a browser may remember a preflight
)

// allowOrigin names the origin of a request in the answer when it is configured. For any other the answer is
// as without CORS, and the browser keeps it from the page. What is answered then differs by Origin, which
// caches are told.
func (h *handler) allowOrigin(header http.Header, r *http.Request) {
	if len(h.origins) == 0 {
		return
	}
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !slices.Contains(h.origins, origin) {
		return
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Allow-Credentials", "true")
	header.Set("Access-Control-Expose-Headers", corsAnswerHeaders)
}

// preflight adds to the answer of OPTIONS what a browser asks before it sends a request.
func (h *handler) preflight(header http.Header, r *http.Request, methods string) {
	if r.Header.Get("Access-Control-Request-Method") == "" || header.Get("Access-Control-Allow-Origin") == "" {
		return
	}
	header.Set("Access-Control-Allow-Methods", strings.ReplaceAll(methods, ", OPTIONS", ""))
	header.Set("Access-Control-Allow-Headers", corsRequestHeaders)
	header.Set("Access-Control-Max-Age", corsMaxAge)
}
