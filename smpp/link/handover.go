package link

import (
	"cmp"
	"context"
	"slices"
)

// Introduce tells the links of a daemon of each other, so that one can hand another a message that it cannot
// send. Call it before they run, and again when there are others.
//
// The queue cannot do that: given back, a message goes to the waiting link of the highest priority, which is
// the one that failed. Were that link to stop pulling for a while instead, one odd message would move the
// traffic of a whole route. So the message alone moves, within the process, still unacknowledged: killed
// meanwhile, the queue has it.
//
// From then on it is the other link's: it waits for that one's window and rate and not in the room of the
// link that it came from, so a silent backup never holds up a good primary.
func Introduce(links []*Link) {
	if len(links) == 0 {
		return
	}
	shared := links[0].ledger
	for _, l := range links {
		if l.peers.Load() != nil {
			shared = l.ledger // of those that run
		}
	}
	for _, l := range links {
		if l.peers.Load() == nil {
			l.ledger = shared
		}
		peers := slices.DeleteFunc(slices.Clone(links), func(o *Link) bool { return o == l })
		l.peers.Store(&peers)
	}
}

// handOver gives a message to another link of its route that can send now and did not have it yet; false when
// there is none with room.
func (l *Link) handOver(e *errand) bool {
	e.tried = append(e.tried, l)
	for _, o := range l.others(e.m.Route) {
		if !slices.Contains(e.tried, o) && !e.turnedAway(o) && l.giveTo(o, e) {
			return true
		}
	}
	return false
}

// giveTo hands a message to a link; false when it has no room now, or is paused.
func (l *Link) giveTo(o *Link, e *errand) bool {
	if o.Paused() {
		return false
	}
	for _, b := range o.binds {
		b.mu.Lock()
		w := b.shift
		taken := w != nil && w.admit(e)
		b.mu.Unlock()
		if taken {
			l.log.Debug().Str("msg", e.m.ID).Str("to", o.cfg.Name).Msg("message goes over another link")
			l.deps.Metrics.handed(l.cfg.Name, o.cfg.Name)
			return true
		}
	}
	return false
}

// admit takes a message of another link, if not too many wait here already: it is sent when it gets its turn
// within lendTimeout, and goes on to the next link, or back to the queue, when it does not. The caller holds
// the bind's mu, so that none is admitted when the shift is over.
func (w *shift) admit(e *errand) bool {
	select {
	case w.guests <- struct{}{}:
	default:
		return false
	}
	w.sending.Go(func() {
		turn, cancel := context.WithTimeout(w.ctx, lendTimeout)
		p, err := w.leave(turn)
		cancel()
		<-w.guests
		if err != nil {
			w.bind.link.passOn(e)
			return
		}
		defer func() { <-w.bind.unsettled }()
		w.submit(context.WithoutCancel(w.ctx), p, e)
	})
	return true
}

// passOn is for a message that this link had no room for, or must not send.
func (l *Link) passOn(e *errand) {
	if !l.handOver(e) {
		l.retry(e)
	}
}

func (l *Link) otherLinks() []*Link {
	if peers := l.peers.Load(); peers != nil {
		return *peers
	}
	return nil
}

// others are the other links of a route, the first in priority first.
func (l *Link) others(route string) []*Link {
	var all []*Link
	for _, o := range l.otherLinks() {
		if _, serves := o.priority(route); serves {
			all = append(all, o)
		}
	}
	slices.SortStableFunc(all, func(a, b *Link) int {
		pa, _ := a.priority(route)
		pb, _ := b.priority(route)
		return cmp.Compare(pa, pb)
	})
	return all
}

// priority is the link's in a route that it pulls from. elsewhereTries is how often a message is taken from
// the queue that only another link may get through, while none is bound.
const elsewhereTries = 4

// lastResort: no other link can be expected to take a message that this one cannot send.
func (l *Link) lastResort(e *errand) bool {
	left := slices.DeleteFunc(l.others(e.m.Route), e.turnedAway)
	return len(left) == 0 || e.trouble != nil && e.trouble.failures >= elsewhereTries
}

func (l *Link) priority(route string) (uint8, bool) {
	routes, _ := l.orders.pulls()
	i := slices.IndexFunc(routes, func(r Route) bool { return r.Name == route })
	if i < 0 {
		return 0, false
	}
	return routes[i].Priority, true
}

// turnedAway: the carrier of link o said that it does not carry such a message.
func (e *errand) turnedAway(o *Link) bool {
	if e.trouble == nil {
		return false
	}
	_, ok := e.trouble.away[o.cfg.Name]
	return ok
}
