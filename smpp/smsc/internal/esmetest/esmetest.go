// Package esmetest is an SMPP client (an ESME) for the simulator's own tests, and what they do again and
// again: start a server, wait for a message, wait until something is so.
package esmetest

import (
	"context"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Patience is how long a test waits for what must come.
const Patience = 10 * time.Second

// Patient is a context that lasts for Patience.
func Patient(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Start starts a server that ends with the test.
func Start(t testing.TB, cfg smsc.Config) *smsc.Server {
	t.Helper()
	srv, err := smsc.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(Patient(t)); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return srv
}

// Client is a client: a session, and the deliver_sm it got.
type Client struct {
	*session.Session
	t         testing.TB
	Delivered chan *wire.Message
	Ended     chan struct{} // closed when the session is over

	last atomic.Uint32 // the command of the last one

	mu       sync.Mutex
	statuses []wire.Status // answers to the next deliver_sm; then ESME_ROK
	silent   int           // so many deliver_sm stay unanswered
}

// Command is the command of the last PDU that was delivered.
func (e *Client) Command() wire.Command { return wire.Command(e.last.Load()) }

// Answers sets the answers to the next that are delivered: the first silent of them get none, the others
// these statuses, and ESME_ROK behind them.
func (e *Client) Answers(silent int, statuses ...wire.Status) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.silent, e.statuses = silent, statuses
}

// Connect makes a connection that is not bound.
func Connect(t testing.TB, srv *smsc.Server) *Client {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return Over(t, conn)
}

// Over is a client on a connection that is there.
func Over(t testing.TB, conn net.Conn) *Client {
	e := &Client{t: t, Delivered: make(chan *wire.Message, 10_000), Ended: make(chan struct{})}
	e.Session = session.New(conn, session.Options{
		Window:   1000,
		Workers:  1,
		Handlers: map[wire.Command]session.Handler{wire.DeliverSM: e.deliver, wire.DataSM: e.deliver},
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(e.Ended)
		_ = e.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-e.Ended })
	return e
}

func (e *Client) deliver(ctx context.Context, s *session.Session, f wire.Frame) {
	m, err := wire.DecodeMessage(f)
	if err != nil {
		e.t.Errorf("deliver_sm: %v", err)
		return
	}
	e.mu.Lock()
	status, silent := wire.StatusOK, e.silent > 0
	if silent {
		e.silent--
	} else if len(e.statuses) > 0 {
		status, e.statuses = e.statuses[0], e.statuses[1:]
	}
	e.mu.Unlock()
	e.last.Store(uint32(f.Command))
	e.Delivered <- m
	if !silent {
		_ = s.Respond(ctx, f, status, wire.MessageResp{})
	}
}

// Bound makes a connection and binds it.
func Bound(t testing.TB, srv *smsc.Server, cmd wire.Command, account string) *Client {
	t.Helper()
	e := Connect(t, srv)
	if _, err := e.Bind(Patient(t), cmd, wire.Bind{SystemID: account, Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	return e
}

// Must sends a request that must be answered.
func (e *Client) Must(cmd wire.Command, p session.PDU) wire.Frame {
	e.t.Helper()
	f, err := e.Do(Patient(e.t), cmd, p)
	if err != nil {
		e.t.Fatalf("%s: %v", cmd, err)
	}
	return f
}

// Submit sends a message that must be taken, and returns its id.
func (e *Client) Submit(m *wire.Message) string {
	e.t.Helper()
	f := e.Must(wire.SubmitSM, m)
	if f.Status != wire.StatusOK || f.Command != wire.SubmitSMResp {
		e.t.Fatalf("submit_sm was answered %s %s", f.Command, f.Status)
	}
	return wire.DecodeMessageResp(f).MessageID
}

// Receipt is the next deliver_sm.
func (e *Client) Receipt() *wire.Message {
	e.t.Helper()
	select {
	case m := <-e.Delivered:
		return m
	case <-time.After(Patience):
		e.t.Fatal("no receipt came")
		return nil
	}
}

// None checks that no deliver_sm comes for a while.
func (e *Client) None(d time.Duration) {
	e.t.Helper()
	select {
	case m := <-e.Delivered:
		e.t.Fatalf("got %q, want nothing", m.ShortMessage)
	case <-time.After(d):
	}
}

var statField = regexp.MustCompile(`stat:(\w+) err:(\w+)`)

// States are the states of the next n deliver_sm, with their err.
func (e *Client) States(n int) string {
	e.t.Helper()
	var s []string
	for range n {
		r := e.Receipt()
		if m := statField.FindSubmatch(r.Payload()); m != nil {
			s = append(s, string(m[1])+"/"+string(m[2]))
		} else {
			s = append(s, "?")
		}
	}
	return strings.Join(s, " ")
}

// Rule reads a rule that is right.
func Rule(t testing.TB, js string) smsc.Rule {
	t.Helper()
	r, err := smsc.ParseRule([]byte(js))
	if err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return r
}

// WithRules starts a server with these rules and a seed.
func WithRules(t testing.TB, rules ...string) *smsc.Server {
	t.Helper()
	cfg := smsc.Config{Seed: 7}
	for _, js := range rules {
		cfg.Rules = append(cfg.Rules, Rule(t, js))
	}
	return Start(t, cfg)
}

// Message is one submit_sm that asks for a receipt.
func Message(to, body string) *wire.Message {
	return Messages(to, body, text.Options{})[0]
}

// Messages are the submit_sm a text takes.
func Messages(to, body string, o text.Options) []*wire.Message {
	parts, _, err := text.Split(body, 0x1234, o)
	if err != nil {
		panic(err)
	}
	var ms []*wire.Message
	for _, p := range parts {
		m := &wire.Message{
			Source:             wire.Address{TON: 5, Addr: "Verify"},
			Dest:               wire.Address{TON: 1, NPI: 1, Addr: to},
			ESMClass:           p.ESMClass,
			RegisteredDelivery: 1,
			DataCoding:         p.DataCoding,
			ShortMessage:       p.ShortMessage,
			TLVs:               p.TLVs,
		}
		ms = append(ms, m)
	}
	return ms
}

// Wait is the next message to a number.
func Wait(t testing.TB, srv *smsc.Server, to string) smsc.Message {
	t.Helper()
	m, err := srv.Wait(Patient(t), to)
	if err != nil {
		t.Fatalf("Wait: %v", err)
	}
	return m
}

// Raw is a connection that does nothing by itself; it lives on behind a bind that was refused.
type Raw struct {
	net.Conn
	t    testing.TB
	last uint32 // sequence number
}

// Dial makes one.
func Dial(t testing.TB, srv *smsc.Server) *Raw {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(Patience))
	return &Raw{Conn: conn, t: t}
}

// Ask sends a request and returns its answer.
func (r *Raw) Ask(cmd wire.Command, p session.PDU) wire.Frame {
	r.t.Helper()
	r.last++
	b, err := p.Encode(wire.Header{Command: cmd, Sequence: r.last})
	if err == nil {
		_, err = r.Write(b)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	f, err := wire.ReadFrame(r)
	if err != nil || f.Sequence != r.last {
		r.t.Fatalf("%s was answered %+v, %v", cmd, f.Header, err)
	}
	return f
}

// RawBound is a transmitter that does nothing by itself.
func RawBound(t testing.TB, srv *smsc.Server) net.Conn {
	t.Helper()
	r := Dial(t, srv)
	if f := r.Ask(wire.BindTransmitter, wire.Bind{SystemID: "raw"}); f.Status != wire.StatusOK {
		t.Fatalf("bind: %s", f.Status)
	}
	return r.Conn
}
