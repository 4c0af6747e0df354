package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// Lease is one of so many places under a name, of which the daemons that share a store hold each at most
// once: a bind at a carrier that allows few.
//
// The holder renews it every leaseRenewal, in the log. Three clocks end it, in this order, and none is a wall
// clock:
//
//	leaseTime - leaseMargin      by the holder's monotonic clock, from the beginning of the last renewal: Lost is closed, and
//	                             the holder has to let go of what it holds
//	leaseTime - leaseMargin / 2  by the same clock: Good is false, and nothing may be done on the strength of the lease; a
//	                             process that was paused meanwhile asks Good before each thing that it does
//	leaseTime                    by the log's clock, from the commit of that renewal, which is later: another may take it
//
// So the holder is over leaseMargin / 2 (1 s) before another begins, as long as the clocks of the holder and
// of the log differ by less in leaseTime (6 s). A daemon that ends well gives its leases back, and they are
// free at once.
//
// A store that is one daemon's alone keeps its leases in memory. A lease that nobody gave back is lost when
// the store is closed.
type Lease struct {
	q        *Queue
	key      string
	revision uint64
	from     time.Time
	good     atomic.Int64 // until when Good is true, as monotonic time since from

	lost   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

// ErrLease is that of work that was done on the strength of a lease which is over.
var ErrLease = errors.New("queue: the lease is over")

// leaseTake is how long taking or giving back a lease may last.
const leaseTake = 2 * time.Second

// mostPlaces is how many places a name has at most. While the number is changed, daemon by daemon, some hold
// places that for others are not there any more, and all that are held count. The configuration allows as many.
const mostPlaces = 64

// Lease takes a free place; ErrConflict when as many as there are are held. Release gives it back.
func (q *Queue) Lease(ctx context.Context, name string, places int) (*Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, leaseTake)
	defer cancel()
	if _, all := q.Leases(name); all >= places {
		return nil, fmt.Errorf("%w: all %d places of %s are held", ErrConflict, places, name)
	}
	for n := range places {
		key := leaseKey(name, n)
		if q.daemons == nil {
			if q.alone.take(key) {
				return &Lease{q: q, key: key, lost: make(chan struct{})}, nil
			}
			continue
		}
		if _, held := q.ledger.Get(bucketLeases, key); held {
			continue
		}
		l := &Lease{q: q, key: key, from: time.Now(), lost: make(chan struct{}), done: make(chan struct{})}
		err := l.renew(ctx, commitlog.IfAbsent)
		switch {
		case err == nil:
			l.keep()
			return l, nil
		case !errors.Is(err, ErrConflict):
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: all %d places of %s are held", ErrConflict, places, name)
}

// Leases are how many places are held, and how many of them by this daemon.
func (q *Queue) Leases(name string) (mine, all int) {
	for n := range mostPlaces {
		key := leaseKey(name, n)
		if q.daemons == nil {
			if q.alone.has(key) {
				mine, all = mine+1, all+1
			}
			continue
		}
		if e, held := q.ledger.Get(bucketLeases, key); held {
			all++
			if string(e.Value) == q.daemons.self {
				mine++
			}
		}
	}
	return mine, all
}

func leaseKey(name string, n int) string { return name + "/" + strconv.Itoa(n) }

// Lost is closed when the lease was not renewed in time, or is another's. The holder lets go at once.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Good tells whether anything may be done on the strength of the lease. It is cheap.
func (l *Lease) Good() bool { return l.q.daemons == nil || int64(time.Since(l.from)) < l.good.Load() }

func (l *Lease) renew(ctx context.Context, cond commitlog.Condition) error {
	if cond == commitlog.IfRevision {
		l.adopt()
	}
	begun := time.Since(l.from)
	revision, err := l.q.ledger.Commit(ctx, commitlog.Tx{{Bucket: bucketLeases, Key: l.key, Value: []byte(l.q.daemons.self),
		TTL: leaseTime, If: cond, Revision: l.revision}})
	if err != nil {
		return logError(err)
	}
	l.revision = revision
	l.good.Store(int64(begun + leaseTime - leaseMargin/2))
	return nil
}

// adopt takes the revision of a renewal of which it was not known whether it was stored; false when the lease
// is not this daemon's any more.
func (l *Lease) adopt() bool {
	e, ok := l.q.ledger.Get(bucketLeases, l.key)
	if !ok || string(e.Value) != l.q.daemons.self {
		return false
	}
	l.revision = e.Revision
	return true
}

// keep renews the lease until it is lost or given back. The end is told by a timer, for a store that hangs
// may answer late.
func (l *Lease) keep() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	lose := sync.OnceFunc(func() { close(l.lost) })
	end := time.AfterFunc(l.left(), lose)
	go func() {
		defer close(l.done)
		defer lose()
		defer end.Stop()
		tick := time.NewTicker(leaseRenewal)
		defer tick.Stop()
		for l.left() > 0 {
			select {
			case <-ctx.Done():
				return
			case <-l.lost:
				return
			case <-l.q.closing:
				l.good.Store(0)
				return
			case <-tick.C:
			}
			attempt, cancel := context.WithTimeout(ctx, l.left())
			err := l.renew(attempt, commitlog.IfRevision)
			cancel()
			switch {
			case err == nil:
				end.Reset(l.left())
			case errors.Is(err, ErrConflict): // it ran out by the log's clock, or another has it
				l.good.Store(0)
				return
			}
		}
	}()
}

// left is how long the holder may hold on.
func (l *Lease) left() time.Duration {
	return time.Duration(l.good.Load()) - leaseMargin/2 - time.Since(l.from)
}

// Release gives the place back, so that another may take it at once: what was held under it is let go of.
func (l *Lease) Release(ctx context.Context) {
	if l.q.daemons == nil {
		l.q.alone.free(l.key)
		return
	}
	l.cancel()
	<-l.done
	l.good.Store(0)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseTake)
	defer cancel()
	for l.adopt() {
		_, err := l.q.ledger.Commit(ctx, commitlog.Tx{{Bucket: bucketLeases, Key: l.key, Action: commitlog.Delete, If: commitlog.IfRevision, Revision: l.revision}})
		if !errors.Is(err, commitlog.ErrConflict) {
			return // when the store does not answer the lease runs out
		}
		// It is another's now; or a renewal that was under way when it was given up was stored first, and it is
		// still ours.
	}
}

// holdings are the leases of a store that is this daemon's alone.
type holdings struct {
	mu   sync.Mutex
	held map[string]bool // guarded by mu
}

func (h *holdings) take(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held[key] {
		return false
	}
	if h.held == nil {
		h.held = make(map[string]bool)
	}
	h.held[key] = true
	return true
}

func (h *holdings) has(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.held[key]
}

func (h *holdings) free(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, key)
}
