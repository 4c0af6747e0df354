package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard keeps web pages of other origins out. The API has no password: who reaches the listener may use it. But the
// browser of a developer reaches a loopback listener too, on behalf of any page that is open in it. So:
//
//   - Writes from another origin are refused, by Sec-Fetch-Site or Origin (http.CrossOriginProtection). Programs, which
//     send neither header, are not browsers and pass.
//   - The API answers no browser's request from another site at all: a GET of /wait takes a message.
//   - On a loopback listener the Host has to be an IP address or localhost. Else a page could point a name of its own at
//     127.0.0.1 and be of the same origin (DNS rebinding). A listener on other addresses is meant to be reached by names.
//   - Answers say that nobody may frame them, guess at their type, or be told where a link came from.
func guard(next http.Handler, listen string) http.Handler {
	at, err := netip.ParseAddrPort(listen)
	loopback := err == nil && at.Addr().Unmap().IsLoopback()
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(refuseOrigin))
	inner := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy",
			"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'")
		switch {
		case loopback && !localHost(r.Host):
			writeError(w, http.StatusMisdirectedRequest, "invalid_host",
				"this listener is on loopback: the host has to be an IP address or localhost")
		case strings.HasPrefix(r.URL.Path, "/api/") && foreign(r):
			refuseOrigin(w, r)
		default:
			inner.ServeHTTP(w, r)
		}
	})
}

// foreign reports whether a browser says that another site's page asks.
func foreign(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

func refuseOrigin(w http.ResponseWriter, _ *http.Request) {
	writeError(w, http.StatusForbidden, "cross_origin", "a page of another origin may not use this API")
}

// localHost reports whether a Host header names this computer without DNS.
func localHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(strings.Trim(host, "[]")) != nil
}
