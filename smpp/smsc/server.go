package smsc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"otpgw/smpp/text"
)

// Config sets a server up. The zero value listens for SMPP on a free port of 127.0.0.1, takes any account, and sends
// receipts at once.
type Config struct {
	SMPPAddr string            // host:port; empty: 127.0.0.1:0
	HTTPAddr string            // host:port; empty: no HTTP
	Accounts map[string]string // password by system_id; empty: any system_id with any password

	Keep         int           // messages kept, the newest; zero: 10,000
	ReceiptDelay time.Duration // from the answer to the receipt
	ReceiptRetry time.Duration // before a refused receipt is sent again, doubled each time; zero: 1 s
	Alphabet     text.Alphabet // what data_coding 0 means; empty: gsm7

	Window          int           // deliver_sm in flight per bind; zero: 100
	ResponseTimeout time.Duration // for the answer to a deliver_sm or enquire_link; zero: 10 s
	EnquireLink     time.Duration // silence before an enquire_link; zero: 30 s; negative: never

	// OnSubmit, when set, decides what becomes of each submit_sm and data_sm. It runs on the bind's own goroutine, for
	// several binds at once, and the bind's next message waits until it returns.
	OnSubmit func(SubmitInfo) Outcome

	Log zerolog.Logger // the zero value logs nothing
}

const (
	defaultKeep  = 10_000
	defaultRetry = time.Second

	// maxWaiting bounds what waits for a time: receipts and delayed answers. Beyond it a message that wants one is
	// answered ESME_RMSGQFUL.
	maxWaiting = 250_000
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
	lastID   atomic.Uint64
	counts   counts

	ln     net.Listener
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

// Start starts a server. It listens when Start returns. The caller ends it with Close.
func Start(cfg Config) (*Server, error) {
	if cfg.SMPPAddr == "" {
		cfg.SMPPAddr = "127.0.0.1:0"
	}
	if cfg.Keep == 0 {
		cfg.Keep = defaultKeep
	}
	if cfg.Keep < 0 {
		return nil, fmt.Errorf("smsc: keep is %d, at least 1 message has to be kept", cfg.Keep)
	}
	if cfg.ReceiptRetry <= 0 {
		cfg.ReceiptRetry = defaultRetry
	}
	s := &Server{
		cfg:      cfg,
		log:      cfg.Log,
		started:  time.Now(),
		accounts: newAccounts(cfg.Accounts),
		store:    newStore(cfg.Keep),
		schedule: newSchedule(maxWaiting),
		closed:   make(chan struct{}),
		binds:    make(map[*bind]struct{}),
	}
	s.parts = newReassembler(cfg.Alphabet, s.schedule, s.store.add)
	// Ids go on from the clock, so that those of the last run do not come again: a client may still know them.
	s.lastID.Store(uint64(s.started.UnixMicro()))
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.listen(); err != nil {
		s.cancel()
		return nil, err
	}
	s.wg.Go(func() { s.schedule.run(s.ctx) })
	s.wg.Go(s.accept)
	if s.httpLn != nil {
		s.http = s.newHTTP()
		s.wg.Go(s.serveHTTP)
	}
	return s, nil
}

func (s *Server) listen() (err error) {
	if s.ln, err = net.Listen("tcp", s.cfg.SMPPAddr); err != nil {
		return fmt.Errorf("smsc: listen for SMPP: %w", err)
	}
	if s.cfg.HTTPAddr == "" {
		return nil
	}
	if s.httpLn, err = net.Listen("tcp", s.cfg.HTTPAddr); err != nil {
		s.ln.Close()
		return fmt.Errorf("smsc: listen for HTTP: %w", err)
	}
	return nil
}

// Addr is the address of the SMPP listener, host:port.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// HTTPAddr is the address of the HTTP listener, host:port; empty without one.
func (s *Server) HTTPAddr() string {
	if s.httpLn == nil {
		return ""
	}
	return s.httpLn.Addr().String()
}

// Messages returns the messages kept, the newest first.
func (s *Server) Messages(f Filter) []Message {
	rs := s.store.list(f)
	ms := make([]Message, len(rs))
	for i, r := range rs {
		ms[i] = r.snapshot(FindCode)
	}
	return ms
}

// Clear forgets all messages and parts, and says how many messages there were. Receipts go on.
func (s *Server) Clear() int {
	s.parts.clear()
	return s.store.clear()
}

func (s *Server) accept() {
	for {
		conn, err := s.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Warn().Err(err).Msg("cannot accept a connection")
			select {
			case <-time.After(acceptPause):
				continue
			case <-s.ctx.Done():
				return
			}
		}
		s.serve(conn)
	}
}

func (s *Server) serve(conn net.Conn) {
	b := s.newBind(conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		conn.Close()
		return
	}
	s.binds[b] = struct{}{}
	s.wg.Go(func() {
		b.run(s.ctx)
		s.mu.Lock()
		delete(s.binds, b)
		s.mu.Unlock()
	})
}

// Close ends the server: no new connections, then an unbind to each bind, all within ctx or 5 seconds, then what is left
// is broken off. Everything has ended when it returns; the error is ctx's when something was broken off. Receipts that
// wait are lost.
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
	s.ln.Close()
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
