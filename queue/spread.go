package queue

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// Connections that lost their server are at another one, and stay there when theirs is back: after all servers
// of a cluster were restarted, one by one, one may have all connections, and when it hangs nothing answers. So
// those of a crowd are moved again, one at a time, and none that the log is read from, or while a snapshot is
// on its way. What is asked over it is done by then, or is asked again.
const (
	spreadEvery  = 5 * time.Second // between two looks
	spreadSeldom = 5 * time.Minute // at most, after looks that found no server without a connection
	spreadProbe  = 2 * time.Second // whether a server answers
	spreadDrain  = time.Second     // for what is under way on a connection
	spreadMove   = 5 * time.Second
)

// spreader moves connections.
type spreader struct {
	q       *Queue
	o       Options
	large   atomic.Int32                        // snapshots on their way
	reading atomic.Int32                        // connection from which the log is read, from 1
	want    [connections]atomic.Pointer[string] // URL of the server that a connection is moved to
}

// chosen is for the library, when a connection is made again; nil for the next of its list.
func (s *spreader) chosen(i int, servers []nats.Server) *nats.Server {
	want := s.want[i].Load()
	if want == nil {
		return nil
	}
	at := slices.IndexFunc(servers, func(one nats.Server) bool { return one.URL.String() == *want })
	if at < 0 || !s.want[i].CompareAndSwap(want, nil) { // once: it may be gone by now
		return nil
	}
	return &servers[at]
}

// run looks until Close.
func (s *spreader) run() {
	wait := spreadEvery
	for {
		select {
		case <-s.q.closing:
			return
		case <-time.After(wait):
		}
		crowded, moved := s.look()
		switch {
		case moved || !crowded:
			wait = spreadEvery
		default:
			wait = min(2*wait, spreadSeldom)
		}
	}
}

// look moves one connection where several are to one server and another server has none.
func (s *spreader) look() (crowded, moved bool) {
	count := make(map[string]int)
	var used []string
	for i, c := range s.q.conns {
		if !c.IsConnected() || s.q.mute[i].Load() || s.large.Load() > 0 {
			return false, false // not now
		}
		count[c.ConnectedServerName()]++
		used = append(used, c.ConnectedUrl())
	}
	from := -1
	for i, c := range s.q.conns {
		if n := count[c.ConnectedServerName()]; n > 1 && i+1 != int(s.reading.Load()) && (from < 0 || n > count[s.q.conns[from].ConnectedServerName()]) {
			from = i
		}
	}
	if from < 0 {
		return false, false
	}
	for _, url := range s.q.conns[from].Servers() {
		if slices.Contains(used, url) {
			continue
		}
		if name := s.probe(url); name != "" && count[name] == 0 {
			return true, s.move(from, url)
		}
	}
	return true, false
}

// probe is the name of the server that answers at a URL; "" when none does.
func (s *spreader) probe(url string) string {
	quiet := []nats.Option{nats.NoReconnect(), nats.Timeout(spreadProbe), nats.IgnoreDiscoveredServers(), nats.DisconnectErrHandler(nil), nats.ErrorHandler(nil)}
	nc, err := nats.Connect(url, append(s.q.options(s.o), quiet...)...)
	if err != nil {
		return ""
	}
	defer nc.Close()
	return nc.ConnectedServerName()
}

// move makes a connection again, at another server. Nothing uses it meanwhile.
func (s *spreader) move(i int, url string) bool {
	if !s.q.mute[i].CompareAndSwap(false, true) {
		return false
	}
	defer s.q.mute[i].Store(false)
	select {
	case <-s.q.closing:
		return false
	case <-time.After(spreadDrain):
	}
	if s.large.Load() > 0 || i+1 == int(s.reading.Load()) {
		return false
	}
	c := s.q.conns[i]
	was := c.ConnectedServerName()
	s.want[i].Store(&url)
	defer s.want[i].Store(nil)
	if c.ForceReconnect() != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), spreadMove)
	defer cancel()
	for c.FlushWithContext(ctx) != nil && ctx.Err() == nil {
		select {
		case <-s.q.closing:
			return false
		case <-time.After(firstPause):
		}
	}
	s.q.log.Info().Str("from", was).Str("to", c.ConnectedServerName()).Msg("a connection was moved: several were to one NATS server, and none to another")
	return c.ConnectedServerName() != was
}

// carries keeps all connections where they are until the function that it returns is called.
func (s *spreader) carries() (end func()) {
	s.large.Add(1)
	return sync.OnceFunc(func() { s.large.Add(-1) })
}
