package intake

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// Listener accepts at most so many connections at once. Give a server its Attach, and Serve it.
type Listener struct {
	net.Listener
	max int

	mu        sync.Mutex
	strangers list.List // *conn without a known caller, the longest quiet first
	callers   list.List // *conn of known callers that are idle, alike
	open      int
	evicted   uint64
}

// Listen bounds a listener to so many connections.
func Listen(ln net.Listener, most int) *Listener { return &Listener{Listener: ln, max: most} }

// Attach makes the server tell of its connections.
func (l *Listener) Attach(s *http.Server) {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if c, ok := unwrap(c); ok {
			return context.WithValue(ctx, connKey{}, c)
		}
		return ctx
	}
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if c, ok := unwrap(c); ok {
			l.changed(c, state)
		}
	}
}

// unwrap finds our connection; TLS is around it.
func unwrap(c net.Conn) (*conn, bool) {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	ours, ok := c.(*conn)
	return ours, ok
}

// Accept waits for a connection, and makes room for it.
func (l *Listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, l: l}
	l.mu.Lock()
	victim := l.room()
	l.open++
	c.place = l.strangers.PushBack(c)
	l.mu.Unlock()
	if victim != nil {
		victim.Close()
	}
	return c, nil
}

// room finds the connection to close for one more; nil when there is room. When every one is at a known
// caller's work, the bound gives way: there are as many as that work, which is bounded elsewhere. l.mu is
// held.
func (l *Listener) room() *conn {
	if l.open < l.max {
		return nil
	}
	for _, from := range []*list.List{&l.strangers, &l.callers} {
		if first := from.Front(); first != nil {
			c := first.Value.(*conn)
			l.leave(c)
			l.evicted++
			return c
		}
	}
	return nil
}

// leave takes a connection out of the count; once. l.mu is held.
func (l *Listener) leave(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
	l.open--
	l.unlist(c)
}

// unlist takes a connection out of those that may be closed for another. l.mu is held.
func (l *Listener) unlist(c *conn) {
	if c.place == nil {
		return
	}
	if c.known {
		l.callers.Remove(c.place)
	} else {
		l.strangers.Remove(c.place)
	}
	c.place = nil
}

// changed: a request begins or has ended. A stranger's connection is quiet since its last request began.
func (l *Listener) changed(c *conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.gone:
	case c.known && state == http.StateActive:
		l.unlist(c)
	case c.known && state == http.StateIdle && c.place == nil:
		c.place = l.callers.PushBack(c)
	case !c.known && state == http.StateActive:
		l.strangers.MoveToBack(c.place)
	}
}

// Open is how many connections there are, and how many were closed for others.
func (l *Listener) Open() (open int, evicted uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open, l.evicted
}

type connKey struct{}

// Know says that a request's caller showed a valid credential: its connection is a caller's from now on.
func Know(ctx context.Context) {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok {
		return
	}
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if !c.known && !c.gone {
		c.l.unlist(c)
	}
	c.known = true
}
