package callback

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// ErrRefusedAddress is why a callback was not dialled: its address is one that the gateway may not call.
var ErrRefusedAddress = errors.New("address refused: loopback, private, link-local or reserved; OTPGW_CALLBACK_ALLOW may allow it")

// refused lists what is never called unless allowed: the blocks of the IANA special-purpose registries (RFC 6890) that
// are not globally reachable, and multicast.
var refused = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // carrier-grade NAT
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, where clouds keep their metadata
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // IETF protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relay, deprecated
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarking
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast
	"::/96",           // unspecified, loopback, IPv4-compatible
	"64:ff9b:1::/48",  // local NAT64
	"100::/64",        // discard
	"100:0:0:1::/64",  // dummy
	"2001::/23",       // IETF protocol assignments, Teredo and ORCHID among them
	"2001:db8::/32",   // documentation
	"3fff::/20",       // documentation
	"5f00::/16",       // segment routing
	"fc00::/7",        // unique local
	"fe80::/10",       // link-local
	"fec0::/10",       // site-local, deprecated
	"ff00::/8",        // multicast
)

// Prefixes whose addresses hold an IPv4 address, which is judged too.
var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixTo4 = netip.MustParsePrefix("2002::/16")    // RFC 3056
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// Guard decides which addresses callbacks may reach. The zero Guard allows every public address and no other.
type Guard struct {
	Allow []netip.Prefix // reachable although private (OTPGW_CALLBACK_ALLOW)
}

// Allowed reports whether a callback may go to addr. IPv6 forms that stand for an IPv4 address count as that one.
func (g *Guard) Allowed(addr netip.Addr) bool {
	if !addr.IsValid() {
		return false
	}
	addr = addr.WithZone("").Unmap()
	if contains(g.Allow, addr) {
		return true
	}
	if inner, ok := embedded(addr); ok {
		return g.Allowed(inner)
	}
	return !contains(refused, addr)
}

func contains(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Masked().Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// embedded gives the IPv4 address that a NAT64 or 6to4 address leads to.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixTo4.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

// control is a net.Dialer's Control: it sees the address that is really dialled, after every name was resolved, so that
// neither a name that points inside nor one that changes between look-ups gets through.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("callback: dial %q: %w", address, err)
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !g.Allowed(addr) {
		return ErrRefusedAddress
	}
	return nil
}
