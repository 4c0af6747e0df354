package config

import (
	"net/url"
	"strings"
)

// origins reads the origins whose pages may use the API, in the form that browsers send them (RFC 6454, 6.2):
// a default port or a capital letter would never match.
func (v *value) origins() []string {
	var origins []string
	for i, text := range v.list() {
		u, err := url.Parse(text)
		switch {
		case text == "": // list has said so
		case text == "*":
			v.fault("element %d allows every page there is; name the origins that may use the API, like https://shop.example", i+1)
		case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
			strings.Contains(u.Host, "*") || !strings.EqualFold(u.Scheme+"://"+u.Host, text):
			v.bad(text, "an origin: scheme and host and nothing behind, like https://shop.example or http://localhost:3000")
		case defaultPort(u):
			v.fault("%q names the port that browsers leave out; write %s://%s", text, u.Scheme, u.Hostname())
		default:
			origins = append(origins, strings.ToLower(text))
		}
	}
	v.text = strings.ToLower(v.text)
	return origins
}

func defaultPort(u *url.URL) bool {
	return u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80"
}
