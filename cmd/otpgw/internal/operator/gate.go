package operator

import (
	"net"
	"net/http"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/smpp/smsc/origin"
)

// ClosedToPages keeps web pages of other origins away from the operator's port. Reads that another site's
// page makes and no person are refused too: a link may lead here. A page of ours sets a policy for its own
// content, and keeps frame-ancestors in it.
func ClosedToPages(next http.Handler, listen net.Addr) http.Handler {
	gate := origin.Gate{Listen: listen.String(), Policy: pagePolicy, Private: readsForAnother, Refuse: refusePage}.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
		gate.ServeHTTP(w, r)
	})
}

// pagePolicy is what a page of the operator's port may do at least: nothing but be styled, and be framed by
// nobody.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// readsForAnother: a browser says that a page of another site asks, and not a person who follows a link.
func readsForAnother(r *http.Request) bool {
	return origin.OtherSite(r) && r.Header.Get("Sec-Fetch-Mode") != "navigate" ||
		r.Header.Get("Sec-Fetch-Dest") == "iframe" || r.Header.Get("Sec-Fetch-Dest") == "frame"
}

func refusePage(w http.ResponseWriter, status int) {
	if status == http.StatusMisdirectedRequest {
		fail(w, status, "this listener is on loopback: the host has to be an IP address or localhost")
		return
	}
	fail(w, status, "a page of another origin may not use the operator's port")
}

// OnlyFrom lets nobody in but callers of the networks that allowed names at the time; none: everybody.
func OnlyFrom(allowed func() config.Networks, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed().Allow(r.RemoteAddr) {
			fail(w, http.StatusForbidden, "the operator's port is not for this address (OTPGW_ADMIN_ALLOW)")
			return
		}
		next.ServeHTTP(w, r)
	})
}
