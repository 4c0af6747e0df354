package config

import (
	"cmp"
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
)

// prefixForm is the begin of an E.164 number: no country code begins with 0.
var prefixForm = regexp.MustCompile(`^[1-9][0-9]*$`)

// Route is a set of destinations and the links that serve them.
type Route struct {
	Name     string
	Prefixes []string    // digits, without +; "" is every destination that no other route has
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
	router *router
	links  []link.Config
}

// routeRows are the variables of one route.
var routeRows = []setting[routeDraft]{
	{"PREFIXES", "", "digit prefixes of the destinations, longest wins; empty: every destination no other route has",
		read(func(v *value, r *routeDraft) { r.Prefixes = v.prefixes(r.Name, r.router) })},
	{"LINKS", "", "links as name:priority, 0 (first) to 9, or name:priority*weight, 1 to 1000: a:0*3,b:0*1 sends three quarters over a; empty, for the route default only: all links at 0",
		read(func(v *value, r *routeDraft) { r.Links = v.routeLinks(r.Name, r.links) })},
}

// router finds the route of a number: one map lookup for each length a prefix may have.
type router struct {
	byPrefix map[string]string
	longest  int
}

// Route returns the route of a phone number, given as E.164 with or without its +: the one with the
// longest prefix of it. It is not ok when no route takes the number.
func (c *Config) Route(e164 string) (route string, ok bool) {
	digits := strings.TrimPrefix(e164, "+")
	for n := min(c.router.longest, len(digits)); n >= 0; n-- {
		if route, ok = c.router.byPrefix[digits[:n]]; ok {
			return route, true
		}
	}
	return "", false
}

// RouteNames are the names of the routes.
func (c *Config) RouteNames() []string {
	names := make([]string, len(c.Routes))
	for i, r := range c.Routes {
		names[i] = r.Name
	}
	return names
}

// add gives a prefix to a route, unless another has it.
func (r *router) add(prefix, route string) (owner string, ok bool) {
	if owner, taken := r.byPrefix[prefix]; taken {
		return owner, false
	}
	r.byPrefix[prefix] = route
	r.longest = max(r.longest, len(prefix))
	return route, true
}

func readRoutes(v *value, l *loader) {
	l.config.router.byPrefix = make(map[string]string)
	before := len(l.faults)
	each(l, v, routeGroup, routeRows,
		func(name string) *routeDraft {
			return &routeDraft{Route{Name: name}, &l.config.router, l.config.Links}
		},
		func(_ scope, d *routeDraft) { l.config.Routes = append(l.config.Routes, d.Route) })
	if len(l.faults) > before {
		return // a link may be on no route only because of that fault
	}
	for _, c := range l.config.Links {
		if len(c.Routes) == 0 {
			l.warn(listOf(linkGroup), "the link %s is on no route and sends nothing; name it in the LINKS of a route", c.Name)
		}
	}
}

// prefixes reads a route's destinations. No prefix at all is the empty prefix, which is every number's.
func (v *value) prefixes(route string, r *router) []string {
	elements := v.list()
	if len(elements) == 0 {
		if owner, ok := r.add("", route); !ok {
			v.fault("is not set, and the route %s already takes every destination without a prefix of its own; give prefixes, like 44,353", owner)
		}
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
			if owner, ok := r.add(prefix, route); !ok {
				v.fault("the route %s has the prefix %s already; a prefix is of one route", owner, prefix)
			}
		}
	}
	v.text = strings.Join(prefixes, ",")
	return prefixes
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
