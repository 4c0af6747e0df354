package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// errand is a message in the hands of this daemon, and the links that tried it without success since the queue gave it.
type errand struct {
	*queue.Delivery
	tried []*Link
}

// Introduce tells the links of a daemon of each other, so that one can hand another a message that it cannot send. Call it
// before they run, and again when there are others.
//
// The queue cannot do that: given back, a message goes to the waiting link of the highest priority, which is the one
// that failed. Were that link to stop pulling for a while instead, one odd message would move the traffic of a whole
// route. So the message alone moves, within the process, still unacknowledged: killed meanwhile, the queue has it.
func Introduce(links []*Link) {
	for _, l := range links {
		peers := slices.DeleteFunc(slices.Clone(links), func(o *Link) bool { return o == l })
		l.peers.Store(&peers)
	}
}

// later sends a message that did not pass over another link of its route, or gives it back for another try, and slows or
// ends what the answer says is at fault.
func (b *bind) later(ctx context.Context, s *session.Session, e errand, m *queue.Outbound, r result) {
	l := b.link
	delay := min(retryDelayLimit, time.Second<<min(e.Attempt-1, 5))
	dropped := r.err != nil && !errors.Is(r.err, session.ErrTimeout)
	switch {
	case r.class == Throttled:
		delay = throttleDelay // the governor has heard of it
	case r.class == Misconfigured:
		l.log.Error().Stringer("status", r.status).Msg("the SMSC says that the link is set up wrongly; it stops for a minute")
		s.Close(fmt.Errorf("%w: %w", errMisconfigured, r.status))
	case r.status == wire.StatusInvBindSts, r.status == wire.StatusAlreadyBound:
		s.Close(r.status) // the SMSC takes this connection for something else: bind again
	case dropped:
		delay = 0 // the session ended under it: whoever is bound takes it at once
	}
	log := l.log.Debug().Str("msg", m.ID).Stringer("class", r.class).Stringer("status", r.status).AnErr("cause", r.err).Int("attempt", e.Attempt)
	if r.class != Throttled && r.class != Delayed && !dropped && l.handOver(ctx, e, m.Route, log.Msg) {
		return
	}
	log.Msg("message waits for another try")
	if delay > 0 {
		delay += rand.N(delay / 2)
	}
	b.giveBack(e.Delivery, delay)
}

// handOver submits a message over another link of its route that is bound and did not have it yet; false when there is
// none with room.
func (l *Link) handOver(ctx context.Context, e errand, route string, say func(string)) bool {
	e.tried = append(e.tried, l)
	for _, o := range l.others(route, e.tried) {
		b, p, ok := o.lend(ctx)
		if !ok {
			continue
		}
		say("message goes over the link " + o.cfg.Name)
		l.deps.Metrics.handed(l.cfg.Name, o.cfg.Name)
		b.submit(ctx, p, e)
		return true
	}
	return false
}

// others are the other links of a route, the first in priority first.
func (l *Link) others(route string, tried []*Link) []*Link {
	var all []*Link
	peers := l.peers.Load()
	if peers == nil {
		return nil
	}
	for _, o := range *peers {
		if _, serves := o.priority(route); serves && !slices.Contains(tried, o) {
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

// priority is the link's in a route that it pulls from.
// elsewhereTries is how often a message is taken from the queue that only another link may get through, while none is bound.
const elsewhereTries = 4

// lastResort: no other link can be expected to take a message that this one cannot send.
func (l *Link) lastResort(e errand, route string) bool {
	return e.Attempt >= elsewhereTries || len(l.others(route, append(slices.Clone(e.tried), l))) == 0
}

func (l *Link) priority(route string) (uint8, bool) {
	routes, _ := l.orders.pulls()
	i := slices.IndexFunc(routes, func(r Route) bool { return r.Name == route })
	if i < 0 {
		return 0, false
	}
	return routes[i].Priority, true
}

// lend finds a bind that can send now, and leave to send one part over it.
func (l *Link) lend(ctx context.Context) (*bind, permit, bool) {
	ctx, cancel := context.WithTimeout(ctx, lendTimeout)
	defer cancel()
	for _, b := range l.binds {
		b.mu.Lock()
		s := b.sess
		b.mu.Unlock()
		if !b.sends() || s == nil || s.State() != session.Bound {
			continue
		}
		if p, err := b.reserve(ctx, s); err == nil {
			return b, p, true
		}
	}
	return nil, permit{}, false
}
