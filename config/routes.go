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
	priorityMax  = 9         // NATS: PullPrioritized takes 0 to 9
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
// none of them does.
type RouteLink struct {
	Name     string `json:"name"`
	Priority uint8  `json:"priority"`
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
	{"LINKS", "", "links as name:priority, 0 (first) to 9; empty, for the route default only: all links at 0",
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
		name, level, hasLevel := strings.Cut(text, ":")
		name, level = strings.TrimSpace(name), strings.TrimSpace(level)
		if !hasLevel {
			level = "0"
		}
		priority, err := strconv.ParseUint(level, 10, 8)
		c := linkNamed(links, name)
		switch {
		case text == "": // list has said so
		case c == nil:
			v.fault("%q is not a link of OTPGW_LINKS; name one of those", name)
		case err != nil || priority > priorityMax:
			v.bad(text, "name:priority with a priority from 0, the first, to 9")
		case len(c.Routes) > 0 && c.Routes[len(c.Routes)-1].Name == route:
			v.fault("names the link %s twice; take one out", name)
		default:
			c.Routes = append(c.Routes, link.Route{Name: route, Priority: uint8(priority)})
			served = append(served, RouteLink{Name: name, Priority: uint8(priority)})
		}
	}
	slices.SortStableFunc(served, func(a, b RouteLink) int { return cmp.Compare(a.Priority, b.Priority) })
	v.text = formatRouteLinks(served)
	return served
}

func formatRouteLinks(links []RouteLink) string {
	elements := make([]string, len(links))
	for i, l := range links {
		elements[i] = l.Name + ":" + strconv.Itoa(int(l.Priority))
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
