package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/dlr/callback"
	"github.com/otpgw/otpgw/otp/lookup"
	"github.com/otpgw/otpgw/smpp/text"
)

// live is what the parts of the daemon ask the configuration while they work. A reload replaces it whole.
type live struct {
	config  *config.Config
	options map[string]text.Options // of a route's preferred link, by route
	api     http.Handler
	asker   *lookup.Asker        // nil: nobody is asked
	metrics *prometheus.Registry // of the API
}

func newLive(c *config.Config) *live {
	l := &live{config: c, options: make(map[string]text.Options), metrics: prometheus.NewRegistry()}
	for _, r := range c.Routes {
		for _, cfg := range c.Links {
			if l.firstLink(r.Name) == cfg.Name {
				l.options[r.Name] = cfg.Text()
			}
		}
	}
	return l
}

func (l *live) linkNames() (names []string) {
	for _, cfg := range l.config.Links {
		names = append(names, cfg.Name)
	}
	return names
}

// firstLink is the link that a route prefers.
func (l *live) firstLink(route string) string {
	for _, r := range l.config.Routes {
		if r.Name == route && len(r.Links) > 0 {
			return r.Links[0].Name
		}
	}
	return ""
}

// measure counts a text's parts as the preferred link of its route would send it.
func (l *live) measure(route, body string) (int, string) {
	parts, encoding, err := text.Measure(body, l.options[route])
	if err != nil {
		return 0, ""
	}
	return parts, string(encoding)
}

// egress decides which addresses callbacks may go to.
func (l *live) egress() *callback.Egress { return &callback.Egress{Allow: l.config.CallbackAllow} }

func (l *live) callbackSecrets(app string) []string {
	for i := range l.config.Apps {
		if l.config.Apps[i].Name == app {
			return l.config.Apps[i].CallbackSecrets
		}
	}
	return nil
}
