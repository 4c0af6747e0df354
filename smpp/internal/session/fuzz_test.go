package session_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// noGoroutineLeft looks for goroutines that were not there when it was called. What it returns is to be
// deferred.
func noGoroutineLeft(t *testing.T) func() {
	before := goleak.IgnoreCurrent()
	return func() {
		if err := goleak.Find(before); err != nil {
			t.Error(err)
		}
	}
}

// FuzzLive throws octets at a session in each of its states; it ends or goes on, and leaves no goroutine.
func FuzzLive(f *testing.F) {
	f.Add(byte(0), []byte{0, 0, 0, 16, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(byte(1), []byte{0, 0, 0, 16, 0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0})
	f.Add(byte(2), []byte{0, 0, 0, 16, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, state byte, octets []byte) {
		defer noGoroutineLeft(t)()
		a, b := tcpPair(t)
		s := session.New(a, session.Options{ResponseTimeout: 50 * time.Millisecond, UnbindGrace: 10 * time.Millisecond,
			Handlers: map[wire.Command]session.Handler{wire.DeliverSM: answer, wire.DataSM: answer}})
		ended := make(chan error, 1)
		go func() { ended <- s.Run(context.Background()) }()
		if state%3 > 0 {
			s.SetBound()
		}
		if state%3 == 2 {
			go func() { _ = s.Unbind(context.Background()) }()
		}
		_, _ = b.Write(octets)
		b.Close()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the session did not end with its connection")
		}
	})
}

// commands are what a peer may send: all that SMPP 3.4 has, and two that it has not.
var commands = []wire.Command{
	wire.SubmitSMResp, wire.GenericNack, wire.DeliverSM, wire.DataSM, wire.EnquireLink, wire.EnquireLinkResp, wire.Unbind,
	wire.UnbindResp, wire.BindTransceiverResp, wire.BindReceiverResp, wire.BindTransmitterResp, wire.SubmitSM, wire.DeliverSMResp,
	wire.DataSMResp, wire.AlertNotification, wire.BindTransceiver, 0x00000103, 0x80000103,
}

// sequences are those of our own requests, the edges of the range, and what is outside it.
var sequences = []uint32{1, 2, 3, 4, 5, 0, wire.MaxSequence, wire.MaxSequence + 1, 0xFFFFFFFF}

var statuses = []wire.Status{wire.StatusOK, wire.StatusThrottled, wire.StatusInvCmdID, 0xFFFFFFFF}

// conversation makes PDUs of the fuzzer's octets, four for each: command, sequence, status, body.
func conversation(script []byte) []wire.Frame {
	message, _ := submit("id:1 stat:DELIVRD").Encode(wire.Header{Command: wire.DeliverSM})
	bodies := [][]byte{nil, message[wire.HeaderLen:], message[wire.HeaderLen : wire.HeaderLen+9], []byte("1A2B\x00"), {0}, make([]byte, 300)}
	var frames []wire.Frame
	for ; len(script) >= 4 && len(frames) < 64; script = script[4:] {
		frames = append(frames, wire.Frame{
			Header: wire.Header{
				Command: commands[int(script[0])%len(commands)], Sequence: sequences[int(script[1])%len(sequences)],
				Status: statuses[int(script[2])%len(statuses)],
			},
			Body: bodies[int(script[3])%len(bodies)],
		})
	}
	return frames
}

// listener is the peer's reading side: it counts our answers by sequence number.
type listener struct {
	mu      sync.Mutex
	answers map[uint32]int
	last    wire.Command
	changed chan struct{}
}

func (l *listener) listen(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		f, err := wire.ReadFrame(r)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.last = f.Command
		if f.IsResponse() {
			l.answers[f.Sequence]++
		}
		l.mu.Unlock()
		select {
		case l.changed <- struct{}{}:
		default:
		}
	}
}

// wantAnswers waits until each request has its answer, and none has one too many.
func (l *listener) wantAnswers(t *testing.T, requests []wire.Frame) {
	t.Helper()
	want := make(map[uint32]int)
	for _, f := range requests {
		want[f.Sequence]++
	}
	late := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		missing := 0
		for seq, n := range want {
			missing += max(0, n-l.answers[seq])
		}
		for seq, n := range l.answers {
			if n > want[seq] {
				t.Errorf("%d answers to the %d requests of sequence %d", n, want[seq], seq)
			}
		}
		l.mu.Unlock()
		if missing == 0 {
			return
		}
		select {
		case <-l.changed:
		case <-late:
			t.Fatalf("%d requests have no answer", missing)
		}
	}
}

// talk begins what is under way in a state: a bind in Open, submits in Bound, an unbind behind them in
// Unbinding. The sequence numbers are 1 and up.
func talk(s *session.Session, state session.State, wg *sync.WaitGroup) {
	ctx := context.Background()
	if state == session.Open {
		wg.Go(func() { _, _ = s.Bind(ctx, wire.BindTransceiver, wire.Bind{}) })
		return
	}
	s.SetBound()
	for range 3 {
		slot, err := s.Reserve(ctx)
		if err != nil {
			return
		}
		r, err := slot.Start(ctx, wire.SubmitSM, submit("x"))
		if err != nil {
			return
		}
		wg.Go(func() { _, _ = r.Wait(ctx) })
	}
	if state == session.Unbinding {
		wg.Go(func() { _ = s.Unbind(ctx) })
	}
}

// mayRefuse: a bind that waits for its answer ends with it.
func mayRefuse(f wire.Frame) bool {
	switch f.Command {
	case wire.GenericNack:
		return f.Sequence <= 1
	case wire.BindTransceiverResp, wire.BindTransmitterResp, wire.BindReceiverResp:
		return f.Sequence == 1 && f.Status != wire.StatusOK
	}
	return false
}

// FuzzConversation plays well-formed PDUs in any order, answers to our requests among them, to a session in
// each of its states. An unbind of either side ends it with ErrUnbound and a refused bind with a BindError;
// anything else it must survive, with one answer to each request of the peer that has one and an outcome for
// each of ours.
func FuzzConversation(f *testing.F) {
	for i := range commands {
		for state := range byte(3) {
			f.Add(state, []byte{byte(i), 0, 0, 1, 4, 5, 0, 0, byte(i), 8, 1, 2, 0, 1, 0, 3, 0, 1, 0, 3, 1, 5, 1, 0})
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, script []byte) {
		defer noGoroutineLeft(t)()
		state := session.State(kind % 3)
		a, b := tcpPair(t)
		s := session.New(a, session.Options{ResponseTimeout: 30 * time.Millisecond, UnbindGrace: 10 * time.Millisecond, Workers: 2, Backlog: 2,
			Handlers: map[wire.Command]session.Handler{wire.DeliverSM: answer, wire.DataSM: answer}})
		peer := &listener{answers: make(map[uint32]int), changed: make(chan struct{}, 1)}
		ended := make(chan error, 1)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer b.Close()
		wg.Go(func() { ended <- s.Run(context.Background()) })
		wg.Go(func() { peer.listen(b) })
		talk(s, state, &wg)
		frames := append(conversation(script), wire.Frame{Header: wire.Header{Command: wire.EnquireLink, Sequence: 0xABCDEF}})
		ends := state == session.Unbinding
		refused := false
		var requests []wire.Frame
		for _, f := range frames {
			ends = ends || f.Command == wire.Unbind
			refused = refused || state == session.Open && mayRefuse(f)
			if !f.IsResponse() && f.Command != wire.AlertNotification {
				requests = append(requests, f)
			}
			if _, err := b.Write(f.Bytes()); err != nil && !ends && !refused {
				t.Fatal(err)
			}
		}
		if !ends && !refused {
			peer.wantAnswers(t, requests)
			if err := s.Err(); err != nil {
				t.Fatalf("ended: %v", err)
			}
		}
		if !ends {
			b.Close()
		}
		select {
		case err := <-ended:
			if bind := new(session.BindError); refused && errors.As(err, &bind) {
				return
			}
			if ends != errors.Is(err, session.ErrUnbound) {
				t.Errorf("ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the session did not end")
		}
	})
}
