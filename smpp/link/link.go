package link

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// The times that are no knobs.
const (
	dialTimeout     = 10 * time.Second
	unbindTimeout   = 5 * time.Second
	sinkTimeout     = 15 * time.Second       // storing what the SMSC said, with the queue's own retries inside
	throttleDelay   = 500 * time.Millisecond // before a throttled message is taken from the queue again; the rate does the rest
	backoffBase     = 500 * time.Millisecond
	backoffLimit    = 30 * time.Second
	misconfigWait   = time.Minute
	refusedWait     = time.Second // at least, after a bind that was refused for now
	dropDelay       = time.Second // before a message goes again under which sessions ended
	lendTimeout     = time.Second // for its turn on a link that takes over a message
	retryDelayLimit = 30 * time.Second
)

// Deps are what a link works with.
type Deps struct {
	Queue *queue.Queue
	Sink  Sink
	// Open unseals the text of a message. An error is final for that message.
	Open func(m *queue.Outbound) (string, error)
	// Inherited is told of a message that another process had in hand, which ended or gave it back, before
	// anything is done with it: it may have gone out. heard: all its receipts are there, so it did. Nil:
	// nobody is told.
	Inherited func(ctx context.Context, i Inherited) (heard bool, err error)
	// References are those of all links of a daemon; nil: of all links of the process, in memory only.
	References *References
	Log        zerolog.Logger
	Metrics    *Metrics // shared by all links of a daemon
	// Due is a link's share of the messages to a country among links of its priority, 1 for the best, where
	// its route has it judged (Route.Judged). Nil: nobody judges.
	Due func(link, country string) float64
}

// Link is one carrier link. Make it with New, then Run it.
type Link struct {
	cfg      Config
	deps     Deps
	log      zerolog.Logger
	governor *governor // of the parts over all binds
	binds    []*bind
	textOpt  text.Options
	trace    *trace // nil without one
	orders   *orders
	peers    atomic.Pointer[[]*Link] // the other links of the daemon, see Introduce
	unmarked rate.Sometimes          // a line in the log, see isReceipt
	ledger   *ledger                 // of all of them
	now      func() time.Time        // the store's clock: what this machine's says of a message's times decides nothing
	started  time.Time
	shifts   atomic.Uint64 // that its binds had
	hangUps  hangUps
	busy     sync.WaitGroup // what outlives its session: messages being settled, receipts being stored
}

// New makes a link; nothing is dialled before Run.
func New(cfg Config, deps Deps) *Link {
	l := &Link{
		cfg:     cfg,
		deps:    deps,
		log:     deps.Log.With().Str("link", cfg.Name).Logger(),
		textOpt: cfg.Text(),
		orders:  newOrders(cfg.Routes),
		ledger:  newLedger(),
		now:     time.Now,

		unmarked: rate.Sometimes{Interval: time.Minute},
	}
	if deps.References == nil {
		l.deps.References = ofProcess
	}
	if deps.Queue != nil {
		l.now = deps.Queue.Now
	}
	l.started = l.now()
	l.governor = newGovernor(cfg.TPS, time.Now)
	if cfg.Trace != "" {
		l.trace = newTrace(cfg.Trace, cfg.TraceSize, l.log, func(n uint64) { deps.Metrics.untraced(cfg.Name, n) })
	}
	for i := range max(1, cfg.Binds) {
		if cfg.Bind == BindSplit {
			l.binds = append(l.binds, newBind(l, i+1, wire.BindTransmitter), newBind(l, i+1, wire.BindReceiver))
			continue
		}
		l.binds = append(l.binds, newBind(l, i+1, wire.BindTransceiver))
	}
	deps.Metrics.watch(l)
	return l
}

// Name is the link's name in the configuration.
func (l *Link) Name() string { return l.cfg.Name }

// Run keeps the link until ctx ends; then it stops pulling, waits for what is in flight (as long as a
// response may take), unbinds and returns nil.
func (l *Link) Run(ctx context.Context) error {
	if l.trace != nil {
		ended := l.trace.start()
		defer ended()
	}
	var g errgroup.Group
	share, stop := context.WithCancel(ctx)
	l.busy.Go(func() { l.shareRate(share) })
	for _, place := range l.places() {
		g.Go(func() error { l.hold(ctx, place); return nil })
	}
	err := g.Wait()
	stop()
	l.busy.Wait()
	return err
}

// BindStatus is the present state of one bind, for an operator's eyes.
type BindStatus struct {
	Bind     string    `json:"bind"`             // "transceiver 1"
	State    string    `json:"state"`            // connecting, bound, waiting, refused, standby, stopped
	Since    time.Time `json:"since"`            // it is bound, or not; over all tries
	Error    string    `json:"error,omitempty"`  // why it is not bound
	Advice   string    `json:"advice,omitempty"` // what to look at, or to ask the carrier
	RetryAt  time.Time `json:"retryAt,omitzero"` // when it is tried again
	InFlight int       `json:"inFlight"`
}

// Status tells how each bind is.
func (l *Link) Status() []BindStatus {
	all := make([]BindStatus, len(l.binds))
	for i, b := range l.binds {
		all[i] = b.status()
	}
	return all
}

// Up reports whether at least one bind can send.
func (l *Link) Up() bool {
	if l.Paused() {
		return false
	}
	for _, b := range l.binds {
		if b.sends() && b.status().State == stateBound {
			return true
		}
	}
	return false
}

// Rate tells how fast the link may send and does.
func (l *Link) Rate() Rate { return l.governor.status() }

// prefetch is how many messages one puller may hold: as many as the window, but no more than five seconds of
// the rate, so that none waits here until the queue believes it lost.
func (l *Link) prefetch() int {
	n := max(1, l.cfg.Window)
	if l.cfg.TPS > 0 {
		n = min(n, max(1, 5*l.cfg.TPS/len(l.binds)))
	}
	return n
}

// errMisconfigured ends a session over which no message can pass.
var errMisconfigured = errors.New("smpp: the SMSC answers submit_sm as if the link were set up wrongly")
