package main

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// closedToPages keeps web pages of other origins away from the operator's port: the operator's browser reaches it on behalf of any
// page that is open in it.
//
//   - Writes from another origin are refused, by Sec-Fetch-Site or Origin (http.CrossOriginProtection). Programs, which send
//     neither header, are not browsers and pass. So are reads that another site's page makes and no person: a link may lead here.
//   - On a loopback listener the Host has to be an IP address or localhost. Else a page could point a name of its own at
//     127.0.0.1 and be of the same origin (DNS rebinding). A listener on other addresses is meant to be reached by names.
//   - Answers say that nobody may frame them, guess at their type, or be told where a link came from. A page of ours sets a
//     policy for its own content, and keeps frame-ancestors in it.
func closedToPages(next http.Handler, listen net.Addr) http.Handler {
	at, err := netip.ParseAddrPort(listen.String())
	loopback := err == nil && at.Addr().Unmap().IsLoopback()
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(refusePage))
	inner := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", pagePolicy)
		switch {
		case loopback && !namesLoopback(r.Host):
			fail(w, http.StatusMisdirectedRequest, "this listener is on loopback: the host has to be an IP address or localhost")
		case readsForAnother(r):
			refusePage(w, r)
		default:
			inner.ServeHTTP(w, r)
		}
	})
}

// pagePolicy is what a page of the operator's port may do at least: nothing but be styled, and be framed by nobody.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// readsForAnother: a browser says that a page of another site asks, and not a person who follows a link.
func readsForAnother(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate" ||
		r.Header.Get("Sec-Fetch-Dest") == "iframe" || r.Header.Get("Sec-Fetch-Dest") == "frame"
}

func refusePage(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusForbidden, "a page of another origin may not use the operator's port")
}

// namesLoopback reports whether a Host header names this computer without DNS.
func namesLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(strings.Trim(host, "[]")) != nil
}
