package otp

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxCallbackURL is more than any proxy takes.
const maxCallbackURL = 2048

// CheckCallbackURL says what is wrong with a callback URL, in words that do not repeat it. It wants http or https and a host,
// and no user or password: those would be shown in every answer and callback, which is signed instead. A host that is an
// address must be public, or one that allowed accepts; nil accepts none. A name is checked when it is dialled.
func CheckCallbackURL(raw string, allowed func(netip.Addr) bool) error {
	if len(raw) > maxCallbackURL {
		return errors.New("it is longer than 2048 characters")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("it cannot be parsed")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("it must begin with http:// or https://")
	case u.Hostname() == "" || strings.ContainsFunc(u.Hostname(), notHost):
		return errors.New("it has no valid host")
	case u.User != nil:
		return errors.New("it must not hold a user or password")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return errors.New("its port is not 1 to 65535")
		}
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(u.Hostname(), "."))
	if err != nil || isPublic(addr) || allowed != nil && allowed(addr.Unmap().WithZone("")) {
		return nil
	}
	return errors.New("the gateway may not call that address")
}

// notHost: what can be in no host name, so that it is refused here and not on each try.
func notHost(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`"<>\^{|}`+"`", r) }

// reserved are the address ranges that are not of the public Internet (IANA special-purpose registries).
var reserved = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
	"240.0.0.0/4", "::/127", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
	"3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// isPublic also refuses the ranges that only carry an IPv4 address (NAT64, 6to4, Teredo): whom they reach is for the network
// to decide.
func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
