package config

import "time"

// Routing is whether messages are shared out among links of one priority by how the links do.
type Routing string

// The modes.
const (
	RoutingOff     Routing = "off"
	RoutingObserve Routing = "observe"
	RoutingOn      Routing = "on"
)

// Sharing is how that is judged.
type Sharing struct {
	Mode      Routing
	SlowAfter time.Duration // a message delivered later is late
}

// routing reads the mode. The links and their routes stand above it.
func routing() reader[loader] {
	r := oneOf(func(l *loader) *Routing { return &l.config.Sharing.Mode }, RoutingOff, RoutingObserve, RoutingOn)
	mode := r.read
	r.read = func(v *value, l *loader) {
		mode(v, l)
		for _, c := range l.config.Links {
			for i := range c.Routes {
				c.Routes[i].Judged = l.config.Sharing.Mode == RoutingOn
			}
		}
	}
	return r
}
