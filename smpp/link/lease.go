package link

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

// The times of places, see hold.
const (
	leaseLook  = 200 * time.Millisecond // how often it is looked at who holds places
	letGo      = 800 * time.Millisecond // for the unbind of a place that was lost; the queue's lease leaves one second
	yieldAfter = 5 * time.Second        // without a bind a place is given to a daemon that may do better
	yieldTime  = 2 * time.Second        // and left to it for so long
)

// errPlaceLost ends the sessions of a place that was not renewed.
var errPlaceLost = errors.New("the lease of this bind was not renewed in time")

// places are the binds that are held or given up together: a transmitter goes with its receiver.
func (l *Link) places() (all [][]*bind) {
	n := 1
	if l.cfg.Bind == BindSplit {
		n = 2
	}
	for i := 0; i < len(l.binds); i += n {
		all = append(all, l.binds[i:i+n])
	}
	return all
}

// hold keeps the binds of one place until ctx ends: always where the carrier has no limit over all daemons
// (Config.MaxBinds), else while this daemon has a lease of one of so many places. Without one they stand by.
func (l *Link) hold(ctx context.Context, binds []*bind) {
	if l.cfg.MaxBinds == 0 {
		runAll(ctx, binds)
		return
	}
	for ctx.Err() == nil {
		lease := l.standBy(ctx, binds)
		if lease == nil {
			break
		}
		yielded := l.holdLeased(ctx, binds, lease)
		lease.Release(ctx)
		if yielded {
			standing(binds)
			_ = backoff.Sleep(ctx, yieldTime)
		}
	}
	for _, b := range binds {
		b.set(stateStopped, nil, nil)
	}
}

func runAll(ctx context.Context, binds []*bind) {
	var all sync.WaitGroup
	for _, b := range binds {
		all.Go(func() { b.run(ctx) })
	}
	all.Wait()
}

func standing(binds []*bind) {
	for _, b := range binds {
		b.set(stateStandby, nil, nil)
	}
}

// standBy waits for a place; nil when ctx ended.
func (l *Link) standBy(ctx context.Context, binds []*bind) *queue.Lease {
	told := false
	for ctx.Err() == nil {
		if _, all := l.deps.Queue.Leases(l.cfg.Name); all < l.cfg.MaxBinds {
			lease, err := l.deps.Queue.Lease(ctx, l.cfg.Name, l.cfg.MaxBinds)
			if err == nil {
				return lease
			}
			if !errors.Is(err, queue.ErrConflict) {
				l.log.Debug().Err(err).Msg("no lease for a bind, trying again")
			}
		} else if !told {
			told = true
			l.log.Info().Int("max_binds", l.cfg.MaxBinds).Msg("standing by: all binds that the carrier allows are held")
		}
		standing(binds)
		_ = backoff.Sleep(ctx, leaseLook)
	}
	return nil
}

// holdLeased keeps the binds while the lease is good, and reports whether it gave the place up because it
// cannot bind.
func (l *Link) holdLeased(ctx context.Context, binds []*bind, lease *queue.Lease) (yielded bool) {
	if mine, all := l.deps.Queue.Leases(l.cfg.Name); all > mine && l.cfg.TPS > 0 {
		_ = backoff.Sleep(ctx, 2*leaseLook) // until the other holders have gone down to their share of the rate
	}
	life, end := context.WithCancel(ctx)
	defer end()
	for _, b := range binds {
		b.lease.Store(lease)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runAll(life, binds)
	}()
	tick := time.NewTicker(leaseLook)
	defer tick.Stop()
	bound := time.Now()
	for {
		select {
		case <-ended:
			return false
		case <-lease.Lost():
			l.log.Warn().Msg("a bind's lease was not renewed in time; it is given up before another daemon may bind")
			end()
			l.cut(binds, ended)
			return false
		case <-tick.C:
		}
		if anyBound(binds) {
			bound = time.Now()
		}
		if _, others := l.deps.Queue.Daemons(); len(others) > 0 && time.Since(bound) > yieldAfter && ctx.Err() == nil {
			l.log.Debug().Msg("a place for a bind is left to another daemon")
			end()
			<-ended
			return true
		}
	}
}

// cut lets binds that end unbind, for a moment.
func (l *Link) cut(binds []*bind, ended <-chan struct{}) {
	timer := time.NewTimer(letGo)
	defer timer.Stop()
	select {
	case <-ended:
		return
	case <-timer.C:
	}
	for _, b := range binds {
		b.mu.Lock()
		if b.sess != nil {
			b.sess.Close(errPlaceLost)
		}
		b.mu.Unlock()
	}
	<-ended
}

func anyBound(binds []*bind) bool {
	for _, b := range binds {
		if b.status().State == stateBound {
			return true
		}
	}
	return false
}

// shareRate keeps TPS over all daemons: each has as much of it as it holds of the places.
func (l *Link) shareRate(ctx context.Context) {
	if l.cfg.MaxBinds == 0 || l.cfg.TPS == 0 {
		return
	}
	for backoff.Sleep(ctx, leaseLook) == nil {
		if mine, all := l.deps.Queue.Leases(l.cfg.Name); mine > 0 {
			l.governor.limit(float64(l.cfg.TPS) * float64(mine) / float64(all))
		}
	}
}

// Standby tells whether the link does not send here because other daemons hold all the binds that its carrier
// allows.
func (l *Link) Standby() bool {
	for _, b := range l.binds {
		if b.sends() && b.status().State != stateStandby {
			return false
		}
	}
	return true
}
