// Package reroute moves the messages of routes that the configuration has no more to the routes that take
// their numbers now.
//
//	the store's routes, less those of the configuration -> each message -> otp.Service.Route -> another route's queue
package reroute

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/rs/zerolog"
)

// Times of the messages whose route is no more.
const (
	checkPause   = 5 * time.Second  // between two looks for such routes, for another daemon may still know them
	waitPause    = 10 * time.Second // before a message is looked at again that no route takes
	atOnce       = 8                // at once
	lastPriority = 9                // whoever still sends over the route comes first
)

// Mover does so, so that a route which was taken out strands nothing: neither what waited then, nor what
// another daemon stores that still knows it.
type Mover struct {
	Queue *queue.Queue
	Route func(otp.Traffic) (route string, err error)
	Known func() []string // the routes of the configuration
	Log   zerolog.Logger

	moving map[string]context.CancelFunc // owned by Run
	all    sync.WaitGroup
}

// Run moves messages until ctx ends; changed says that Known answers otherwise now.
func (m *Mover) Run(ctx context.Context, changed <-chan struct{}) error {
	m.moving = make(map[string]context.CancelFunc)
	defer m.all.Wait()
	check := time.NewTicker(checkPause)
	defer check.Stop()
	for {
		m.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-check.C:
		}
	}
}

// look begins with the routes that are no more, and ends with those that are there again.
func (m *Mover) look(ctx context.Context) {
	known := m.Known()
	for _, route := range m.Queue.Stranded() {
		if err := m.Queue.AddRoute(route); err != nil {
			m.Log.Error().Err(err).Msg("the messages of a route that is no more cannot be read")
		}
	}
	for _, route := range m.Queue.Routes() {
		if slices.Contains(known, route) || m.moving[route] != nil {
			continue
		}
		one, stop := context.WithCancel(ctx)
		m.moving[route] = stop
		if n := m.Queue.SMS(route).Len(); n > 0 {
			m.Log.Warn().Str("route", route).Int("messages", n).Msg("the route is no more; its messages go over the routes that take their numbers")
		}
		m.all.Go(func() { m.empty(one, route) })
	}
	for _, route := range slices.Collect(maps.Keys(m.moving)) {
		if slices.Contains(known, route) {
			m.moving[route]()
			delete(m.moving, route)
		}
	}
}

// empty moves the messages of one route until ctx ends.
func (m *Mover) empty(ctx context.Context, route string) {
	puller, err := m.Queue.SMS(route).Pull(ctx, queue.PullOptions{Max: atOnce, Priority: lastPriority})
	if err != nil {
		return // the store is closed
	}
	defer puller.Stop()
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for {
				d, err := puller.Next(ctx)
				if err != nil {
					return
				}
				m.move(ctx, d)
			}
		})
	}
	all.Wait()
}

// move is for one message. One that no route takes waits, for its PIN lives a while and the configuration may
// be mended.
func (m *Mover) move(ctx context.Context, d *queue.Delivery) {
	o, err := queue.ParseOutbound(d.Data)
	var to string
	ok := false
	if err == nil {
		var none error
		to, none = m.Route(otp.Traffic{App: o.App, From: o.From, To: o.To})
		ok = none == nil
	}
	if ok && to != o.Route {
		err = m.Queue.Commit(ctx, m.Queue.Begin().Move(d, to))
	}
	switch {
	case err != nil && errors.Is(err, queue.ErrConflict):
	case err != nil, !ok:
		m.Log.Error().Err(err).Str("msg", o.ID).Str("route", o.Route).Msg("no route takes the message of a route that is no more; it waits")
		_ = d.Nak(waitPause)
	case to == o.Route: // the route is there again
		_ = d.Nak(0)
	}
}
