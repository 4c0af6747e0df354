package smsc_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/smpp/session"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

func patient(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func start(t testing.TB, cfg smsc.Config) *smsc.Server {
	t.Helper()
	srv, err := smsc.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(patient(t)); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return srv
}

// esme is a client: a session, and the deliver_sm it got.
type esme struct {
	*session.Session
	t         testing.TB
	delivered chan *wire.Message
	ended     chan struct{}

	commands atomic.Uint32 // of the last one

	mu       sync.Mutex
	statuses []wire.Status // answers to the next deliver_sm; then ESME_ROK
	silent   int           // so many deliver_sm stay unanswered
}

// connect makes a connection that is not bound.
func connect(t testing.TB, srv *smsc.Server) *esme {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return over(t, conn)
}

// over is a client on a connection that is there.
func over(t testing.TB, conn net.Conn) *esme {
	e := &esme{t: t, delivered: make(chan *wire.Message, 10_000), ended: make(chan struct{})}
	e.Session = session.New(conn, session.Options{
		Window:   1000,
		Workers:  1,
		Handlers: map[wire.Command]session.Handler{wire.DeliverSM: e.deliver, wire.DataSM: e.deliver},
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(e.ended)
		_ = e.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-e.ended })
	return e
}

func (e *esme) deliver(ctx context.Context, s *session.Session, f wire.Frame) {
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
	e.commands.Store(uint32(f.Command))
	e.delivered <- m
	if !silent {
		_ = s.Respond(ctx, f, status, wire.MessageResp{})
	}
}

// bound makes a connection and binds it.
func bound(t testing.TB, srv *smsc.Server, cmd wire.Command, account string) *esme {
	t.Helper()
	e := connect(t, srv)
	if _, err := e.Bind(patient(t), cmd, wire.Bind{SystemID: account, Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *esme) do(cmd wire.Command, p session.PDU) wire.Frame {
	e.t.Helper()
	f, err := e.Do(patient(e.t), cmd, p)
	if err != nil {
		e.t.Fatalf("%s: %v", cmd, err)
	}
	return f
}

// submit sends a message that must be taken, and returns its id.
func (e *esme) submit(m *wire.Message) string {
	e.t.Helper()
	f := e.do(wire.SubmitSM, m)
	if f.Status != wire.StatusOK || f.Command != wire.SubmitSMResp {
		e.t.Fatalf("submit_sm was answered %s %s", f.Command, f.Status)
	}
	return wire.DecodeMessageResp(f).MessageID
}

// receipt is the next deliver_sm.
func (e *esme) receipt() *wire.Message {
	e.t.Helper()
	select {
	case m := <-e.delivered:
		return m
	case <-time.After(patience):
		e.t.Fatal("no receipt came")
		return nil
	}
}

// none checks that no deliver_sm comes for a while.
func (e *esme) none(d time.Duration) {
	e.t.Helper()
	select {
	case m := <-e.delivered:
		e.t.Fatalf("got %q, want nothing", m.ShortMessage)
	case <-time.After(d):
	}
}

// message is one submit_sm that asks for a receipt.
func message(to, body string) *wire.Message {
	return messages(to, body, text.Options{})[0]
}

// messages are the submit_sm a text takes.
func messages(to, body string, o text.Options) []*wire.Message {
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
		}
		for _, tlv := range p.TLVs {
			m.TLVs = append(m.TLVs, wire.TLV(tlv))
		}
		ms = append(ms, m)
	}
	return ms
}

func wait(t testing.TB, srv *smsc.Server, to string) smsc.Message {
	t.Helper()
	m, err := srv.Wait(patient(t), to)
	if err != nil {
		t.Fatalf("Wait: %v", err)
	}
	return m
}

// eventually waits until ok, which looks at what another goroutine does a moment later.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// rawBound is a transmitter that does nothing by itself.
func rawBound(t testing.TB, srv *smsc.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	b, err := wire.Bind{SystemID: "raw"}.Encode(wire.Header{Command: wire.BindTransmitter, Sequence: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	if f, err := wire.ReadFrame(conn); err != nil || f.Status != wire.StatusOK {
		t.Fatalf("bind: %v %v", f.Status, err)
	}
	return conn
}
