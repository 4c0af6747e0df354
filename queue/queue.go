package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// connections is how many are kept: one serialises, and four are as fast as more.
const connections = 4

const (
	openTimeout  = 30 * time.Second // for a context that brings no deadline
	stopTimeout  = 5 * time.Second
	readyTimeout = 2 * time.Second
)

// Queue is an open store. It is safe for use by many goroutines.
type Queue struct {
	log      zerolog.Logger
	patience time.Duration // see Impatient
	assets   []asset
	server   *embedded // nil when external
	marker   *marker   // nil: nothing is noted

	// What was found missing at the start, beside the holes of the log.
	lostEnd, lostOthers int64

	disk *disk // of the server

	snapshotBound int64 // octets, of two of them; 0: no bound
	coldBound     int64 // of the file of what left the memory; the same

	// Written by Open only.
	ledger   *commitlog.Log
	daemons  *daemons // nil when the store is this daemon's alone
	alone    holdings // the leases then
	buckets  map[string]*Bucket
	work     atomic.Pointer[[]*work] // replaced when a route is added
	smsBound Bound                   // of each route
	adding   sync.Mutex              // of routes, one at a time
	timers   *timers
	schedule *schedule
	conns    []*nats.Conn
	streams  []jetstream.JetStream                    // one per connection
	handles  map[string][connections]jetstream.Stream // for reads, by stream name
	gates    map[string]*gate                         // of key-value buckets that refuse when full, by stream name

	ticks        sync.WaitGroup
	spreader     spreader
	memory       atomic.Int64 // see SetMemory
	fill         logFill      // of the log's stream
	snapshotRoom snapshotRoom
	erasing      atomic.Int32             // callers of Compact
	lastRead     atomic.Int64             // when something of the log was read, in Unix nanoseconds; see whileReading
	readAt       atomic.Uint64            // up to which position of it
	readers      readersEnded             // those of the log
	returned     atomic.Bool              // a connection was lost and is back, and the log may be another; see compareLog
	turn         atomic.Uint32            // round robin over the connections
	mute         [connections]atomic.Bool // connections whose server did not answer
	closing      chan struct{}            // closed when Close begins
	done         chan struct{}            // closed when Close ended
	ended        chan struct{}            // see Ended
	fatal        error                    // written before ended is closed

	mu      sync.Mutex
	pullers map[*Puller]struct{} // guarded by mu; nil after Close
}

// Open starts the embedded server or connects to the external one, checks that it can do what is needed, and
// makes or updates streams, buckets and consumers. ErrInUse, ErrVersion and everything else come with a
// sentence for the operator.
func Open(ctx context.Context, o Options) (*Queue, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, openTimeout)
		defer cancel()
	}
	q := &Queue{log: o.Log, patience: o.Patience, assets: assets(o), handles: make(map[string][connections]jetstream.Stream), pullers: make(map[*Puller]struct{}),
		closing: make(chan struct{}), done: make(chan struct{}),
		ended: make(chan struct{})}
	q.memory.Store(o.Memory)
	q.spreader.q, q.spreader.o = q, o
	q.declare(o)
	if err := q.open(ctx, o); err != nil {
		closeCtx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		return nil, errors.Join(err, q.Close(closeCtx))
	}
	return q, nil
}

func (q *Queue) open(ctx context.Context, o Options) (err error) {
	scale := 1.0
	switch {
	case o.URL == "":
		if q.server, scale, err = startEmbedded(ctx, o, q.assets); err != nil {
			return err
		}
		q.disk = q.server.disk
	case o.Size > 0:
		scale = float64(o.Size) / float64(sizeOf(q.assets))
	}
	scaleBounds(q.assets, scale)
	if q.server != nil || o.Size > 0 { // else nobody has said how much of another's disk there is
		q.snapshotBound = int64(float64(snapshotBound) * scale)
		q.coldBound = int64(float64(coldBound) * scale)
	}
	if err := q.connect(ctx, o); err != nil {
		return err
	}
	q.addGates(o.Replicas > 1)
	if err := q.lookForOlder(ctx); err != nil {
		return err
	}
	if err := q.apply(ctx, o.Replicas); err != nil {
		return err
	}
	if err := q.openHandles(ctx); err != nil {
		return err
	}
	return q.openLog(ctx, o)
}

// Ready tells whether the store takes a write now; a lost leader is seen only by writing. It takes two
// seconds at most.
func (q *Queue) Ready(ctx context.Context) error {
	if err := cmp.Or(q.disk.err(), q.disk.little()); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return logError(q.ledger.Barrier(ctx))
}

// Now is the store's clock, which all daemons share: that of the NATS server's time stamps, or of this
// process where the server is in it. It does not go back when a clock is set.
func (q *Queue) Now() time.Time { return q.ledger.Now() }

// left is the time to live that remains until a time of the store's clock; 0 for for ever.
func (q *Queue) left(expires time.Time) time.Duration {
	if expires.IsZero() {
		return 0
	}
	return max(expires.Sub(q.Now()), time.Millisecond)
}

// Close stops the pullers, which give back what they hold, closes the connections, and shuts the embedded
// server down. Callers first end what uses the queue; an operation still running fails with ErrUnavailable.
// The error is ctx's when that ended first; the shutdown then goes on without it.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	pullers := q.pullers
	first := pullers != nil
	q.pullers = nil
	q.mu.Unlock()
	if first {
		close(q.closing)
		go func() {
			defer close(q.done)
			q.shutdown(pullers)
		}()
	}
	select {
	case <-q.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("queue: shutdown unfinished: %w", ctx.Err())
	}
}

func (q *Queue) shutdown(pullers map[*Puller]struct{}) {
	var wg sync.WaitGroup
	for p := range pullers {
		wg.Go(p.Stop)
	}
	wg.Wait()
	q.closeLog()
	for _, c := range q.conns {
		c.Close()
	}
	if q.server != nil {
		q.server.stop()
	}
}

// add registers a puller; false when the queue is closing.
func (q *Queue) add(p *Puller) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pullers == nil {
		return false
	}
	q.pullers[p] = struct{}{}
	return true
}

func (q *Queue) remove(p *Puller) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.pullers, p)
}
