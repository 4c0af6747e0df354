package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// connections is how many are kept: one serialises, and four are as fast as more.
const connections = 4

const (
	openTimeout  = 30 * time.Second // for a context that brings no deadline
	readyTimeout = 2 * time.Second
)

// Queue is an open store. It is safe for use by many goroutines.
type Queue struct {
	log    zerolog.Logger
	assets []asset
	server *embedded // nil when external

	ballast *ballast // nil when external

	// Written by Open only.
	conns   []*nats.Conn
	streams []jetstream.JetStream       // one per connection
	handles map[string]jetstream.Stream // for reads, by stream name
	gates   map[string]*gate            // of replicated buckets, by stream name

	turn    atomic.Uint32 // round robin over the connections
	closing chan struct{} // closed when Close begins
	done    chan struct{} // closed when Close ended

	mu      sync.Mutex
	pullers map[*Puller]struct{} // guarded by mu; nil after Close
}

// Open starts the embedded server or connects to the external one, checks that it can do what is needed, and makes or updates
// streams, buckets and consumers. ErrInUse, ErrVersion and everything else come with a sentence for the operator.
func Open(ctx context.Context, o Options) (*Queue, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, openTimeout)
		defer cancel()
	}
	q := &Queue{log: o.Log, assets: assets(o), handles: make(map[string]jetstream.Stream), pullers: make(map[*Puller]struct{}),
		closing: make(chan struct{}), done: make(chan struct{})}
	if err := q.open(ctx, o); err != nil {
		closeCtx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		return nil, errors.Join(err, q.Close(closeCtx))
	}
	return q, nil
}

func (q *Queue) open(ctx context.Context, o Options) (err error) {
	if o.URL == "" {
		var scale float64
		if q.server, scale, err = startEmbedded(ctx, o, q.assets); err != nil {
			return err
		}
		scaleLimits(q.assets, scale)
	}
	if err := q.connect(ctx, o); err != nil {
		return err
	}
	if o.Replicas > 1 {
		q.addGates()
	}
	if err := q.apply(ctx, o.Replicas); err != nil {
		return err
	}
	for i, a := range q.assets {
		h, err := q.streams[i%connections].Stream(ctx, a.name)
		if err != nil {
			return fmt.Errorf("queue: stream %s: %w", a.name, err)
		}
		q.handles[a.name] = h
	}
	if q.server != nil {
		q.ballast = q.startBallast(ctx)
	}
	return nil
}

// Records holds the state of each OTP.
func (q *Queue) Records() *Bucket { return q.bucket(streamRecords) }

// Receipts maps carriers' message ids.
func (q *Queue) Receipts() *Bucket { return q.bucket(streamReceipts) }

// Keys holds what ties the store to the secret key (seal.Box.Anchor).
func (q *Queue) Keys() *Bucket { return q.bucket(streamKeys) }

// Endpoints holds the callback URLs that are disabled.
func (q *Queue) Endpoints() *Bucket { return q.bucket(streamEndpoints) }

// Holds names the OTPs whose next callback must wait.
func (q *Queue) Holds() *Bucket { return q.bucket(streamHolds) }

// Tokens holds access tokens by their hash.
func (q *Queue) Tokens() *Bucket { return q.bucket(streamTokens) }

// Answers holds what was answered to requests that may come again.
func (q *Queue) Answers() *Bucket { return q.bucket(streamAnswers) }

// Numbers holds when something was last done for a telephone number, by its hash.
func (q *Queue) Numbers() *Bucket { return q.bucket(streamLimits) }

// Guard holds how many OTPs of a group of numbers were sent and verified.
func (q *Queue) Guard() *Bucket { return q.bucket(streamGuard) }

func (q *Queue) bucket(stream string) *Bucket {
	return &Bucket{q: q, stream: stream, prefix: bucketPrefix(stream)}
}

// SMS is the work queue of a route. For a route that was not in Options.Routes its Pull returns an error.
func (q *Queue) SMS(route string) *Consumer { return q.consumer(streamSMS, "route-"+route) }

// Events is the work queue of changes and callbacks.
func (q *Queue) Events() *Consumer { return q.consumer(streamEvents, "dispatch") }

// Parked is the work queue of receipts that matched nothing yet.
func (q *Queue) Parked() *Consumer { return q.consumer(streamParked, "match") }

// Timers is the work queue of timers that fired.
func (q *Queue) Timers() *Consumer { return q.consumer(streamTimers, "expire") }

func (q *Queue) consumer(stream, durable string) *Consumer {
	for _, a := range q.assets {
		i := slices.IndexFunc(a.consumers, func(c jetstream.ConsumerConfig) bool { return c.Durable == durable })
		if a.name == stream && i >= 0 {
			return &Consumer{q: q, stream: stream, config: consumerConfig(a.consumers[i])}
		}
	}
	return &Consumer{err: fmt.Errorf("queue: no consumer %s on stream %s", durable, stream)}
}

// Ready tells whether the store takes a write now; a full disk or a lost leader is seen only by writing. It takes two
// seconds at most.
func (q *Queue) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	_, err := q.bucket(streamProbe).Put(ctx, "ready", []byte(time.Now().UTC().Format(time.RFC3339)), time.Minute)
	return err
}

// Close stops the pullers, which give back what they hold, closes the connections, and shuts the embedded server down.
// Callers first end what uses the queue; an operation still running fails with ErrUnavailable. The error is ctx's when that
// ended first; the shutdown then goes on without it.
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
	if q.ballast != nil {
		q.ballast.stop()
	}
	for _, c := range q.conns {
		_ = c.FlushTimeout(attemptTimeout) // what was naked
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

func (q *Queue) next() int                   { return int(q.turn.Add(1) % connections) }
func (q *Queue) conn() *nats.Conn            { return q.conns[q.next()] }
func (q *Queue) stream() jetstream.JetStream { return q.streams[q.next()] }

func (q *Queue) handle(stream string) jetstream.Stream { return q.handles[stream] }
