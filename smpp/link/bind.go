package link

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// The states of a bind as Status names them.
const (
	stateConnecting = "connecting"
	stateBound      = "bound"
	stateWaiting    = "waiting" // for the next attempt
	stateRefused    = "refused" // the SMSC says that the credentials are wrong
	stateStandby    = "standby" // other daemons hold all the binds that the carrier allows
	stateStopped    = "stopped"
)

// bind is one bind of a link: a connection that is made again whenever it ends.
type bind struct {
	link *Link
	name string
	cmd  wire.Command
	took atomic.Bool // the SMSC took a part since the last attempt

	lease   atomic.Pointer[queue.Lease] // that it may be held under; nil where there is no limit
	backoff backoff.Backoff             // between attempts; of run
	due     time.Time                   // of the next attempt; of run

	unsettled chan struct{} // room for messages between the queue and their acknowledgement

	mu    sync.Mutex // guards the rest
	state string
	since time.Time // it is bound, or not
	retry time.Time // when it is tried again; zero while it is up
	err   error
	sess  *session.Session
	again context.CancelFunc // ends this life of the bind, see Rebind
	shift *shift             // while it sends
}

func newBind(l *Link, n int, cmd wire.Command) *bind {
	return &bind{link: l, name: fmt.Sprintf("%s %d", kindName(cmd), n), cmd: cmd, state: stateStopped, since: time.Now(),
		unsettled: make(chan struct{}, max(1, l.cfg.Window)), backoff: backoff.Backoff{First: backoffBase, Longest: backoffLimit}}
}

// kindName is how a kind of bind is called in the specification.
func kindName(cmd wire.Command) string {
	switch cmd {
	case wire.BindTransmitter:
		return "transmitter"
	case wire.BindReceiver:
		return "receiver"
	}
	return "transceiver"
}

func (b *bind) sends() bool { return b.cmd != wire.BindReceiver }

// set changes the state. How long it is up, or down, is counted over all tries, and while it is tried again
// what was wrong is still told.
func (b *bind) set(state string, err error, s *session.Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if (b.state == stateBound) != (state == stateBound) {
		b.since = time.Now()
	}
	if state == stateConnecting {
		err = b.err
	}
	b.state, b.err, b.sess, b.retry = state, err, s, time.Time{}
	b.link.deps.Metrics.bound(b.link.cfg.Name, b.name, state == stateBound)
}

// down says that the bind is not there, why, and for how long.
func (b *bind) down(state string, err error, wait time.Duration) {
	b.set(state, err, nil)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retry = time.Now().Add(wait)
}

func (b *bind) status() BindStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	st := BindStatus{Bind: b.name, State: b.state, Since: b.since, RetryAt: b.retry}
	if b.err != nil {
		st.Error, st.Advice = b.err.Error(), advice(b.err)
	}
	if b.sess != nil {
		st.InFlight = b.sess.InFlight()
	}
	return st
}

// run keeps the bind until ctx ends.
func (b *bind) run(ctx context.Context) {
	log := b.link.log.With().Str("bind", b.name).Logger()
	if wait := time.Until(b.due); wait > 0 { // it failed before it stood by
		b.down(stateWaiting, nil, wait)
		_ = backoff.Sleep(ctx, wait)
	}
	for ctx.Err() == nil {
		began := time.Now()
		b.set(stateConnecting, nil, nil)
		life, done := b.rebindable(ctx)
		err := b.once(life)
		rebind := life.Err() != nil
		done()
		if ctx.Err() != nil {
			break
		}
		if rebind {
			log.Info().Msg("bind made again, as it was ordered")
			continue
		}
		if time.Since(began) > backoffLimit || b.took.Swap(false) {
			b.backoff.Reset() // it held, or it worked: this is a new trouble
		}
		state, wait := stateWaiting, backoffBase/2+b.backoff.Next()
		switch {
		case misconfigured(err):
			state, wait = stateRefused, misconfigWait
		case errors.As(err, new(*session.BindError)):
			wait = max(wait, refusedWait)
		case errors.Is(err, session.ErrUnbound) && time.Since(began) > time.Second:
			wait = 0
		}
		log.Warn().Err(err).Dur("retry_in", wait).Str("state", state).Str("advice", advice(err)).Msg("bind down")
		b.link.deps.Metrics.ended(b.link.cfg.Name, b.name, err)
		b.down(state, err, wait)
		b.due = time.Now().Add(wait)
		if backoff.Sleep(ctx, wait) != nil {
			break
		}
	}
	b.set(stateStopped, nil, nil)
}

// misconfigured reports whether only an operator can help. A bind that is refused for another reason
// (ESME_RBINDFAIL, ESME_RALYBND) is so for some seconds, while the carrier still holds the connection that
// broke.
func misconfigured(err error) bool {
	if errors.Is(err, errMisconfigured) {
		return true
	}
	var refused *session.BindError
	if !errors.As(err, &refused) || refused.Nack {
		return false
	}
	switch refused.Status {
	case wire.StatusInvPaswd, wire.StatusInvSysID, wire.StatusInvSysTyp:
		return true
	}
	return false
}

// once is one life of the bind: dial, bind, work, unbind. It returns why it ended, at once when it has: what
// the session's handlers still store is no reason to be away from the SMSC.
func (b *bind) once(ctx context.Context) error {
	conn, err := dial(ctx, b.link.cfg)
	if err != nil {
		return err
	}
	opts, traced := b.options(), func() {}
	if b.link.trace != nil {
		flow := b.link.trace.open(conn.LocalAddr(), conn.RemoteAddr())
		opts.Trace, traced = flow.pdu, flow.close
	}
	s := session.New(conn, opts)
	b.link.busy.Go(func() {
		defer traced()
		_ = s.Run(context.WithoutCancel(ctx)) // it outlives ctx by the time that the messages in flight and the unbind take
	})
	b.work(ctx, s)
	<-s.Done()
	return s.Err()
}

// work binds and sends until ctx or the session ends, then ends the session.
func (b *bind) work(ctx context.Context, s *session.Session) {
	_, err := s.Bind(ctx, b.cmd, b.link.cfg.bind())
	if err != nil {
		s.Close(err)
		return
	}
	b.set(stateBound, nil, s)
	b.link.log.Info().Str("bind", b.name).Msg("bound")
	if b.sends() {
		b.send(ctx, s)
	}
	select {
	case <-ctx.Done():
	case <-s.Done():
		return
	}
	unbind, cancel := context.WithTimeout(context.WithoutCancel(ctx), unbindTimeout)
	defer cancel()
	if err := s.Unbind(unbind); err != nil {
		b.link.log.Debug().Err(err).Str("bind", b.name).Msg("unbind not answered")
	}
}

func (b *bind) options() session.Options {
	cfg := b.link.cfg
	var fence func() bool
	if lease := b.lease.Load(); lease != nil {
		fence = lease.Good
	}
	return session.Options{
		Fence:           fence,
		Window:          cfg.Window,
		ResponseTimeout: cfg.ResponseTimeout,
		EnquireLink:     cfg.EnquireLink,
		UnbindGrace:     unbindTimeout,
		Handlers:        b.handlers(),
		Unknown:         func(wire.Header) { b.link.deps.Metrics.unknown(cfg.Name) },
		Workers:         incomingWorkers,
		Backlog:         incomingBacklog,
		Busy:            statusBusy, BusyWait: incomingWait,
	}
}
