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
	if err != nil || PublicAddress(addr) || allowed != nil && allowed(addr.Unmap().WithZone("")) {
		return nil
	}
	return errors.New("the gateway may not call that address")
}

// notHost: what can be in no host name, so that it is refused here and not on each try.
func notHost(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`"<>\^{|}`+"`", r) }
