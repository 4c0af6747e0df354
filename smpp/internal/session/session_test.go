package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tcpPair is a real connection: a listener on a free port and both its ends.
func tcpPair(t testing.TB) (a, b net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := ln.Accept()
		accepted <- c
	}()
	a, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b = <-accepted
	if b == nil {
		t.Fatal("not accepted")
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// running is a session under test and how its Run ended.
type running struct {
	*session.Session
	ended chan error
}

func run(t testing.TB, conn net.Conn, o session.Options) *running {
	t.Helper()
	s := session.New(conn, o)
	r := &running{s, make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- s.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

func (r *running) wantEnd(t testing.TB, want error) {
	t.Helper()
	select {
	case err := <-r.ended:
		if !errors.Is(err, want) {
			t.Errorf("the session ended with %v, want %v", err, want)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("the session did not end, want %v", want)
	}
}

// answer is a handler that answers OK with the message's own text as message id.
func answer(ctx context.Context, s *session.Session, f wire.Frame) {
	m, err := wire.DecodeMessage(f)
	if err != nil {
		_ = s.Respond(ctx, f, wire.StatusInvMsgLen, wire.MessageResp{})
		return
	}
	_ = s.Respond(ctx, f, wire.StatusOK, wire.MessageResp{MessageID: string(m.ShortMessage)})
}

func smsc(extra map[wire.Command]session.Handler) session.Options {
	h := map[wire.Command]session.Handler{wire.SubmitSM: answer}
	for cmd, handler := range extra {
		h[cmd] = handler
	}
	return session.Options{Handlers: h}
}

func submit(text string) *wire.Message { return &wire.Message{ShortMessage: []byte(text)} }

func ctx10(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAnswersFindTheirRequests(t *testing.T) {
	a, b := tcpPair(t)
	run(t, b, smsc(nil))
	esme := run(t, a, session.Options{Window: 50})
	var wg sync.WaitGroup
	for i := range 2000 {
		wg.Go(func() {
			want := fmt.Sprint("m", i)
			f, err := esme.Do(ctx10(t), wire.SubmitSM, submit(want))
			if err != nil {
				t.Error(err)
				return
			}
			if got := wire.DecodeMessageResp(f).MessageID; got != want {
				t.Errorf("answer %q for request %q", got, want)
			}
		})
	}
	wg.Wait()
	if n := esme.UnknownResponses(); n != 0 {
		t.Errorf("%d responses matched no request", n)
	}
}

// TestSameSequenceBothWays: a request of the peer with the sequence number of ours is not its answer.
func TestSameSequenceBothWays(t *testing.T) {
	a, b := tcpPair(t)
	sm, err := submit("peer").Encode(wire.Header{Command: wire.DeliverSM, Sequence: 1})
	if err != nil {
		t.Fatal(err)
	}
	run(t, b, smsc(map[wire.Command]session.Handler{wire.SubmitSM: func(ctx context.Context, s *session.Session, f wire.Frame) {
		_ = s.SendRaw(ctx, sm) // first a deliver_sm that has the same number, then the answer
		answer(ctx, s, f)
	}}))
	delivered := make(chan wire.Frame, 1)
	esme := run(t, a, session.Options{Handlers: map[wire.Command]session.Handler{
		wire.DeliverSM: func(ctx context.Context, s *session.Session, f wire.Frame) { delivered <- f },
	}})
	f, err := esme.Do(ctx10(t), wire.SubmitSM, submit("ours"))
	if err != nil || wire.DecodeMessageResp(f).MessageID != "ours" {
		t.Fatalf("answer %+v, %v", f, err)
	}
	if f := <-delivered; f.Sequence != 1 {
		t.Errorf("deliver_sm sequence %d", f.Sequence)
	}
}

func TestFullWindowWaits(t *testing.T) {
	a, b := tcpPair(t)
	release := make(chan struct{})
	var mu sync.Mutex
	open, most := 0, 0
	peer := smsc(map[wire.Command]session.Handler{wire.SubmitSM: func(ctx context.Context, s *session.Session, f wire.Frame) {
		mu.Lock()
		open++
		most = max(most, open)
		mu.Unlock()
		<-release
		mu.Lock()
		open--
		mu.Unlock()
		answer(ctx, s, f)
	}})
	peer.Workers = 64
	run(t, b, peer)
	esme := run(t, a, session.Options{Window: 3})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if _, err := esme.Do(ctx10(t), wire.SubmitSM, submit("x")); err != nil {
				t.Error(err)
			}
		})
	}
	for range 12 {
		release <- struct{}{}
	}
	wg.Wait()
	if most > 3 {
		t.Errorf("%d requests in flight, the window is 3", most)
	}
}

func TestTimeoutNamesItself(t *testing.T) {
	a, b := tcpPair(t)
	peer := run(t, b, smsc(map[wire.Command]session.Handler{wire.SubmitSM: func(context.Context, *session.Session, wire.Frame) {}}))
	esme := run(t, a, session.Options{ResponseTimeout: 50 * time.Millisecond})
	_, err := esme.Do(ctx10(t), wire.SubmitSM, submit("x"))
	if !errors.Is(err, session.ErrTimeout) || !strings.Contains(err.Error(), "submit_sm after 50ms") {
		t.Errorf("error %v, want one that names the request and the time", err)
	}
	// The late answer is counted, and harms nothing.
	late := wire.Frame{Header: wire.Header{Command: wire.SubmitSMResp, Sequence: 1}}
	if err := peer.SendRaw(ctx10(t), late.Bytes()); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Do(ctx10(t), wire.EnquireLink, wire.RawBody(nil)); err != nil {
		t.Fatal(err)
	}
	if n := esme.UnknownResponses(); n != 1 {
		t.Errorf("%d unknown responses, want 1", n)
	}
}

func TestGenericNackAnswersTheRequest(t *testing.T) {
	a, b := tcpPair(t)
	run(t, b, session.Options{Handlers: map[wire.Command]session.Handler{wire.SubmitSM: func(ctx context.Context, s *session.Session, f wire.Frame) {
		nack := wire.Frame{Header: wire.Header{Command: wire.GenericNack, Status: wire.StatusThrottled, Sequence: f.Sequence}}
		_ = s.SendRaw(ctx, nack.Bytes())
	}}})
	esme := run(t, a, session.Options{})
	f, err := esme.Do(ctx10(t), wire.SubmitSM, submit("x"))
	if err != nil || f.Status != wire.StatusThrottled {
		t.Errorf("answer %+v, %v", f, err)
	}
}

func TestUnknownCommandIsNacked(t *testing.T) {
	a, b := tcpPair(t)
	run(t, b, smsc(nil))
	esme := run(t, a, session.Options{})
	f, err := esme.Do(ctx10(t), 0x00000999, wire.RawBody(nil))
	if err != nil || f.Command != wire.GenericNack || f.Status != wire.StatusInvCmdID {
		t.Fatalf("answer %+v, %v", f, err)
	}
	if _, err := esme.Do(ctx10(t), wire.SubmitSM, submit("goes on")); err != nil {
		t.Errorf("the session did not go on: %v", err)
	}
}

func TestBusyIsAnswered(t *testing.T) {
	a, b := tcpPair(t)
	block := make(chan struct{})
	o := session.Options{Workers: 1, Backlog: 1, Busy: wire.StatusTempAppErr, Handlers: map[wire.Command]session.Handler{
		wire.DeliverSM: func(ctx context.Context, s *session.Session, f wire.Frame) {
			<-block
			_ = s.Respond(ctx, f, wire.StatusOK, wire.MessageResp{})
		}}}
	run(t, a, o)
	peer := run(t, b, session.Options{})
	var wg sync.WaitGroup
	statuses := make(chan wire.Status, 10)
	for range 10 {
		wg.Go(func() {
			f, err := peer.Do(ctx10(t), wire.DeliverSM, submit("x"))
			if err != nil {
				t.Error(err)
			}
			statuses <- f.Status
		})
	}
	for range 8 { // one is handled, one waits, the others are told at once, while the handler still blocks
		if st := <-statuses; st != wire.StatusTempAppErr {
			t.Errorf("status %s", st)
		}
	}
	if _, err := peer.Do(ctx10(t), wire.EnquireLink, wire.RawBody(nil)); err != nil {
		t.Errorf("enquire_link behind a slow handler: %v", err)
	}
	close(block)
	wg.Wait()
}

func TestEndFailsEveryWaiter(t *testing.T) {
	a, b := tcpPair(t)
	arrived := make(chan struct{}, 20)
	peer := smsc(map[wire.Command]session.Handler{wire.SubmitSM: func(context.Context, *session.Session, wire.Frame) { arrived <- struct{}{} }})
	run(t, b, peer)
	esme := run(t, a, session.Options{Window: 10, ResponseTimeout: time.Hour})
	outcomes := make(chan error, 20)
	for range 20 { // ten wait for an answer, ten for the window
		go func() {
			_, err := esme.Do(ctx10(t), wire.SubmitSM, submit("x"))
			outcomes <- err
		}()
	}
	for range 10 {
		<-arrived
	}
	b.Close()
	for range 20 {
		if err := <-outcomes; !errors.Is(err, session.ErrPeerGone) {
			t.Errorf("error %v, want %v", err, session.ErrPeerGone)
		}
	}
	esme.wantEnd(t, session.ErrPeerGone)
}

func TestEnquireLinkKeepsAndKills(t *testing.T) {
	t.Run("answered", func(t *testing.T) {
		a, b := tcpPair(t)
		asked := make(chan struct{}, 100)
		o := smsc(nil)
		o.EnquireLink = -1
		o.Trace = func(out bool, p []byte) {
			if !out && bytes.Equal(p[4:8], []byte{0, 0, 0, 0x15}) {
				asked <- struct{}{}
			}
		}
		run(t, b, o)
		e := run(t, a, session.Options{EnquireLink: 20 * time.Millisecond})
		for range 3 {
			<-asked
		}
		if err := e.Err(); err != nil {
			t.Errorf("the session ended: %v", err)
		}
	})
	t.Run("not answered", func(t *testing.T) {
		a, b := tcpPair(t)
		go func() { // reads and says nothing
			buf := make([]byte, 1024)
			for {
				if _, err := b.Read(buf); err != nil {
					return
				}
			}
		}()
		e := run(t, a, session.Options{EnquireLink: 20 * time.Millisecond, ResponseTimeout: 100 * time.Millisecond})
		e.wantEnd(t, session.ErrDead)
	})
}

func TestPeerThatDoesNotReadEndsTheSession(t *testing.T) {
	a, _ := tcpPair(t)
	e := run(t, a, session.Options{WriteTimeout: 100 * time.Millisecond, ResponseTimeout: time.Hour, Window: 1000})
	big := &wire.Message{TLVs: wire.TLVs{{Tag: wire.TagMessagePayload, Value: make([]byte, 60000)}}}
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() { _, _ = e.Do(ctx10(t), wire.DataSM, big) })
	}
	e.wantEnd(t, session.ErrWrite)
	wg.Wait()
}

func TestBind(t *testing.T) {
	refuse := func(st wire.Status) session.Handler {
		return func(ctx context.Context, s *session.Session, f wire.Frame) {
			_ = s.Respond(ctx, f, st, wire.BindResp{SystemID: "smsc"})
		}
	}
	t.Run("taken", func(t *testing.T) {
		a, b := tcpPair(t)
		run(t, b, smsc(map[wire.Command]session.Handler{wire.BindTransceiver: refuse(wire.StatusOK)}))
		e := run(t, a, session.Options{})
		r, err := e.Bind(ctx10(t), wire.BindTransceiver, wire.Bind{SystemID: "x"})
		if err != nil || r.SystemID != "smsc" || e.State() != session.Bound {
			t.Errorf("%+v, %v, %s", r, err, e.State())
		}
	})
	t.Run("refused", func(t *testing.T) {
		a, b := tcpPair(t)
		run(t, b, smsc(map[wire.Command]session.Handler{wire.BindTransceiver: refuse(wire.StatusInvPaswd)}))
		e := run(t, a, session.Options{})
		_, err := e.Bind(ctx10(t), wire.BindTransceiver, wire.Bind{SystemID: "x"})
		var refused *session.BindError
		if !errors.As(err, &refused) || refused.Status != wire.StatusInvPaswd {
			t.Errorf("error %v", err)
		}
	})
	t.Run("silent SMSC", func(t *testing.T) {
		a, _ := tcpPair(t)
		e := run(t, a, session.Options{ResponseTimeout: 50 * time.Millisecond})
		if _, err := e.Bind(ctx10(t), wire.BindTransceiver, wire.Bind{}); !errors.Is(err, session.ErrTimeout) {
			t.Errorf("error %v", err)
		}
	})
}
