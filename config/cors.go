package config

import (
	"net/url"
	"strings"
)

// readCORS reads the origins whose pages may use the API, in the form that browsers send them (RFC 6454, 6.2): a default
// port or a capital letter would never match.
func (l *loader) readCORS(s scope) {
	const key = "OTPGW_CORS_ORIGINS"
	for i, text := range s.list(&l.vars.CORSOrigins, key) {
		u, err := url.Parse(text)
		switch {
		case text == "": // list has said so
		case text == "*":
			s.fault(key, "element %d allows every page there is; name the origins that may use the API, like https://shop.example", i+1)
		case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
			strings.Contains(u.Host, "*") || !strings.EqualFold(u.Scheme+"://"+u.Host, text):
			s.bad(key, text, "an origin: scheme and host and nothing behind, like https://shop.example or http://localhost:3000")
		case defaultPort(u):
			s.fault(key, "%q names the port that browsers leave out; write %s://%s", text, u.Scheme, u.Hostname())
		default:
			l.config.CORSOrigins = append(l.config.CORSOrigins, strings.ToLower(text))
		}
	}
	l.vars.CORSOrigins = strings.ToLower(l.vars.CORSOrigins)
}

func defaultPort(u *url.URL) bool {
	return u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80"
}
