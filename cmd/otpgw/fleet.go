package main

import (
	"context"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/smpp/link"
)

// fleet is the daemon's links, which a reload adds to, changes and takes from while they work.
type fleet struct {
	build func(link.Config) *link.Link
	gone  func(name string) // a link is there no more
	log   zerolog.Logger
	ctx   context.Context // of the links; nil before run
	all   sync.WaitGroup  // links that run, and successors that wait for one

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

// set gives the fleet its links. What is the same for the SMSC keeps its binds; a link that changed ends with
// care before its successor begins, for a carrier may allow no bind more.
func (f *fleet) set(configs []link.Config) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.members
	f.members = nil
	var begin []func()
	for _, c := range configs {
		f.known[c.Name] = c
		i := slices.IndexFunc(old, func(m *member) bool { return m.config.Name == c.Name })
		switch {
		case i < 0:
			m := f.add(c)
			f.members = append(f.members, m)
			begin = append(begin, func() { f.start(m, nil) })
			f.log.Info().Str("link", c.Name).Msg("link is new")
		case old[i].config.Same(c):
			old[i].config = c
			old[i].Reroute(c.Routes)
			f.members = append(f.members, old[i])
		default:
			f.log.Info().Str("link", c.Name).Msg("link has changed, its binds are made anew")
			m := f.add(c)
			f.members = append(f.members, m)
			begin = append(begin, func() { f.start(m, old[i]) })
		}
	}
	for _, m := range old {
		if !slices.ContainsFunc(configs, func(c link.Config) bool { return c.Name == m.config.Name }) {
			f.log.Info().Str("link", m.config.Name).Msg("link is taken out")
			m.stop()
			f.all.Go(func() { <-m.ended; f.forget(m.config.Name) })
		}
	}
	link.Introduce(f.present()) // before they run: what they share is not changed any more then
	if f.ctx == nil {
		return // run starts them
	}
	for _, start := range begin {
		start()
	}
}

// forget is for a name that no new link has taken meanwhile.
func (f *fleet) forget(name string) {
	if f.find(name) == nil {
		f.gone(name)
	}
}

// add makes a link that is to run once its predecessor has ended.
func (f *fleet) add(c link.Config) *member {
	return &member{Link: f.build(c), config: c, stop: func() {}, ended: make(chan struct{})}
}

func (f *fleet) start(m, before *member) {
	ctx, stop := context.WithCancel(f.ctx)
	m.stop = stop
	f.all.Go(func() {
		defer close(m.ended)
		defer stop()
		if before != nil {
			before.stop()
			<-before.ended
		}
		_ = m.Run(ctx) // it returns nil
	})
}

// run keeps the links until ctx ends, and those that come meanwhile.
func (f *fleet) run(ctx context.Context) {
	f.mu.Lock()
	f.ctx = ctx
	for _, m := range f.members {
		f.start(m, nil)
	}
	f.mu.Unlock()
	<-ctx.Done()
	f.all.Wait()
}

// links are those that are there.
func (f *fleet) links() []*link.Link {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.present()
}

func (f *fleet) present() []*link.Link {
	links := make([]*link.Link, len(f.members))
	for i, m := range f.members {
		links[i] = m.Link
	}
	return links
}

// find returns the link of that name, nil when there is none.
func (f *fleet) find(name string) *link.Link {
	for _, l := range f.links() {
		if l.Name() == name {
			return l
		}
	}
	return nil
}

// config is how a link is set up, or was before it was taken out.
func (f *fleet) config(name string) link.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known[name]
}
