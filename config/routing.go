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
