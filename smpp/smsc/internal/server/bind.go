package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	// initTimeout is how long a connection may stay without a bind (SMPP 3.4, 7.2, session_init_timer).
	initTimeout = 30 * time.Second
	// systemID is how we name ourselves in a bind response.
	systemID = "smscsim"
)

var (
	errNoBind  = errors.New("smsc: no bind came")
	errDropped = errors.New("smsc: broken off as OnSubmit or a rule says")
)

// bind is one connection and, once it is bound, its account. Its handlers run one at a time.
type bind struct {
	srv    *Server
	sess   *session.Session
	log    zerolog.Logger
	remote string
	late   *queue[*answer] // answers whose time has come
	wg     sync.WaitGroup  // the pumps and what they started

	id     string
	nth    uint64
	conn   *faultyConn
	tls    bool
	since  time.Time
	open   atomic.Int32 // messages whose answer waits
	counts struct{ submits, refused, delivered atomic.Uint64 }

	// Set by the bind handler, read by the handlers after it and by the pumps it starts.
	kind       Kind
	account    *account
	systemType string
	version    byte
	init       *time.Timer
	bound      atomic.Pointer[account] // set behind those above, for whoever is neither
	ready      chan struct{}           // closed then
}

func (s *Server) newBind(conn net.Conn) *bind {
	b := &bind{
		srv:    s,
		remote: conn.RemoteAddr().String(),
		late:   newQueue[*answer](maxWaiting, &budget{limit: maxWaiting}),
		nth:    s.lastBind.Add(1),
		conn:   newFaultyConn(conn),
		since:  time.Now(),
		ready:  make(chan struct{}),
	}
	b.id = sessionID(b.nth)
	_, b.tls = conn.(*tls.Conn)
	b.log = s.log.With().Str("remote", b.remote).Str("session", b.id).Logger()
	o := session.Options{
		Window:          s.cfg.Window,
		ResponseTimeout: s.cfg.ResponseTimeout,
		EnquireLink:     s.cfg.EnquireLink,
		Workers:         1, // see the package comment
		Handlers: map[wire.Command]session.Handler{
			wire.BindTransmitter: b.bind,
			wire.BindReceiver:    b.bind,
			wire.BindTransceiver: b.bind,
			wire.SubmitSM:        b.submit,
			wire.DataSM:          b.submit,
			wire.SubmitMulti:     b.submitMulti,
			wire.QuerySM:         b.query,
			wire.CancelSM:        b.cancel,
			wire.ReplaceSM:       b.replace,
		},
	}
	if s.cfg.KeepPDUs > 0 {
		o.Trace = func(out bool, pdu []byte) { s.taps.add(b, out, pdu) }
	}
	b.sess = session.New(b.conn, o)
	return b
}

// run works the connection until it ends.
func (b *bind) run(ctx context.Context) {
	b.init = time.AfterFunc(initTimeout, func() { b.sess.Close(errNoBind) })
	err := b.sess.Run(ctx)
	b.init.Stop()
	b.wg.Wait()
	b.drainLate()
	if b.account == nil {
		b.log.Info().Str("reason", err.Error()).Msg("connection ended before a bind")
		return
	}
	b.srv.accounts.leave(b)
	b.log.Info().Str("account", b.account.name).Str("bind", string(b.kind)).Str("reason", err.Error()).Msg("bind ended")
}

func kindOf(cmd wire.Command) Kind {
	switch cmd {
	case wire.BindTransmitter:
		return Transmitter
	case wire.BindReceiver:
		return Receiver
	}
	return Transceiver
}

// bind answers bind_transmitter, bind_receiver and bind_transceiver (SMPP 3.4, 4.1). A refused one may be
// tried again on the same connection.
func (b *bind) bind(ctx context.Context, s *session.Session, f wire.Frame) {
	if b.account != nil {
		b.respond(ctx, f, wire.StatusAlreadyBound, nil)
		return
	}
	req, err := wire.DecodeBind(f)
	if err != nil {
		b.respond(ctx, f, wire.StatusInvCmdLen, nil)
		return
	}
	if breach := b.breach(f); breach != nil && (breach.Field != "password" || !b.srv.accounts.longPassword(req.SystemID)) {
		b.respond(ctx, f, breach.Status, nil)
		return
	}
	kind := kindOf(f.Command)
	acc, status := b.srv.accounts.enter(req, kind)
	if status != wire.StatusOK {
		b.log.Info().Str("account", req.SystemID).Str("bind", string(kind)).Stringer("status", status).Msg("bind refused")
		b.respond(ctx, f, status, nil)
		return
	}
	b.init.Stop()
	b.kind, b.account, b.systemType, b.version = kind, acc, req.SystemType, req.InterfaceVersion
	b.conn.account.Store(acc)
	if kind.receives() {
		b.srv.accounts.serve(acc, b, req.AddressRange.Addr)
	}
	if kind.receives() && b.old() {
		acc.old.Add(1)
		defer func() { b.wg.Go(func() { <-b.sess.Done(); acc.old.Add(-1) }) }()
	}
	s.SetBound()
	b.bound.Store(acc)
	close(b.ready)
	b.srv.events.changed(TopicSessions)
	b.log.Info().Str("account", acc.name).Str("bind", string(kind)).Msg("bound")
	resp := wire.BindResp{SystemID: systemID}
	if !b.old() {
		resp.TLVs = wire.TLVs{{Tag: wire.TagScInterfaceVersion, Value: []byte{wire.Version34}}}
	}
	b.respond(ctx, f, wire.StatusOK, resp)
	b.wg.Go(func() { b.answerLate(ctx) })
	if kind.receives() {
		b.wg.Go(func() { b.pump(ctx) })
	}
}

// respond answers a request. An error is the end of the session, which whoever runs it reports.
func (b *bind) respond(ctx context.Context, f wire.Frame, status wire.Status, p session.PDU) {
	if status != wire.StatusOK && p == nil {
		p = b.srv.cfg.ErrorBodies.body(f, "")
	}
	b.count(f.Command, status)
	if err := b.sess.Respond(ctx, f, status, p); err != nil {
		b.log.Debug().Str("reason", err.Error()).Stringer("command", f.Command).Msg("not answered")
	}
}

// answerLate sends the answers that were delayed. They have a goroutine of their own so that a peer that does
// not read stops neither the schedule nor other binds.
func (b *bind) answerLate(ctx context.Context) {
	for {
		a, ok := b.late.next(ctx)
		if !ok {
			return
		}
		a.send(ctx)
	}
}

// drainLate settles the answers left when the session has ended. It waits for nothing.
func (b *bind) drainLate() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		a, ok := b.late.take()
		if !ok {
			return
		}
		a.send(ended)
	}
}

// pump sends the receipts of the account over this bind in their order, as many at once as the window has
// room for.
func (b *bind) pump(ctx context.Context) {
	for {
		slot, err := b.sess.Reserve(ctx)
		if err != nil {
			return
		}
		d, ok := b.account.outbox.next(ctx)
		if !ok {
			slot.Release()
			return
		}
		if b.sess.State() != session.Bound {
			slot.Release()
			b.account.outbox.putBack(d)
			return
		}
		sent, err := slot.Start(ctx, d.command(b), d.pdu(b, time.Now()))
		if err != nil {
			b.settle(ctx, d, wire.Frame{}, err)
			continue
		}
		b.wg.Go(func() {
			f, err := sent.Wait(ctx)
			b.settle(ctx, d, f, err)
		})
	}
}

// end ends the connection: by unbind when it is bound, whose answer is read even in a stall.
func (b *bind) end(ctx context.Context) {
	b.conn.unstall(nil)
	if b.sess.State() == session.Open {
		b.sess.Close(ErrClosed)
		return
	}
	if err := b.sess.Unbind(ctx); err != nil {
		b.log.Debug().Str("reason", err.Error()).Msg("ended without a clean unbind")
	}
}
