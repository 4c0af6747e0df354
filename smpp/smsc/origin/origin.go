// Package origin keeps web pages of other origins away from an HTTP listener that a developer's or an
// operator's browser reaches: the browser reaches it on behalf of any page that is open in it. The
// simulator's page and the gateway's console stand behind it.
package origin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Gate is what stands in front of a handler:
//
//   - Writes from another origin are refused, by Sec-Fetch-Site or Origin (http.CrossOriginProtection). Programs, which send
//     neither header, are not browsers and pass.
//   - Reads that another site's page makes are refused where Private says so.
//   - On a loopback listener the Host has to be an IP address or localhost. Else a page could point a name of its own at
//     127.0.0.1 and be of the same origin (DNS rebinding). A listener on other addresses is meant to be reached by names.
//   - Answers say that nobody may guess at their type, or be told where a link came from, and what their page may do.
type Gate struct {
	Listen string // the address that is listened on
	Policy string // Content-Security-Policy, of answers that set none themselves
	// Private says whether a read is closed to pages of other sites. Nil: none is.
	Private func(*http.Request) bool
	// Refuse writes the answer: StatusForbidden for another origin, StatusMisdirectedRequest for a host that
	// a loopback listener does not have.
	Refuse func(w http.ResponseWriter, status int)
}

// Handler puts the gate in front of next.
func (g Gate) Handler(next http.Handler) http.Handler {
	at, err := netip.ParseAddrPort(g.Listen)
	loopback := err == nil && at.Addr().Unmap().IsLoopback()
	writes := http.NewCrossOriginProtection()
	writes.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { g.Refuse(w, http.StatusForbidden) }))
	inner := writes.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", g.Policy)
		switch {
		case loopback && !local(r.Host):
			g.Refuse(w, http.StatusMisdirectedRequest)
		case g.Private != nil && g.Private(r):
			g.Refuse(w, http.StatusForbidden)
		default:
			inner.ServeHTTP(w, r)
		}
	})
}

// OtherSite reports whether a browser says that a page of another site asks.
func OtherSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// local reports whether a Host header names this computer without DNS.
func local(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(strings.Trim(host, "[]")) != nil
}
