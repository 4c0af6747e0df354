package web

import (
	"net/http"
	"strings"

	"github.com/otpgw/otpgw/smpp/smsc/origin"
)

// gate keeps web pages of other origins out. The API has no password: who reaches the listener may use it. It
// answers no browser's request from another site at all: a GET of /wait takes a message.
func gate(next http.Handler, listen string) http.Handler {
	return origin.Gate{
		Listen:  listen,
		Policy:  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
		Private: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") && origin.OtherSite(r) },
		Refuse: func(w http.ResponseWriter, status int) {
			if status == http.StatusMisdirectedRequest {
				writeError(w, status, "invalid_host", "this listener is on loopback: the host has to be an IP address or localhost")
				return
			}
			writeError(w, status, "cross_origin", "a page of another origin may not use this API")
		},
	}.Handler(next)
}

// closeFramedTwice closes the connection behind a request that may have had both Content-Length and
// Transfer-Encoding: a proxy may have read it by the one that net/http did not, and what follows on the
// connection is then a request that nobody sent (RFC 9112, 6.1). net/http does not tell, so each request
// counts that is chunked, and each of HTTP/1.0, of which it drops Transfer-Encoding unseen.
func closeFramedTwice(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || r.ProtoMajor == 1 && r.ProtoMinor == 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
