package config

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/otpgw/otpgw/smpp/link"
)

const (
	defaultRoute = "default" // the one route that need not say its links
	prefixMax    = 15        // digits of an E.164 number
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
	Name     string
	Priority uint8
}

// routeVars are the variables of one route as text.
type routeVars struct {
	Prefixes string `env:"PREFIXES"`
	Links    string `env:"LINKS"`
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

// add gives a prefix to a route, unless another has it.
func (r *router) add(prefix, route string) (owner string, ok bool) {
	if owner, taken := r.byPrefix[prefix]; taken {
		return owner, false
	}
	r.byPrefix[prefix] = route
	r.longest = max(r.longest, len(prefix))
	return route, true
}

func (l *loader) readRoutes(s scope) error {
	names := s.names(&l.vars.Routes, "OTPGW_ROUTES", routeGroup)
	l.known.addGroup(l.report, "OTPGW_ROUTES", routeGroup, names)
	l.config.router.byPrefix = make(map[string]string)
	before := len(l.faults)
	for _, name := range names {
		s := l.scope(routeGroup + prefixOf(name) + "_")
		v := new(routeVars)
		if err := s.fill(l.ctx, v); err != nil {
			return err
		}
		route := Route{
			Name:     name,
			Prefixes: s.prefixes(&v.Prefixes, "PREFIXES", name, &l.config.router),
			Links:    s.routeLinks(&v.Links, "LINKS", name, l.config.Links),
		}
		l.config.Routes = append(l.config.Routes, route)
		l.config.settings.add(routeGroup, s.prefix, v)
	}
	if len(l.faults) > before {
		return nil // a link may be on no route only because of that fault
	}
	for _, c := range l.config.Links {
		if len(c.Routes) == 0 {
			s.warn("OTPGW_LINKS", "the link %s is on no route and sends nothing; name it in the LINKS of a route", c.Name)
		}
	}
	return nil
}

// prefixes reads a route's destinations. No prefix at all is the empty prefix, which is every number's.
func (s scope) prefixes(value *string, key, route string, r *router) []string {
	elements := s.list(value, key)
	if len(elements) == 0 {
		if owner, ok := r.add("", route); !ok {
			s.fault(s.prefix+key, "is not set, and the route %s already takes every destination without a prefix of its own; give prefixes, like 44,353", owner)
		}
		return []string{""}
	}
	var prefixes []string
	for _, text := range elements {
		prefix := strings.TrimPrefix(text, "+")
		switch {
		case text == "": // list has said so
		case !prefixForm.MatchString(prefix) || len(prefix) > prefixMax:
			s.bad(key, text, "a prefix: 1 to 15 digits that begin with a country code, like 44 or 35988")
		default:
			prefixes = append(prefixes, prefix)
			if owner, ok := r.add(prefix, route); !ok {
				s.fault(s.prefix+key, "the route %s has the prefix %s already; a prefix is of one route", owner, prefix)
			}
		}
	}
	*value = strings.Join(prefixes, ",")
	return prefixes
}

// routeLinks reads which links serve a route, in any order, and tells the links so.
func (s scope) routeLinks(value *string, key, route string, links []link.Config) []RouteLink {
	elements := s.list(value, key)
	if len(elements) == 0 {
		if route != defaultRoute {
			s.fault(s.prefix+key, "is not set: name the links of the route, like carrier1:0,carrier2:1")
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
			s.fault(s.prefix+key, "%q is not a link of OTPGW_LINKS; name one of those", name)
		case err != nil || priority > priorityMax:
			s.bad(key, text, "name:priority with a priority from 0, the first, to 9")
		case len(c.Routes) > 0 && c.Routes[len(c.Routes)-1].Name == route:
			s.fault(s.prefix+key, "names the link %s twice; take one out", name)
		default:
			c.Routes = append(c.Routes, link.Route{Name: route, Priority: uint8(priority)})
			served = append(served, RouteLink{Name: name, Priority: uint8(priority)})
		}
	}
	slices.SortStableFunc(served, func(a, b RouteLink) int { return cmp.Compare(a.Priority, b.Priority) })
	*value = formatRouteLinks(served)
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
