package callback

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
)

// DefaultSchedule is the wait before each try, from the failure of the one before: 75.6 h in all.
var DefaultSchedule = []time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

// Times and numbers of the dispatcher.
const (
	DefaultGrace = 10 * time.Second
	workers      = 32               // items confirmed at a time
	workerAhead  = 8                // items that wait for one worker
	pullAhead    = 256              // messages asked for ahead
	pullPause    = time.Second      // after the store failed
	storeTimeout = 10 * time.Second // one step at the store
)

// Options say what a Dispatcher works on. Zero fields that have a default take it.
type Options struct {
	Queue   *queue.Queue
	Secrets func(app string) []string // whsec_ secrets of an application, the newest first; all sign
	Egress  Egress
	Log     zerolog.Logger
	// Reveal is the body as it is sent, of the one that is stored, always the same: what is personal is
	// sealed in the store. With an error nothing is sent, and it is tried again by the schedule. Nil: they are
	// one.
	Reveal func(kind otp.EventKind, body []byte) ([]byte, error)

	// Trace begins the span of a request, of the OTPs that carry these traces (otp.Service.Trace). It returns
	// the request's header traceparent and what ends the span. Nil: none is traced.
	Trace func(of [][]byte, event, host string) (traceparent string, end func(status int, err error))

	Known    func() time.Duration // how long it is known how a callback went; nil: 2 h, the bucket's own
	Schedule []time.Duration      // default DefaultSchedule; the first is the wait before the first try, and not used
	Timeout  time.Duration        // that a receiver may take; default DefaultTimeout
	Grace    time.Duration        // for POSTs under way at the end of Run; default DefaultGrace
	Lanes    int                  // requests under way at a time; default DefaultLanes
	Version  string               // of the User-Agent
	Now      func() time.Time     // default time.Now
}

// Dispatcher sends callbacks. Make it with New.
type Dispatcher struct {
	o         Options
	lanes     *lanes
	endpoints *endpoints
	holds     *holds
	announced announced
	sender    *sender
	metrics   metrics
	post      context.Context // of every POST; ends when the grace is over
	cut       context.CancelFunc
}

// New returns a dispatcher that is not running.
func New(o Options) *Dispatcher {
	if o.Schedule == nil {
		o.Schedule = DefaultSchedule
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Lanes == 0 {
		o.Lanes = DefaultLanes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Reveal == nil {
		o.Reveal = func(_ otp.EventKind, body []byte) ([]byte, error) { return body, nil }
	}
	agent := "otpgw"
	if o.Version != "" {
		agent += "/" + o.Version
	}
	d := &Dispatcher{o: o, endpoints: newEndpoints(o.Queue.Endpoints(), o.Queue.Now),
		holds: &holds{queue: o.Queue, bucket: o.Queue.Holds(), within: o.Queue.Within()}}
	d.sender = newSender(&d.o, agent)
	d.lanes = newLanes(o.Lanes, firstPause(o.Schedule))
	d.lanes.seal, d.lanes.send, d.lanes.bury, d.lanes.alive = d.seal, d.deliver, d.buryOver, d.holds.stored
	d.lanes.holder, d.lanes.stands, d.lanes.join = d.holds.of, o.Queue.Events().Stands, d.joinStored
	whole := time.Duration(0)
	for _, wait := range o.Schedule {
		whole += wait
	}
	d.lanes.over = func(s *sealed) bool { return o.Queue.Now().Sub(s.since) > whole }
	d.metrics = newMetrics(d.lanes)
	d.post, d.cut = context.WithCancel(context.Background())
	return d
}

// Change gives the dispatcher, while it works, other addresses that callbacks may reach, and another time
// that receivers have. What is under way goes on by what held before.
func (d *Dispatcher) Change(g Egress, timeout time.Duration) { d.sender.change(g, timeout) }

// Run sends callbacks until ctx ends. Then it takes no more, waits for the POSTs under way, for the grace at
// most, gives back what was not sent, and returns nil. It is called once.
func (d *Dispatcher) Run(ctx context.Context) error {
	defer d.sender.close()
	defer d.cut()
	d.confirmAll(ctx)
	grace := time.AfterFunc(d.o.Grace, d.cut)
	defer grace.Stop()
	d.lanes.close()
	d.lanes.crew.End()
	return nil
}

// confirmAll pulls events and spreads them over the workers until ctx ends, and then waits for those. All
// items of an OTP go to one worker, so that they reach their lane in the order they were stored in. A batch
// waits for nothing, and goes to its lane at once: no change that comes before it is an item any more.
func (d *Dispatcher) confirmAll(ctx context.Context) {
	var in [workers]chan *queue.Delivery
	var wg sync.WaitGroup
	for i := range in {
		in[i] = make(chan *queue.Delivery, workerAhead)
		wg.Go(func() {
			for m := range in[i] {
				d.accept(ctx, m)
			}
		})
	}
	seed := maphash.MakeSeed()
	for ctx.Err() == nil {
		err := d.pull(ctx, func(m *queue.Delivery) {
			if isBatch(m.Subject) {
				d.accept(ctx, m)
				return
			}
			in[maphash.String(seed, m.Subject)%workers] <- m
		})
		if ctx.Err() != nil {
			break
		}
		d.o.Log.Warn().Err(err).Msg("callbacks: cannot pull, trying again")
		_ = backoff.Sleep(ctx, pullPause)
	}
	for _, c := range in {
		close(c)
	}
	wg.Wait()
}

func (d *Dispatcher) pull(ctx context.Context, hand func(*queue.Delivery)) error {
	p, err := d.o.Queue.Events().Pull(ctx, queue.PullOptions{Max: pullAhead})
	if err != nil {
		return err
	}
	defer p.Stop()
	for {
		m, err := p.Next(ctx)
		if err != nil {
			return err
		}
		hand(m)
	}
}

// nak gives a message back. Were it lost, the AckWait does the same.
func (d *Dispatcher) nak(m *queue.Delivery, delay time.Duration) {
	if err := m.Nak(delay); err != nil {
		d.o.Log.Debug().Err(err).Msg("callbacks: message not given back; it returns after its AckWait")
	}
}

// step is the context of one step at the store. It does not end with Run's: what was begun is finished.
func step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), storeTimeout)
}

// firstPause is what a URL that fails is first left in peace for: a fifth of the first wait of the schedule,
// so 1 s.
func firstPause(schedule []time.Duration) time.Duration {
	if len(schedule) < 2 {
		return time.Second
	}
	return max(schedule[1]/5, time.Millisecond)
}
