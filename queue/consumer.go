package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Times of a pull. The default expiry leaves a fresh consumer of a replicated stream without messages for 6 s.
const (
	pullExpiry    = 2 * time.Second
	pullHeartbeat = 500 * time.Millisecond
	stopTimeout   = 5 * time.Second
)

// Consumer is one work queue: messages are handed to one of its pullers each, on whatever daemon.
type Consumer struct {
	q      *Queue
	stream string
	config jetstream.ConsumerConfig
	err    error // set when there is no such consumer
}

// PullOptions say how to pull.
type PullOptions struct {
	Max      int   // messages asked for ahead of Next; at least 1
	Priority uint8 // 0 to 9, SMS only: higher numbers get messages only while no lower one waits
}

// Pull starts taking messages. The caller stops the puller.
func (c *Consumer) Pull(ctx context.Context, o PullOptions) (*Puller, error) {
	if c.err != nil {
		return nil, c.err
	}
	if o.Max < 1 || o.Priority > 9 {
		return nil, fmt.Errorf("queue: pull of %d messages at priority %d; at least 1, and 0 to 9", o.Max, o.Priority)
	}
	cons, err := c.find(ctx)
	if err != nil {
		return nil, err
	}
	p := &Puller{q: c.q, ackWait: c.config.AckWait, out: make(chan *Delivery), stopping: make(chan struct{}), pace: newPace(o.Max)}
	opts := []jetstream.PullConsumeOpt{jetstream.PullMaxMessages(o.Max), jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat),
		jetstream.ConsumeErrHandler(p.fault)}
	if len(c.config.PriorityGroups) > 0 {
		opts = append(opts, jetstream.PullPriorityGroup(priorityGroup), jetstream.PullPrioritized(o.Priority))
	}
	if p.consume, err = cons.Consume(p.handle, opts...); err != nil {
		return nil, classify(err)
	}
	p.ended = p.consume.Closed()
	if !c.q.add(p) {
		p.Stop()
		return nil, fmt.Errorf("%w: shutting down", ErrUnavailable)
	}
	return p, nil
}

// find looks the consumer up on one of the connections, and makes it again when someone removed it.
func (c *Consumer) find(ctx context.Context) (cons jetstream.Consumer, err error) {
	js := c.q.stream()
	err = c.q.retry(ctx, func(ctx context.Context) error {
		cons, err = js.Consumer(ctx, c.stream, c.config.Durable)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			cons, err = js.CreateOrUpdateConsumer(ctx, c.stream, c.config)
		}
		return err
	})
	return cons, err
}

// Puller hands out messages of a consumer. Next may be called from several goroutines.
//
// It is built on the library's Consume, not on its Messages: the latter keeps heartbeats and messages in one channel of Max
// places that only Next empties, so that heartbeats of an idle moment push messages out, for a whole AckWait.
type Puller struct {
	q        *Queue
	ackWait  time.Duration
	consume  jetstream.ConsumeContext
	ended    <-chan struct{} // closed when the last message was handled
	out      chan *Delivery
	stopping chan struct{}
	stop     sync.Once
	pace     *pace // owned by handle
}

// Next waits for a message. ctx's own error when that ends first, ErrStopped after Stop, ErrUnavailable when the
// connection or the consumer is gone: then Pull again.
func (p *Puller) Next(ctx context.Context) (*Delivery, error) {
	select {
	case d := <-p.out:
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.stopping:
		return nil, ErrStopped
	case <-p.ended:
	}
	select {
	case <-p.stopping:
		return nil, ErrStopped
	default:
		return nil, fmt.Errorf("%w: puller ended", ErrUnavailable)
	}
}

// Stop ends the pull, gives back at once what was not handed out, and waits for both. Deliveries already handed out stay
// with their holders.
func (p *Puller) Stop() {
	p.stop.Do(func() {
		p.consume.Drain()
		close(p.stopping)
	})
	select {
	case <-p.ended:
	case <-time.After(stopTimeout): // the server is gone; AckWait gives the messages back
	}
	p.q.remove(p)
}

// handle is called by the library for one message after the other; while it waits, no more than Max are asked for.
func (p *Puller) handle(m jetstream.Msg) {
	arrived := p.pace.begin(time.Now())
	defer func() { p.pace.end(time.Now()) }()
	d, err := newDelivery(p.q, m)
	if err != nil {
		p.q.log.Error().Err(err).Msg("message without JetStream metadata")
		return
	}
	// A message held so long that its AckWait may end goes back rather than out: another puller may get it at any moment.
	waited := time.Since(arrived)
	if waited > p.ackWait/2 {
		p.giveBack(d, staleDelay)
		return
	}
	if waited > p.ackWait/8 {
		_ = d.InProgress() // the AckWait starts again
	}
	p.handOut(d, p.ackWait/2-waited)
}

// handOut gives d to a caller of Next, or back when there is none in the time that is left.
func (p *Puller) handOut(d *Delivery, left time.Duration) {
	select {
	case <-p.stopping:
		p.giveBack(d, 0)
		return
	default:
	}
	stale := time.NewTimer(left)
	defer stale.Stop()
	select {
	case p.out <- d:
	case <-p.stopping:
		p.giveBack(d, 0)
	case <-stale.C:
		p.giveBack(d, staleDelay)
	}
}

func (p *Puller) giveBack(d *Delivery, delay time.Duration) {
	if err := d.Nak(delay); err != nil {
		p.q.log.Debug().Err(err).Msg("message not given back; it returns after its AckWait")
	}
}

// fault hears of missed heartbeats, lost leaders and the like, all of which the library survives by asking again.
func (p *Puller) fault(_ jetstream.ConsumeContext, err error) {
	p.q.log.Debug().Err(err).Msg("pull interrupted")
}

// pace tells how long a message may have waited in the library's queue, which does not say. Message i was not asked for
// before message i-max was done, and the queue was empty whenever the library paused between two messages.
type pace struct {
	done  []time.Time // when the last max messages of this run were done
	start time.Time   // of the run
	run   int         // messages since the queue was last empty
	last  time.Time   // when the last one was done
}

// runGap is a pause between two messages that shows the queue was empty. A message that was held too long comes back after a
// longer one, and so counts as fresh.
const (
	runGap     = 10 * time.Millisecond
	staleDelay = 100 * time.Millisecond
)

func newPace(max int) *pace { return &pace{done: make([]time.Time, max)} }

// begin returns the earliest time at which the message that is handled now may have come.
func (p *pace) begin(now time.Time) time.Time {
	if now.Sub(p.last) > runGap {
		p.run, p.start = 0, now
	}
	if p.run < len(p.done) {
		return p.start
	}
	return p.done[p.run%len(p.done)]
}

func (p *pace) end(now time.Time) {
	p.done[p.run%len(p.done)], p.last = now, now
	p.run++
}
