package egress

import (
	"net/netip"
	"slices"

	"code.dny.dev/ssrf"
)

// sixTo4 is the prefix whose addresses lead to the IPv4 address in them (RFC 3056).
var sixTo4 = netip.MustParsePrefix("2002::/16")

// Public says whether addr is one of the public Internet: of none of the special purposes that IANA registers
// (RFC 6890), and no multicast. IPv6 forms that stand for an IPv4 address count as that one.
func Public(addr netip.Addr) bool {
	addr = addr.WithZone("").Unmap()
	if inner, ok := EmbeddedIPv4(addr); ok {
		addr = inner
	}
	special := func(p netip.Prefix) bool { return p.Contains(addr) }
	if addr.Is4() {
		return !slices.ContainsFunc(ssrf.IPv4DeniedPrefixes, special)
	}
	return ssrf.IPv6GlobalUnicast.Contains(addr) && !slices.ContainsFunc(ssrf.IPv6DeniedPrefixes, special)
}

// EmbeddedIPv4 gives the IPv4 address that a NAT64 (RFC 6052) or 6to4 address leads to.
func EmbeddedIPv4(addr netip.Addr) (netip.Addr, bool) {
	b := addr.As16()
	switch {
	case ssrf.IPv6NAT64Prefix.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixTo4.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}
