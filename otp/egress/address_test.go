package egress

import (
	"net/netip"
	"testing"
)

// registered are the blocks of IANA's special-purpose registries (RFC 6890; iana-ipv4-special-registry and
// iana-ipv6-special-registry, of 2025) that are not globally reachable, the ranges of multicast, and forms
// that are deprecated.
var registered = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29",
	"192.0.0.8/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
	"::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32", "2001:2::/48", "2001:10::/28",
	"2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
	"::/96", "fec0::/10", "ff00::/8", // IPv4-compatible, site-local, multicast
}

// TestNoSpecialAddressIsPublic: the first and the last address of each block, as they are and in the forms of
// IPv6 that stand for an IPv4 address.
func TestNoSpecialAddressIsPublic(t *testing.T) {
	for _, block := range registered {
		p := netip.MustParsePrefix(block)
		for _, addr := range []netip.Addr{p.Addr(), last(p)} {
			for _, form := range forms(addr) {
				if Public(form) {
					t.Errorf("%s of %s is public", form, block)
				}
			}
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestPublic(t *testing.T) {
	for _, s := range []string{"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
		"198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:200::1", "2606:4700::1111", "2a00:1450:4001::1", "3ffe::1"} {
		for _, form := range forms(netip.MustParseAddr(s)) {
			if !Public(form) {
				t.Errorf("%s of %s is not public", form, s)
			}
		}
	}
}

// forms are an address, and for one of IPv4 those of IPv6 that lead there: mapped, NAT64, 6to4.
func forms(addr netip.Addr) []netip.Addr {
	if !addr.Is4() {
		return []netip.Addr{addr, addr.WithZone("eth0")}
	}
	b := addr.As4()
	nat64 := [16]byte{0: 0, 1: 0x64, 2: 0xff, 3: 0x9b, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}
	sixTo4 := [16]byte{0: 0x20, 1: 0x02, 2: b[0], 3: b[1], 4: b[2], 5: b[3], 15: 1}
	return []netip.Addr{addr, netip.AddrFrom16(addr.As16()), netip.AddrFrom16(nat64), netip.AddrFrom16(sixTo4)}
}

// last is the last address of a block.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(b); bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}
