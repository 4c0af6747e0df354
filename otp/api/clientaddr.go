package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/otp"
)

// clientAddr is the address that a request comes from: that of the connection, unless a trusted proxy holds
// it; then it is what the proxies say it is for.
func (h *handler) clientAddr(r *http.Request) netip.Addr {
	peer := parseAddr(r.RemoteAddr)
	if h.trusted(peer) {
		return h.behindProxies(peer, r.Header)
	}
	return peer
}

// customer is the address by which failures are counted: of IPv6 the network of 64 bits, which one customer
// has whole.
func customer(a netip.Addr) netip.Addr {
	if a.Is6() {
		network, _ := a.Prefix(64)
		return network.Addr()
	}
	return a
}

// mayCall says whether an application may be used from an address.
func mayCall(app *otp.App, a netip.Addr) bool {
	return len(app.Allow) == 0 || slices.ContainsFunc(app.Allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (h *handler) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(h.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// behindProxies reads Forwarded (RFC 7239) or X-Forwarded-For. Each proxy adds at the end whom it serves, so
// the client is the last one that is no trusted proxy: whatever stands before it the client may have written
// itself. That is why a request with both headers, which do not agree, counts for the proxy: the proxy writes
// one, and nobody knows who wrote the other.
func (h *handler) behindProxies(proxy netip.Addr, header http.Header) netip.Addr {
	plain, forwarded := header.Values("X-Forwarded-For"), header.Values("Forwarded")
	byPlain, byForwarded := h.lastClient(proxy, elements(plain, ',')), h.lastClient(proxy, forwardedFor(forwarded))
	switch {
	case len(forwarded) == 0:
		return byPlain
	case len(plain) == 0, byPlain == byForwarded:
		return byForwarded
	}
	return proxy
}

// lastClient goes back along the hops. One that is no address ends it: the proxy before it is all that is
// known.
func (h *handler) lastClient(proxy netip.Addr, hops []string) netip.Addr {
	for _, hop := range slices.Backward(hops) {
		a := parseAddr(hop)
		if !a.IsValid() {
			return proxy
		}
		if proxy = a; !h.trusted(a) {
			return a
		}
	}
	return proxy
}

// forwardedFor are the for= of a Forwarded header, in order; a hop without one is "".
func forwardedFor(values []string) []string {
	var hops []string
	for _, element := range elements(values, ',') {
		hop := ""
		for _, pair := range elements([]string{element}, ';') {
			if name, value, _ := strings.Cut(pair, "="); strings.EqualFold(strings.TrimSpace(name), "for") {
				hop = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
		hops = append(hops, hop)
	}
	return hops
}

// elements cuts lists at a separator that is not in quotes, and puts the lines of one header together.
func elements(values []string, separator rune) []string {
	var list []string
	for _, v := range values {
		quoted := false
		for part := range strings.FieldsFuncSeq(v, func(r rune) bool {
			if r == '"' {
				quoted = !quoted
			}
			return r == separator && !quoted
		}) {
			list = append(list, strings.TrimSpace(part))
		}
	}
	return list
}

// parseAddr reads an address with or without a port; IPv6 may stand in brackets.
func parseAddr(s string) netip.Addr {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
