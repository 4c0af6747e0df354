package link

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"otpgw/queue"
	"otpgw/smpp/text"
	"otpgw/smpp/wire"
)

// The times that are no knobs.
const (
	dialTimeout     = 10 * time.Second
	unbindTimeout   = 5 * time.Second
	sinkTimeout     = 15 * time.Second // storing what the SMSC said, with the queue's own retries inside
	throttlePause   = time.Second      // how long a link is silent after RTHROTTLED or RMSGQFUL
	backoffBase     = 500 * time.Millisecond
	backoffLimit    = 30 * time.Second
	misconfigWait   = time.Minute
	retryDelayLimit = 30 * time.Second
)

// Deps are what a link works with.
type Deps struct {
	Queue *queue.Queue
	Sink  Sink
	// Open unseals the text of a message. An error is final for that message.
	Open    func(m *queue.Outbound) (string, error)
	Log     zerolog.Logger
	Metrics *Metrics // shared by all links of a daemon
}

// Link is one carrier link. Make it with New, then Run it.
type Link struct {
	cfg     Config
	deps    Deps
	log     zerolog.Logger
	limit   *rate.Limiter // parts per second over all binds
	pausedT atomic.Int64  // Unix nanoseconds until which nothing is sent
	binds   []*bind
	textOpt text.Options
}

// New makes a link; nothing is dialled before Run.
func New(cfg Config, deps Deps) *Link {
	l := &Link{
		cfg:     cfg,
		deps:    deps,
		log:     deps.Log.With().Str("link", cfg.Name).Logger(),
		limit:   rate.NewLimiter(rate.Inf, 1),
		textOpt: text.Options{Alphabet: text.Alphabet(cfg.Alphabet), Long: text.Long(cfg.Long)},
	}
	if cfg.TPS > 0 {
		l.limit = rate.NewLimiter(rate.Limit(cfg.TPS), max(1, cfg.TPS/10)) // smooth: never over a tenth of a second at once
	}
	for i := range max(1, cfg.Binds) {
		if cfg.Bind == BindSplit {
			l.binds = append(l.binds, newBind(l, i+1, wire.BindTransmitter), newBind(l, i+1, wire.BindReceiver))
			continue
		}
		l.binds = append(l.binds, newBind(l, i+1, wire.BindTransceiver))
	}
	return l
}

// Name is the link's name in the configuration.
func (l *Link) Name() string { return l.cfg.Name }

// Run keeps the link until ctx ends; then it stops pulling, waits for what is in flight (as long as a response may
// take), unbinds and returns nil.
func (l *Link) Run(ctx context.Context) error {
	var g errgroup.Group
	for _, b := range l.binds {
		g.Go(func() error { b.run(ctx); return nil })
	}
	return g.Wait()
}

// BindStatus is the present state of one bind, for an operator's eyes.
type BindStatus struct {
	Bind     string    `json:"bind"`  // "transceiver 1"
	State    string    `json:"state"` // connecting, bound, waiting, refused, stopped
	Since    time.Time `json:"since"`
	Error    string    `json:"error,omitempty"` // why it is not bound
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
	for _, b := range l.binds {
		if b.sends() && b.status().State == stateBound {
			return true
		}
	}
	return false
}

// pause silences the link for a while after it was throttled.
func (l *Link) pause(d time.Duration) { l.pausedT.Store(time.Now().Add(d).UnixNano()) }

// turn waits until the link may send one more part: the pause is over and the rate allows it.
func (l *Link) turn(ctx context.Context) error {
	for {
		rest := time.Until(time.Unix(0, l.pausedT.Load()))
		if rest <= 0 {
			break
		}
		if !sleep(ctx, rest) {
			return context.Cause(ctx)
		}
	}
	if l.cfg.TPS == 0 {
		return nil
	}
	return l.limit.Wait(ctx)
}

// prefetch is how many messages one puller may hold: as many as the window, but no more than five seconds of the rate,
// so that none waits here until the queue believes it lost.
func (l *Link) prefetch() int {
	n := max(1, l.cfg.Window)
	if l.cfg.TPS > 0 {
		n = min(n, max(1, 5*l.cfg.TPS/len(l.binds)))
	}
	return n
}

// errMisconfigured ends a session over which no message can pass.
var errMisconfigured = errors.New("smpp: the SMSC answers submit_sm as if the link were set up wrongly")
