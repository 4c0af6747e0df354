package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/phone"
)

// warnUnreached tells of routes, and of parts of them, that no message can take, and of senders that a route
// keeps from elsewhere.
func (l *loader) warnUnreached() {
	for _, r := range l.config.Routes {
		if len(r.Networks) > 0 && !l.config.Lookup.On() {
			l.warn(routeGroup+prefixOf(r.Name)+"_NETWORKS", "can never match: OTPGW_LOOKUP_URL is not set, and nothing else tells a number's network")
			continue
		}
		variable := func(key string) string { return routeGroup + prefixOf(r.Name) + "_" + key }
		for _, sender := range r.Senders {
			if !l.hasSender(sender, r.Apps) {
				l.warn(variable("SENDERS"), "no application%s has the sender %s, so nothing takes the route by it; add it to the SENDERS of an application", among(r.Apps), sender)
			}
		}
		for _, prefix := range r.Prefixes {
			if !phone.Begins(prefix) {
				l.warn(variable("PREFIXES"), "the prefix %s can never match: no country code begins so", prefix)
				continue
			}
			if by := l.shadow(r, prefix); by != "" {
				l.warn(variable("PREFIXES"), "%s can never match: %s", orEvery(prefix), by)
			}
		}
	}
	l.warnKept()
}

func among(apps []string) string {
	if len(apps) == 0 {
		return ""
	}
	return " of " + strings.Join(apps, ", ")
}

func orEvery(prefix string) string {
	if prefix == "" {
		return "the route"
	}
	return "the prefix " + prefix
}

// hasSender: an application, one of those where any are named, may send under it.
func (l *loader) hasSender(sender string, apps []string) bool {
	return slices.ContainsFunc(l.config.Apps, func(a otp.App) bool {
		return (len(apps) == 0 || slices.Contains(apps, a.Name)) &&
			slices.ContainsFunc(a.AllSenders(), func(s string) bool { return senderKey(s) == senderKey(sender) })
	})
}

// shadow says why no message to a prefix takes a route; empty when one does. It asks the router for each
// application and sender.
func (l *loader) shadow(r Route, prefix string) string {
	takers := make(map[string]bool)
	for _, app := range l.config.Apps {
		for _, sender := range app.AllSenders() {
			for _, network := range orAll(r.Networks) {
				t := otp.Traffic{App: app.Name, From: sender, To: "+" + prefix, Network: network}
				switch route, err := l.config.router.route(t); {
				case err == nil && route == r.Name:
					return ""
				case err == nil:
					takers[route] = true
				}
			}
		}
	}
	if len(takers) == 0 {
		return "no application may use a sender that the route takes"
	}
	var names []string
	for name := range takers {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprintf("for every application and sender the routes %s come first", strings.Join(names, ", "))
}

// warnKept names the senders that routes keep from all numbers but some.
func (l *loader) warnKept() {
	for sender, routes := range l.config.router.senders {
		everywhere := false
		var where []string
		for k := range l.config.router.rules {
			if k.sender == sender {
				everywhere = everywhere || k.prefix == "" && k.network == ""
				where = append(where, orStar(k.prefix))
			}
		}
		if everywhere || !l.hasSender(sender, nil) {
			continue
		}
		slices.Sort(where)
		l.warn(routeGroup+prefixOf(routes[0])+"_SENDERS", "the sender %s is refused for numbers outside %s, for no other route names it; name it in those routes too, or take it out here",
			sender, strings.Join(slices.Compact(where), ", "))
	}
}
