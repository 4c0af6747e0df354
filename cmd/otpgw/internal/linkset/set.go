// Package linkset keeps the daemon's links running: those of the configuration, which a reload adds to,
// changes and takes from while they work. The daemon applies a configuration and asks for links by name; a
// link that changed ends with care before its successor begins.
package linkset

import (
	"context"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/smpp/link"
)

// Set is the daemon's links. Its first fields are set before the first call.
type Set struct {
	Build func(link.Config) *link.Link
	Gone  func(name string) // a link is there no more
	Log   zerolog.Logger

	ctx context.Context // of the links; nil before Run
	all sync.WaitGroup  // links that run, and successors that wait for one

	mu      sync.Mutex // guards the rest
	members []*member
	known   map[string]link.Config // of links that are gone, too: their receipts still come
}

// member is a link that runs.
type member struct {
	*link.Link
	config link.Config
	stop   context.CancelFunc
	ended  chan struct{}
}

// Apply gives the set its links. What is the same for the SMSC keeps its binds; a link that changed ends with
// care before its successor begins, for a carrier may allow no bind more.
func (s *Set) Apply(configs []link.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[string]link.Config)
	}
	old := s.members
	s.members = nil
	var begin []func()
	for _, c := range configs {
		s.known[c.Name] = c
		i := slices.IndexFunc(old, func(m *member) bool { return m.config.Name == c.Name })
		switch {
		case i < 0:
			m := s.add(c)
			s.members = append(s.members, m)
			begin = append(begin, func() { s.start(m, nil) })
			s.Log.Info().Str("link", c.Name).Msg("link is new")
		case old[i].config.Same(c):
			old[i].config = c
			old[i].Reroute(c.Routes)
			s.members = append(s.members, old[i])
		default:
			s.Log.Info().Str("link", c.Name).Msg("link has changed, its binds are made anew")
			m := s.add(c)
			s.members = append(s.members, m)
			begin = append(begin, func() { s.start(m, old[i]) })
		}
	}
	for _, m := range old {
		if !slices.ContainsFunc(configs, func(c link.Config) bool { return c.Name == m.config.Name }) {
			s.Log.Info().Str("link", m.config.Name).Msg("link is taken out")
			m.stop()
			s.all.Go(func() { <-m.ended; s.forget(m.config.Name) })
		}
	}
	link.Introduce(s.present()) // before they run: what they share is not changed any more then
	if s.ctx == nil {
		return // Run starts them
	}
	for _, start := range begin {
		start()
	}
}

// forget is for a name that no new link has taken meanwhile.
func (s *Set) forget(name string) {
	if s.Find(name) == nil {
		s.Gone(name)
	}
}

// add makes a link that is to run once its predecessor has ended.
func (s *Set) add(c link.Config) *member {
	return &member{Link: s.Build(c), config: c, stop: func() {}, ended: make(chan struct{})}
}

func (s *Set) start(m, before *member) {
	ctx, stop := context.WithCancel(s.ctx)
	m.stop = stop
	s.all.Go(func() {
		defer close(m.ended)
		defer stop()
		if before != nil {
			before.stop()
			<-before.ended
		}
		_ = m.Run(ctx) // it returns nil
	})
}

// Run keeps the links until ctx ends, and those that come meanwhile.
func (s *Set) Run(ctx context.Context) {
	s.mu.Lock()
	s.ctx = ctx
	for _, m := range s.members {
		s.start(m, nil)
	}
	s.mu.Unlock()
	<-ctx.Done()
	s.all.Wait()
}

// All are those that are there.
func (s *Set) All() []*link.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.present()
}

func (s *Set) present() []*link.Link {
	links := make([]*link.Link, len(s.members))
	for i, m := range s.members {
		links[i] = m.Link
	}
	return links
}

// Find returns the link of that name, nil when there is none.
func (s *Set) Find(name string) *link.Link {
	for _, l := range s.All() {
		if l.Name() == name {
			return l
		}
	}
	return nil
}

// Config is how a link is set up, or was before it was taken out.
func (s *Set) Config(name string) link.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[name]
}
