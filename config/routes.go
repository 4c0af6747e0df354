package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/smpp/link"
)

const (
	defaultRoute = "default" // the one route that need not say its links
	priorityMax  = 9
	weightMax    = 1000
	mccLength    = 3 // ITU-T E.212
)

// prefixForm is the begin of an E.164 number: no country code begins with 0.
var prefixForm = regexp.MustCompile(`^[1-9][0-9]*$`)

// Route is a set of messages and the links that carry them.
type Route struct {
	Name     string
	Prefixes []string    // digits, without +; "" is every destination that no other route has
	Apps     []string    // applications; none is all
	Senders  []string    // that are registered with the carriers of these links; none is all that are registered with nobody
	Networks []string    // MCC, or MCC and MNC; none is all
	Links    []RouteLink // the preferred first: by priority, then as they are named
}

// RouteLink is a link's part in a route. Links of priority 0 send; those of the next one take over while
// none of them does. Of links of one priority, each sends what its weight is of all their weights.
type RouteLink struct {
	Name     string `json:"name"`
	Priority uint8  `json:"priority"`
	Weight   int    `json:"weight,omitempty"` // 0: no link of this priority has one, and they share as each keeps up
}

// routeDraft is a route of which not all variables are read, and what it has to agree with.
type routeDraft struct {
	Route
	links []link.Config
	apps  []otp.App
}

// routeRows are the variables of one route.
var routeRows = []setting[routeDraft]{
	{"PREFIXES", "", "digit prefixes of the destinations, longest wins; empty: every destination no other route has",
		read(func(v *value, r *routeDraft) { r.Prefixes = v.prefixes() })},
	{"APPS", "", "applications whose messages only it takes, before any route that names none; empty: all",
		read(func(v *value, r *routeDraft) { r.Apps = v.routeApps(r.apps) })},
	{"SENDERS", "", "senders that are registered with its carriers: their messages go over routes that name them, or not at all; looked at before applications; empty: all others",
		read(func(v *value, r *routeDraft) { r.Senders = v.routeSenders() })},
	{"NETWORKS", "", "networks of the numbers as OTPGW_LOOKUP_URL tells them, each MCC or MCC and MNC, like 240 or 24007; looked at after applications; empty: all",
		read(func(v *value, r *routeDraft) { r.Networks = v.routeNetworks() })},
	{"LINKS", "", "links as name:priority, 0 (first) to 9, or name:priority*weight, 1 to 1000: a:0*3,b:0*1 sends three quarters over a; empty, for the route default only: all links at 0",
		read(func(v *value, r *routeDraft) { r.Links = v.routeLinks(r.Name, r.links) })},
}

// RouteNames are the names of the routes.
func (c *Config) RouteNames() []string {
	names := make([]string, len(c.Routes))
	for i, r := range c.Routes {
		names[i] = r.Name
	}
	return names
}

func readRoutes(v *value, l *loader) {
	l.config.router = newRouter()
	before := len(l.faults)
	each(l, v, routeGroup, routeRows,
		func(name string) *routeDraft {
			return &routeDraft{Route{Name: name}, l.config.Links, l.config.Apps}
		},
		func(s scope, d *routeDraft) {
			s.addRoute(&l.config.router, d.Route)
			l.config.Routes = append(l.config.Routes, d.Route)
		})
	if len(l.faults) > before {
		return // a link may be on no route only because of that fault
	}
	for _, c := range l.config.Links {
		if len(c.Routes) == 0 {
			l.warn(listOf(linkGroup), "the link %s is on no route and sends nothing; name it in the LINKS of a route", c.Name)
		}
	}
	l.warnUnreached()
	l.warnSenders()
}

// addRoute gives the router a route, of which no other may take the same messages.
func (s scope) addRoute(r *router, route Route) {
	taken, owner := r.add(route)
	if len(taken) == 0 {
		return
	}
	k, of := taken[0], ""
	for _, also := range []struct{ kind, name string }{{"sender", k.sender}, {"application", k.app}, {"network", k.network}} {
		if also.name != "" {
			of += fmt.Sprintf(" for the %s %s", also.kind, also.name)
		}
	}
	if k.prefix == "" {
		s.faultOf("PREFIXES", "is not set, and the route %s already takes every destination without a prefix of its own%s; give prefixes, like 44,353, or APPS or SENDERS", owner, of)
		return
	}
	s.faultOf("PREFIXES", "the route %s has the prefix %s already%s; a prefix is of one route", owner, k.prefix, of)
}

// prefixes reads a route's destinations. No prefix at all is the empty prefix, which is every number's.
func (v *value) prefixes() []string {
	elements := v.list()
	if len(elements) == 0 {
		return []string{""}
	}
	var prefixes []string
	for _, text := range elements {
		prefix := strings.TrimPrefix(text, "+")
		switch {
		case text == "": // list has said so
		case !prefixForm.MatchString(prefix) || len(prefix) > otp.MaxDigits:
			v.bad(text, "a prefix: 1 to 15 digits that begin with a country code, like 44 or 35988")
		default:
			prefixes = append(prefixes, prefix)
		}
	}
	v.text = strings.Join(prefixes, ",")
	return prefixes
}

// routeApps reads applications, which are those of OTPGW_APPS.
func (v *value) routeApps(apps []otp.App) []string {
	names := v.list()
	for _, name := range names {
		if name != "" && !slices.ContainsFunc(apps, func(a otp.App) bool { return a.Name == name }) {
			v.fault("%q is not an application of OTPGW_APPS; name one of those", name)
		}
	}
	return names
}

func (v *value) routeSenders() []string {
	senders := v.list()
	for _, sender := range senders {
		if problem := SenderRule.Problem(sender); problem != "" && sender != "" {
			v.fault("%q %s", sender, problem)
		}
	}
	return senders
}

// routeNetworks reads 24007, 240-07 and 240 07, or 240 for a whole country.
func (v *value) routeNetworks() []string {
	var networks []string
	for _, text := range v.list() {
		network := otp.Network(text)
		switch {
		case text == "": // list has said so
		case network == "":
			v.bad(text, "a network: its MCC of 3 digits, or MCC and MNC of 5 or 6, like 24007")
		default:
			networks = append(networks, network)
		}
	}
	v.text = strings.Join(networks, ",")
	return networks
}

// routeLinks reads which links serve a route, in any order, and tells the links so.
func (v *value) routeLinks(route string, links []link.Config) []RouteLink {
	elements := v.list()
	if len(elements) == 0 {
		if route != defaultRoute {
			v.fault("is not set: name the links of the route, like carrier1:0,carrier2:1")
			return nil
		}
		for i := range links {
			elements = append(elements, links[i].Name)
		}
	}
	var served []RouteLink
	for _, text := range elements {
		l, ok := readRouteLink(text)
		c := linkNamed(links, l.Name)
		switch {
		case text == "": // list has said so
		case c == nil:
			v.fault("%q is not a link of OTPGW_LINKS; name one of those", l.Name)
		case !ok:
			v.bad(text, "name:priority with a priority from 0, the first, to 9, and a weight, if any, from 1 to 1000, like carrier:0*3")
		case slices.ContainsFunc(served, func(o RouteLink) bool { return o.Name == l.Name }):
			v.fault("names the link %s twice; take one out", l.Name)
		default:
			served = append(served, l)
		}
	}
	slices.SortStableFunc(served, func(a, b RouteLink) int { return cmp.Compare(a.Priority, b.Priority) })
	weigh(served)
	for _, l := range served {
		c := linkNamed(links, l.Name)
		c.Routes = append(c.Routes, link.Route{Name: route, Priority: l.Priority, Weight: l.Weight})
	}
	v.text = formatRouteLinks(served)
	return served
}

// readRouteLink reads name, name:priority, name*weight or name:priority*weight.
func readRouteLink(text string) (l RouteLink, ok bool) {
	rest, weight, weighted := strings.Cut(text, "*")
	name, level, hasLevel := strings.Cut(rest, ":")
	l.Name, ok = strings.TrimSpace(name), true
	if hasLevel {
		priority, err := strconv.ParseUint(strings.TrimSpace(level), 10, 8)
		l.Priority, ok = uint8(priority), err == nil && priority <= priorityMax
	}
	if weighted {
		n, err := strconv.Atoi(strings.TrimSpace(weight))
		l.Weight, ok = n, ok && err == nil && n >= 1 && n <= weightMax
	}
	return l, ok
}

// weigh gives the links beside one that has a weight the weight 1.
func weigh(links []RouteLink) {
	weighted := make(map[uint8]bool)
	for _, l := range links {
		weighted[l.Priority] = weighted[l.Priority] || l.Weight > 0
	}
	for i, l := range links {
		if weighted[l.Priority] {
			links[i].Weight = max(l.Weight, 1)
		}
	}
}

func formatRouteLinks(links []RouteLink) string {
	elements := make([]string, len(links))
	for i, l := range links {
		elements[i] = l.Name + ":" + strconv.Itoa(int(l.Priority))
		if l.Weight > 0 {
			elements[i] += "*" + strconv.Itoa(l.Weight)
		}
	}
	return strings.Join(elements, ",")
}

// linkNamed returns the link of that name, nil when there is none.
func linkNamed(links []link.Config, name string) *link.Config {
	for i := range links {
		if links[i].Name == name {
			return &links[i]
		}
	}
	return nil
}
