package egress

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// maxURL is more than any proxy takes.
const maxURL = 2048

// URL is a callback URL as it is called, or what is wrong with it, in words that do not repeat it. It wants
// http or https and a host, and no user or password: those would be shown in every answer and callback, which
// is signed instead. What no URL may hold (RFC 3986, 2), such as spaces, quotes and letters of other
// alphabets, is percent-encoded, for raw it would break the request line. A host that is an address must be
// public, or one that allowed accepts; nil accepts none. A name is looked up and judged when it is dialled.
func URL(raw string, allowed func(netip.Addr) bool) (string, error) {
	encoded := encodeURL(strings.TrimSpace(raw))
	if len(encoded) > maxURL {
		return "", errors.New("it is longer than 2048 characters")
	}
	u, err := url.Parse(encoded)
	if err != nil {
		return "", errors.New("it cannot be parsed")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("it must begin with http:// or https://")
	case u.User != nil:
		return "", errors.New("it must not hold a user or password")
	case u.Hostname() == "":
		return "", errors.New("it has no host")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return "", errors.New("its port is not 1 to 65535")
		}
	}
	return encoded, checkHost(u.Hostname(), allowed)
}

// encodeURL percent-encodes, behind the host, the octets that no URL has. A "%" stays what it is. Control
// characters are left in for url.Parse to refuse: nobody means them.
func encodeURL(raw string) string {
	host := strings.Index(raw, "://") + len("://")
	end := strings.IndexAny(raw[min(host, len(raw)):], "/?#")
	if host < len("://") || end < 0 {
		return raw
	}
	var b strings.Builder
	b.WriteString(raw[:host+end])
	for _, c := range []byte(raw[host+end:]) {
		if c == ' ' || c > '~' && c != 0x7f || strings.IndexByte(`"<>\^{|}`+"`", c) >= 0 {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

const (
	maxHost  = 253 // RFC 1035, 2.3.4, without the dot at the end
	maxLabel = 63
)

// checkHost judges the host of a URL: an address, or a name that could be one.
func checkHost(host string, allowed func(netip.Addr) bool) error {
	if addr, err := netip.ParseAddr(strings.TrimSuffix(host, ".")); err == nil {
		if Public(addr) || allowed != nil && allowed(addr.Unmap().WithZone("")) {
			return nil
		}
		return errors.New("the gateway may not call that address")
	}
	name, err := idna.Lookup.ToASCII(host)
	if err != nil && !plainHost(host) {
		return errors.New("it has no valid host")
	}
	if err != nil {
		name = host
	}
	name = strings.TrimSuffix(name, ".")
	labels := strings.Split(name, ".")
	if len(name) > maxHost || endsInNumber(labels[len(labels)-1]) {
		return errors.New("it has no valid host")
	}
	for _, label := range labels {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' || !plainHost(label) {
			return errors.New("it has no valid host")
		}
	}
	return nil
}

// plainHost: letters, digits and hyphens (RFC 1123, 2.1), and the underscore that names of containers have.
func plainHost(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

// endsInNumber: a name whose last label is a number is an address in a form that some programs read and
// others do not (127.1, 2130706433, 0x7f.1; WHATWG URL, "ends in a number checker").
func endsInNumber(label string) bool {
	if label != "" && strings.Trim(label, "0123456789") == "" {
		return true
	}
	hex, ok := strings.CutPrefix(strings.ToLower(label), "0x")
	return ok && strings.Trim(hex, "0123456789abcdef") == ""
}
