package link

import (
	"context"
	"crypto/tls"
	"reflect"
	"slices"
	"sync"
)

// orders are what an operator changes while the link works. The binds hear of it by changed.
type orders struct {
	mu      sync.Mutex // guards the rest
	routes  []Route
	paused  bool
	changed chan struct{} // closed and replaced at each change
}

func newOrders(routes []Route) *orders { return &orders{routes: routes, changed: make(chan struct{})} }

// pulls are the routes to pull from at present, and a channel that is closed when that is no longer so.
func (o *orders) pulls() ([]Route, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.paused {
		return nil, o.changed
	}
	return o.routes, o.changed
}

func (o *orders) change(do func(*orders)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	do(o)
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *orders) isPaused() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.paused
}

// Reroute gives the link other routes. Its binds stay, and what is in flight gets its outcome.
func (l *Link) Reroute(routes []Route) { l.orders.change(func(o *orders) { o.routes = routes }) }

// Pause takes no more messages, or takes them again. The binds stay, and receipts still come.
func (l *Link) Pause(paused bool) { l.orders.change(func(o *orders) { o.paused = paused }) }

// Paused tells whether the link is paused.
func (l *Link) Paused() bool { return l.orders.isPaused() }

// InFlight is how many parts wait for the SMSC's answer.
func (l *Link) InFlight() int {
	n := 0
	for _, b := range l.Status() {
		n += b.InFlight
	}
	return n
}

// Rebind ends the link's binds with care, and makes them again at once.
func (l *Link) Rebind() {
	for _, b := range l.binds {
		b.mu.Lock()
		if b.again != nil {
			b.again()
		}
		b.mu.Unlock()
	}
}

// rebindable is a context for one life of the bind, which Rebind ends too.
func (b *bind) rebindable(ctx context.Context) (life context.Context, done func()) {
	life, again := context.WithCancel(ctx)
	b.mu.Lock()
	b.again = again
	b.mu.Unlock()
	return life, again
}

// Same tells whether a link set up so is the same one for the SMSC: all but the routes, which Reroute
// changes.
func (c Config) Same(other Config) bool {
	one, two := c.TLS, other.TLS
	c.TLS, other.TLS, c.Routes, other.Routes = nil, nil, nil, nil
	return reflect.DeepEqual(c, other) && sameTLS(one, two)
}

func sameTLS(a, b *tls.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	sameRoots := a.RootCAs == b.RootCAs || a.RootCAs != nil && b.RootCAs != nil && a.RootCAs.Equal(b.RootCAs)
	return a.ServerName == b.ServerName && a.MinVersion == b.MinVersion && sameRoots &&
		slices.EqualFunc(a.Certificates, b.Certificates, func(x, y tls.Certificate) bool {
			return reflect.DeepEqual(x.Certificate, y.Certificate) && reflect.DeepEqual(x.PrivateKey, y.PrivateKey)
		})
}
