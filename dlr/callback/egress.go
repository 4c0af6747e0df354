package callback

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/otpgw/otpgw/otp/egress"
)

// ErrRefusedAddress is why a callback was not dialled: its address is one that the gateway may not call.
var ErrRefusedAddress = errors.New("address refused: loopback, private, link-local or reserved; OTPGW_CALLBACK_ALLOW may allow it")

// Egress decides which addresses callbacks may reach. The zero Egress allows every public address and no
// other.
type Egress struct {
	Allow []netip.Prefix // reachable although private (OTPGW_CALLBACK_ALLOW)
}

// Allowed reports whether a callback may go to addr. IPv6 forms that stand for an IPv4 address count as that
// one.
func (g *Egress) Allowed(addr netip.Addr) bool {
	if !addr.IsValid() {
		return false
	}
	addr = addr.WithZone("").Unmap()
	if contains(g.Allow, addr) {
		return true
	}
	if inner, ok := egress.EmbeddedIPv4(addr); ok {
		return g.Allowed(inner)
	}
	return egress.Public(addr)
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

// control is a net.Dialer's Control: it sees the address that is really dialled, after every name was
// resolved, so that neither a name that points inside nor one that changes between look-ups gets through.
func (g *Egress) control(_, address string, _ syscall.RawConn) error {
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
