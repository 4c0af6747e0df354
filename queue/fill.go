package queue

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// gateAge is how old the known fill of a bucket may be.
const gateAge = time.Second

// gate keeps new keys out of a bucket in JetStream that is at its bound, and knows about how full it is. A
// single server lets a change of an existing key pass in a full bucket; a replicated stream refuses every
// write (nats-server checkMsgHeadersPreClusteredProposal). So there the stream gets more room than the
// bound, and new keys stop at the bound.
type gate struct {
	bound Bound
	fill  func(context.Context) (msgs, bytes uint64, err error)

	mu    sync.Mutex
	msgs  uint64 // guarded by mu; as last asked, and those created since
	bytes uint64
	asked time.Time
}

// headroom is the room of a replicated bucket beyond its bound.
func (b Bound) headroom() Bound {
	b.Msgs += b.Msgs/8 + 1000
	b.Bytes += b.Bytes / 8
	return b
}

// enter is ErrFull when there is no room for a new key. When the fill cannot be had, the write itself will
// tell why.
func (g *gate) enter(ctx context.Context) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.asked) > gateAge {
		ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		if msgs, bytes, err := g.fill(ctx); err == nil {
			g.msgs, g.bytes = msgs, bytes
		}
		g.asked = time.Now()
	}
	if g.msgs >= uint64(g.bound.Msgs) || g.bytes >= uint64(g.bound.Bytes) {
		return fmt.Errorf("%w: bucket at its limit", ErrFull)
	}
	g.msgs++
	return nil
}

// known is how many keys there are, and what part of the bound they take, as last asked.
func (g *gate) known() (keys int, full float64) {
	if g == nil {
		return 0, 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return int(g.msgs), max(float64(g.msgs)/float64(g.bound.Msgs), float64(g.bytes)/float64(g.bound.Bytes))
}

// addGates makes a gate for each bucket that refuses when full, and gives the stream of a replicated one the
// room.
func (q *Queue) addGates(replicated bool) {
	q.gates = make(map[string]*gate)
	for i, a := range q.assets {
		if a.form != bucketForm || !a.refuses() {
			continue
		}
		q.gates[a.name] = &gate{bound: a.bound, fill: func(ctx context.Context) (uint64, uint64, error) {
			s, err := q.streamIn(ctx).Stream(ctx, a.name)
			if err != nil {
				return 0, 0, err
			}
			state := s.CachedInfo().State
			return state.Msgs, state.Bytes, nil
		}}
		if replicated {
			q.assets[i].bound = a.bound.headroom()
		}
	}
}
