package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/otpgw/otpgw/otp"
)

// Covers tells whether every message that a route takes, which may be one of another configuration, finds a
// route.
func (c *Config) Covers(r Route) bool {
	for _, k := range r.rules() {
		if _, err := c.Route(otp.Traffic{App: k.app, From: k.sender, To: k.prefix, Network: k.network}); err != nil {
			return false
		}
	}
	return true
}

// router finds the route of a message. A route that names senders, applications or networks takes only their
// messages, and before any that names none: a sender says most, then the application, then the network, then
// the longest prefix. Each combination of the four is of one route, so nothing depends on the order in which
// routes are written.
//
// A sender that any route names is registered: its messages go over such routes only, or not at all, for a
// carrier that does not know it would send them under another name, or refuse them.
type router struct {
	rules    map[rule]string
	senders  map[string][]string // routes by the senders that they name
	apps     map[string]bool     // that some route names
	networks map[string]bool
	longest  int // of the prefixes
}

// rule is one combination; what is empty takes all.
type rule struct{ sender, app, network, prefix string }

func newRouter() router {
	return router{rules: make(map[rule]string), senders: make(map[string][]string), apps: make(map[string]bool), networks: make(map[string]bool)}
}

// Route returns the route of a message. Its error is for whoever asked for the message.
func (c *Config) Route(t otp.Traffic) (route string, err error) {
	return c.router.route(t)
}

// WhyRoute says what of a message decided about its route.
func (c *Config) WhyRoute(t otp.Traffic) string {
	k, ok := c.router.find(t)
	if !ok {
		return ""
	}
	var why []string
	for _, by := range []struct{ kind, name string }{
		{"the sender", k.sender}, {"the application", k.app}, {"the network", k.network}, {"the prefix", k.prefix},
	} {
		if by.name != "" {
			why = append(why, by.kind+" "+by.name)
		}
	}
	if len(why) == 0 {
		return "no other route takes it"
	}
	return "by " + strings.Join(why, ", ")
}

func (r *router) route(t otp.Traffic) (string, error) {
	routes, registered := r.senders[senderKey(t.From)]
	if t.Wanted != "" && (slices.Contains(routes, t.Wanted) || !registered && r.open(t.Wanted)) {
		return t.Wanted, nil
	}
	if k, ok := r.find(t); ok {
		return r.rules[k], nil
	}
	if registered {
		return "", &otp.Error{Code: otp.CodeNoCoverage,
			Message: fmt.Sprintf("No coverage for this destination: the sender '%s' is registered with carriers that do not serve it, and no other may send it", t.From)}
	}
	return "", otp.ErrNoRoute
}

// find returns the first rule that takes a message.
func (r *router) find(t otp.Traffic) (k rule, ok bool) {
	from, digits := senderKey(t.From), strings.TrimPrefix(t.To, "+")
	if len(r.senders[from]) == 0 {
		from = ""
	}
	for _, app := range r.alternatives(r.apps, t.App) {
		for _, network := range r.networksOf(t.Network) {
			for n := min(r.longest, len(digits)); n >= 0; n-- {
				k = rule{from, app, network, digits[:n]}
				if _, ok = r.rules[k]; ok {
					return k, true
				}
			}
		}
	}
	return rule{}, false
}

// alternatives are a name, if any rule has it, and then none.
func (r *router) alternatives(named map[string]bool, name string) []string {
	if name != "" && named[name] {
		return []string{name, ""}
	}
	return []string{""}
}

// networksOf are a network, the country that it is in (MCC), and any.
func (r *router) networksOf(network string) []string {
	all := r.alternatives(r.networks, network)
	if len(network) > mccLength && r.networks[network[:mccLength]] {
		all = slices.Insert(all, len(all)-1, network[:mccLength])
	}
	return all
}

// open: a route of that name takes messages of senders that are not registered.
func (r *router) open(route string) bool {
	for k, name := range r.rules {
		if name == route && k.sender == "" {
			return true
		}
	}
	return false
}

// senderKey is a sender as it is compared: a number with or without +.
func senderKey(sender string) string {
	if number, plus := strings.CutPrefix(sender, "+"); plus && allDigits.MatchString(number) {
		return number
	}
	return sender
}

// add gives a route all its combinations. Those that another route has are returned, with that one's name.
func (r *router) add(route Route) (taken []rule, owner string) {
	for _, k := range route.rules() {
		if other, has := r.rules[k]; has {
			if other != route.Name {
				taken, owner = append(taken, k), other
			}
			continue
		}
		r.rules[k] = route.Name
		r.longest = max(r.longest, len(k.prefix))
		if k.app != "" {
			r.apps[k.app] = true
		}
		if k.network != "" {
			r.networks[k.network] = true
		}
		if k.sender != "" && !slices.Contains(r.senders[k.sender], route.Name) {
			r.senders[k.sender] = append(r.senders[k.sender], route.Name)
		}
	}
	return taken, owner
}

// rules are all combinations that a route takes.
func (r Route) rules() (all []rule) {
	for _, sender := range orAll(r.Senders) {
		for _, app := range orAll(r.Apps) {
			for _, network := range orAll(r.Networks) {
				for _, prefix := range r.Prefixes {
					all = append(all, rule{senderKey(sender), app, network, prefix})
				}
			}
		}
	}
	return all
}

// orAll is the empty name, which is everybody's, where none is named.
func orAll(names []string) []string {
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// Routing writes the routes as a table, in the order in which they are looked at.
func (c *Config) Routing(w io.Writer) error {
	type row struct {
		rule
		route string
	}
	var rows []row
	for k, route := range c.router.rules {
		rows = append(rows, row{k, route})
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(last(a.sender, b.sender), last(a.app, b.app), -cmp.Compare(len(a.network), len(b.network)), cmp.Compare(a.network, b.network),
			-cmp.Compare(len(a.prefix), len(b.prefix)), cmp.Compare(a.prefix, b.prefix))
	})
	links := make(map[string]string)
	for _, r := range c.Routes {
		links[r.Name] = formatRouteLinks(r.Links)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "# sender\tapplication\tnetwork\tprefix\troute\tlinks\n")
	for _, r := range rows {
		fmt.Fprintf(tw, "# %s\t%s\t%s\t%s\t%s\t%s\n", orStar(r.sender), orStar(r.app), orStar(r.network), orStar(r.prefix), r.route, links[r.route])
	}
	return tw.Flush()
}

func orStar(s string) string { return cmp.Or(s, "*") }

// last orders names, and the empty one behind them.
func last(a, b string) int {
	if (a == "") != (b == "") {
		return -cmp.Compare(len(a), len(b))
	}
	return cmp.Compare(a, b)
}
