package session

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Why a session ended, or a request on it failed. Use errors.Is.
var (
	ErrClosed   = errors.New("smpp: the session is closed")
	ErrUnbound  = errors.New("smpp: unbound")                   // by unbind, from either side
	ErrDead     = errors.New("smpp: enquire_link not answered") // nothing came within the response timeout
	ErrTimeout  = errors.New("smpp: no response in time")       // the request may still have been carried out
	ErrWrite    = errors.New("smpp: the peer does not read")    // a write met its deadline
	ErrFenced   = errors.New("smpp: nothing may be sent any more")
	ErrPeerGone = errors.New("smpp: the peer closed the connection")
)

// State is where a session is in its life.
type State int32

// The states of a session. A server sets Bound when it took a bind, a client when its bind was answered OK.
const (
	Open State = iota
	Bound
	Unbinding
	Closed
)

func (s State) String() string {
	return [...]string{"open", "bound", "unbinding", "closed"}[s]
}

// Handler answers one kind of request from the peer, by Session.Respond. It runs on a worker and may take its
// time; ctx ends with the session.
type Handler func(ctx context.Context, s *Session, f wire.Frame)

// Options set a session up. Zero values get the defaults of the constants below.
type Options struct {
	Window          int           // requests sent by Do that may wait for an answer at once
	ResponseTimeout time.Duration // how long Do waits for the answer
	WriteTimeout    time.Duration // how long one write to the connection may take
	EnquireLink     time.Duration // silence before an enquire_link; negative: never
	UnbindGrace     time.Duration // how long an unbind from the peer waits for our open requests

	Handlers map[wire.Command]Handler // requests we take; any other gets a generic_nack (SMPP 3.4, 4.3)
	Workers  int                      // handlers that run at once
	Backlog  int                      // requests that wait for a worker
	Busy     wire.Status              // the answer when the backlog is full; zero: the reader waits instead
	BusyWait time.Duration            // how long the reader waits for room before that

	// Unknown, when set, is told of each response that came for no request of ours. It must not block.
	Unknown func(wire.Header)

	// Fence, when set, is asked right before each write; when it says no the session ends and nothing of it
	// goes out.
	Fence func() bool

	// Trace, when set, sees each PDU as it is on the wire: out is true for those we send. It must not block,
	// and must not keep b.
	Trace func(out bool, b []byte)
}

const (
	defaultWindow          = 100
	defaultResponseTimeout = 10 * time.Second
	defaultWriteTimeout    = 10 * time.Second
	defaultEnquireLink     = 30 * time.Second
	defaultUnbindGrace     = 5 * time.Second
	defaultWorkers         = 16
	defaultBacklog         = 1024

	drainTime = time.Second // for the answers that came before the end of the connection

	outQueue = 256 // PDUs queued for the writer; small, so that a stalled peer is felt at once
	ioBuffer = 32 << 10
)

func orDefault[T int | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

// Session is one SMPP connection. Make it with New, then Run it; the other methods may be used from any
// goroutine.
type Session struct {
	conn      net.Conn
	opts      Options
	out       chan outgoing
	window    chan struct{}
	inbox     chan wire.Frame // requests for the workers
	done      chan struct{}   // closed when the session ended; err is set before
	leaving   chan struct{}   // closed by leave
	leaveOnce sync.Once

	began     time.Time // what follows is measured from here: the time of day may be set back
	state     atomic.Int32
	lastRead  atomic.Int64 // nanoseconds
	lastWrite atomic.Int64
	unknown   atomic.Uint64 // responses that matched no request
	unbound   atomic.Bool   // our own unbind was sent

	stuck     bool // of the reader: the backlog was full for all of BusyWait, and still is
	unbinding bool // of the reader: the peer's unbind is being answered

	handling atomic.Int64  // requests of the peer that a worker has, or will have
	handled  chan struct{} // holds a token after handling came to zero

	mu      sync.Mutex // guards the rest
	pending map[uint32]*waiter
	seq     uint32
	idle    chan struct{} // closed when pending becomes empty, if somebody waits for that
	err     error         // why the session ended
}

// New makes a session over a connection, which it owns from now on.
func New(conn net.Conn, o Options) *Session {
	o.Window = orDefault(o.Window, defaultWindow)
	o.ResponseTimeout = orDefault(o.ResponseTimeout, defaultResponseTimeout)
	o.WriteTimeout = orDefault(o.WriteTimeout, defaultWriteTimeout)
	o.EnquireLink = orDefault(o.EnquireLink, defaultEnquireLink)
	o.UnbindGrace = orDefault(o.UnbindGrace, defaultUnbindGrace)
	o.Workers = orDefault(o.Workers, defaultWorkers)
	o.Backlog = orDefault(o.Backlog, defaultBacklog)
	bufferLittle(conn)
	s := &Session{
		conn:    conn,
		opts:    o,
		out:     make(chan outgoing, outQueue),
		window:  make(chan struct{}, o.Window),
		inbox:   make(chan wire.Frame, o.Backlog),
		done:    make(chan struct{}),
		leaving: make(chan struct{}),
		handled: make(chan struct{}, 1),
		pending: make(map[uint32]*waiter),
		began:   time.Now(),
	}
	return s
}

// writeBuffer is how much the system buffers for a peer. A writer that has to wait goes on when a third of it
// is free: of the megabytes that it may grow to, a peer that reads slowly but all the time takes longer to
// read a third than one write may take.
const writeBuffer = 128 << 10

// bufferLittle does not mind a connection that has no such buffer.
func bufferLittle(conn net.Conn) {
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = c.NetConn()
	}
	if c, ok := conn.(interface{ SetWriteBuffer(int) error }); ok {
		_ = c.SetWriteBuffer(writeBuffer)
	}
}

// age is how long the session lives, in nanoseconds by the monotonic clock.
func (s *Session) age() int64 { return int64(time.Since(s.began)) }

// Run works the connection until it ends, and returns why. When ctx ends the connection is closed at once;
// call Unbind first for a clean end. Every request still waiting fails, and all goroutines are gone when Run
// returns.
func (s *Session) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	defer stop()
	g.Go(func() error { return s.readLoop(ctx, g) })
	g.Go(func() error { return s.writeLoop(ctx) })
	if s.opts.EnquireLink > 0 {
		g.Go(func() error { return s.keepalive(ctx) })
	}
	for range s.opts.Workers {
		g.Go(func() error { return s.work(ctx) })
	}
	// Waiters must not wait for the slowest worker: they are told as soon as anything ends the session.
	release := context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })
	defer release()
	err := g.Wait()
	s.end(err)
	s.conn.Close()
	return s.Err()
}

// end marks the session closed for the reason err; only the first counts.
func (s *Session) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(err)
}

// endLocked is end for a caller that holds mu.
func (s *Session) endLocked(err error) {
	if s.err != nil {
		return
	}
	if err == nil {
		err = ErrClosed
	}
	s.err = err
	s.leave(Closed)
	close(s.done)
}

// leave says that no more requests are to be begun: the session unbinds, or it ended.
func (s *Session) leave(to State) {
	for {
		state := s.state.Load()
		if State(state) >= to || s.state.CompareAndSwap(state, int32(to)) {
			break
		}
	}
	s.leaveOnce.Do(func() { close(s.leaving) })
}

// Err is why the session ended, nil while it lives.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Leaving is closed as soon as no more requests are to be begun: the peer asked to unbind, or we did, or the
// session ended. What waits for an answer then may still get it.
func (s *Session) Leaving() <-chan struct{} { return s.leaving }

// Done is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// State is where the session is in its life.
func (s *Session) State() State { return State(s.state.Load()) }

// SetBound says that the bind is done. It has no effect on a session that is already ending.
func (s *Session) SetBound() { s.state.CompareAndSwap(int32(Open), int32(Bound)) }

// UnknownResponses counts responses that came for no request of ours: late ones, or a peer that makes them
// up.
func (s *Session) UnknownResponses() uint64 { return s.unknown.Load() }

// InFlight is the number of requests that wait for an answer.
func (s *Session) InFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}

// RemoteAddr is the peer's address.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }
