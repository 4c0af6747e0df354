package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

const (
	// maxWaiting bounds what waits for a time: receipts and delayed answers. Beyond it a message that wants
	// one is answered ESME_RMSGQFUL.
	maxWaiting = 250_000
	// firstSeededID is the message id before the first of a run with a seed.
	firstSeededID = 1_000_000_000
	// closeTimeout bounds Close when its context does not.
	closeTimeout = 5 * time.Second
	// acceptPause is the pause after a failed accept: out of file descriptors, mostly.
	acceptPause = 50 * time.Millisecond
)

// Server is a running SMSC. Its methods may be used from any goroutine.
type Server struct {
	cfg      Config
	log      zerolog.Logger
	started  time.Time
	accounts *accounts
	store    *store
	parts    *reassembler
	schedule *schedule
	rules    *behave.Rules
	magic    behave.Numbers
	taps     *taps
	index    *index
	events   hub
	epoch    atomic.Uint64 // counts Clear: messages scheduled before it never come
	lastID   atomic.Uint64
	lastBind atomic.Uint64
	counts   counts

	bindAnswers statuses

	ln     net.Listener
	tlsLn  net.Listener
	cert   []byte // PEM of the certificate that we made
	httpLn net.Listener
	http   *http.Server

	ctx    context.Context // ends when Close begins to break off
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine
	closed chan struct{}  // when all has ended

	mu      sync.Mutex // guards the rest
	binds   map[*bind]struct{}
	closing bool
}

// counts are of the whole life of the server.
type counts struct {
	submits  atomic.Uint64 // taken
	refused  atomic.Uint64 // answered with an error
	receipts atomic.Uint64 // answered ESME_ROK
	failed   atomic.Uint64 // refused by the peer
	dropped  atomic.Uint64 // too many waited
}

// newServer makes a server that does not listen yet.
func newServer(given Config) (*Server, error) {
	cfg, err := given.withDefaults()
	if err != nil {
		return nil, err
	}
	list, err := cfg.accounts()
	if err != nil {
		return nil, err
	}
	seeded := cfg.Seed != 0
	if !seeded {
		cfg.Seed = rand.Uint64()
	}
	s := &Server{
		cfg:      cfg,
		log:      cfg.Log,
		started:  time.Now(),
		accounts: newAccounts(list, cfg.Limits, cfg.Seed),
		rules:    &behave.Rules{},
		taps:     newTaps(max(cfg.KeepPDUs, 0)),
		index:    newIndex(max(cfg.Keep, minIndex)),
		store:    newStore(cfg.Keep),
		schedule: newSchedule(maxWaiting),
		closed:   make(chan struct{}),
		binds:    make(map[*bind]struct{}),
	}
	s.parts = newReassembler(cfg.Alphabet, s.schedule, s.keep)
	if err := s.rules.Replace(cfg.Rules); err != nil {
		return nil, fmt.Errorf("smsc: %w", err)
	}
	s.rules.OnChange(func() { s.events.changed(TopicRules) })
	if !cfg.NoMagic {
		s.magic = behave.NewNumbers()
	}
	// Ids go on from the clock, so that those of the last run do not come again: a client may still know
	// them.
	s.lastID.Store(uint64(s.started.UnixMicro()))
	if seeded {
		s.lastID.Store(firstSeededID)
	}
	return s, nil
}

// Start starts a server. It listens when Start returns. The caller ends it with Close.
func Start(cfg Config) (*Server, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.listen(); err != nil {
		s.cancel()
		return nil, err
	}
	s.wg.Go(func() { s.schedule.run(s.ctx) })
	s.wg.Go(func() { s.accept(s.ln) })
	if s.tlsLn != nil {
		s.wg.Go(func() { s.accept(s.tlsLn) })
	}
	if s.httpLn != nil {
		s.http = s.cfg.HTTP(s)
		s.http.BaseContext = func(net.Listener) context.Context { return s.ctx }
		s.wg.Go(s.serveHTTP)
	}
	return s, nil
}

func (s *Server) listen() (err error) {
	if s.ln, err = net.Listen("tcp", s.cfg.SMPPAddr); err != nil {
		return fmt.Errorf("smsc: listen for SMPP: %w", err)
	}
	if s.cfg.TLSAddr != "" {
		if err := s.listenTLS(); err != nil {
			s.ln.Close()
			return err
		}
	}
	if s.cfg.HTTPAddr == "" {
		return nil
	}
	if s.httpLn, err = net.Listen("tcp", s.cfg.HTTPAddr); err != nil {
		s.closeListeners()
		return fmt.Errorf("smsc: listen for HTTP: %w", err)
	}
	return nil
}

func (s *Server) closeListeners() {
	s.ln.Close()
	if s.tlsLn != nil {
		s.tlsLn.Close()
	}
}

// Rules are the server's rules, to be changed while it runs.
func (s *Server) Rules() *behave.Rules { return s.rules }

// Addr is the address of the SMPP listener, host:port.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// HTTPAddr is the address of the HTTP listener, host:port; empty without one.
func (s *Server) HTTPAddr() string {
	if s.httpLn == nil {
		return ""
	}
	return s.httpLn.Addr().String()
}

func (s *Server) serveHTTP() {
	if err := s.http.Serve(s.httpLn); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error().Err(err).Msg("HTTP ended")
	}
}

// Messages returns the messages kept, the newest first. A Filter that cannot be, as Filter.Validate says,
// chooses none.
func (s *Server) Messages(f Filter) []Message {
	page, _ := s.Page(f)
	return page.Messages
}

// Page is messages of which there may be more.
type Page struct {
	Messages []Message `json:"messages"` // the newest first
	Total    int       `json:"total"`    // that fit the filter, but for its Before and Limit
}

// Page returns the messages kept, the newest first, and how many there are. The next page begins Before the
// last one's ID. The error is Filter.Validate's.
func (s *Server) Page(f Filter) (Page, error) {
	if err := f.Validate(); err != nil {
		return Page{Messages: []Message{}}, err
	}
	find, err := codeFinder(f.Pattern)
	if err != nil {
		return Page{Messages: []Message{}}, err
	}
	rs, total, err := s.store.list(f)
	page := Page{Messages: make([]Message, len(rs)), Total: total}
	for i, r := range rs {
		page.Messages[i] = r.snapshot(find)
	}
	return page, err
}

// Message returns one message with its Segments.
func (s *Server) Message(id string) (Message, bool) {
	r := s.store.get(id)
	if r == nil {
		return Message{}, false
	}
	m := r.snapshot(FindCode)
	m.Segments = r.segments(s.cfg.Alphabet)
	return m, true
}

// Clear forgets all messages and parts, and says how many messages there were. Receipts go on.
func (s *Server) Clear() int {
	s.epoch.Add(1)
	s.parts.clear()
	n := s.store.clear()
	s.events.changed(TopicCleared)
	return n
}

// Reset is Clear, and forgets the PDUs kept and puts the rules of Config.Rules back, with all they counted;
// so do the magic numbers. Binds and accounts stay.
func (s *Server) Reset() {
	s.Clear()
	s.taps.clear()
	_ = s.rules.Replace(s.cfg.Rules) // they were taken at the start
	s.magic.Reset()
}

// keep puts a whole message into the store.
func (s *Server) keep(r *record) {
	s.store.add(r)
	s.events.message(r)
}

func (s *Server) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Warn().Err(err).Msg("cannot accept a connection")
			if backoff.Sleep(s.ctx, acceptPause) != nil {
				return
			}
			continue
		}
		if _, err := s.handle(conn); err != nil {
			conn.Close()
		}
	}
}

// handle works a connection in a goroutine of its own.
func (s *Server) handle(conn net.Conn) (*bind, error) {
	b := s.newBind(conn)
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		b.conn.cancel()
		return nil, ErrClosed
	}
	s.binds[b] = struct{}{}
	s.wg.Go(func() {
		b.run(s.ctx)
		s.mu.Lock()
		delete(s.binds, b)
		s.mu.Unlock()
		s.events.changed(TopicSessions)
	})
	s.mu.Unlock()
	s.events.changed(TopicSessions)
	return b, nil
}

// Close ends the server: no new connections, then an unbind to each bind, all within ctx or 5 seconds, then
// what is left is broken off. Everything has ended when it returns; the error is ctx's when something was
// broken off. Receipts that wait are lost.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	s.mu.Unlock()
	if !first {
		<-s.closed
		return nil
	}
	defer close(s.closed)
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	s.closeListeners()
	err := s.unbindAll(ctx)
	s.cancel() // ends the waits, so that HTTP has nothing open
	if s.http != nil {
		if shut := s.http.Shutdown(ctx); shut != nil {
			s.http.Close()
			err = errors.Join(err, shut)
		}
	}
	s.wg.Wait()
	return err
}

func (s *Server) unbindAll(ctx context.Context) error {
	s.mu.Lock()
	var wg sync.WaitGroup
	for b := range s.binds {
		wg.Go(func() { b.end(ctx) })
	}
	s.mu.Unlock()
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("smsc: a peer did not answer unbind: %w", err)
	}
	return nil
}
