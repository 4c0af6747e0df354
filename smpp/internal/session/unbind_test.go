package session_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestUnbind(t *testing.T) {
	sides := map[string]func(t *testing.T, esme, smsc *running){
		"from the ESME": func(t *testing.T, e, _ *running) { check(t, e.Unbind(ctx10(t))) },
		"from the SMSC": func(t *testing.T, _, s *running) { check(t, s.Unbind(ctx10(t))) },
		"from both at once": func(t *testing.T, e, s *running) {
			var wg sync.WaitGroup
			wg.Go(func() { _ = e.Unbind(ctx10(t)) })
			wg.Go(func() { _ = s.Unbind(ctx10(t)) })
			wg.Wait()
		},
	}
	for name, unbind := range sides {
		t.Run(name, func(t *testing.T) {
			a, b := tcpPair(t)
			s := run(t, b, smsc(nil))
			e := run(t, a, session.Options{})
			if _, err := e.Do(ctx10(t), wire.SubmitSM, submit("x")); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			unbind(t, e, s)
			if name != "from both at once" { // there the faster side's end may overtake the other's
				e.wantEnd(t, session.ErrUnbound)
				s.wantEnd(t, session.ErrUnbound)
			}
			if d := time.Since(began); d > 3*time.Second {
				t.Errorf("took %s", d)
			}
			if _, err := e.Do(ctx10(t), wire.SubmitSM, submit("late")); err == nil {
				t.Error("a request after the unbind was taken")
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// TestUnbindWaitsForOpenRequests: an unbind from the SMSC is answered after the open submit_sm got its
// answer.
func TestUnbindWaitsForOpenRequests(t *testing.T) {
	a, b := tcpPair(t)
	taken, goOn := make(chan struct{}), make(chan struct{})
	s := run(t, b, smsc(map[wire.Command]session.Handler{wire.SubmitSM: func(ctx context.Context, s *session.Session, f wire.Frame) {
		close(taken)
		<-goOn
		answer(ctx, s, f)
	}}))
	e := run(t, a, session.Options{})
	outcome := make(chan error, 1)
	go func() {
		_, err := e.Do(ctx10(t), wire.SubmitSM, submit("x"))
		outcome <- err
	}()
	<-taken
	unbound := make(chan error, 1)
	go func() { unbound <- s.Unbind(ctx10(t)) }()
	close(goOn)
	check(t, <-outcome)
	check(t, <-unbound)
	e.wantEnd(t, session.ErrUnbound)
}

// TestUnbindAnswersWhatWasTaken: a deliver_sm that a handler has is answered before our unbind, or the SMSC
// sends it again.
func TestUnbindAnswersWhatWasTaken(t *testing.T) {
	a, b := tcpPair(t)
	taken, goOn := make(chan struct{}), make(chan struct{})
	e := run(t, a, session.Options{Handlers: map[wire.Command]session.Handler{wire.DeliverSM: func(ctx context.Context, s *session.Session, f wire.Frame) {
		close(taken)
		<-goOn
		answer(ctx, s, f)
	}}})
	peer := newRaw(t, b)
	peer.write(wire.DeliverSM, 0, 5, "")
	<-taken
	unbound := make(chan error, 1)
	go func() { unbound <- e.Unbind(ctx10(t)) }()
	for e.State() != session.Unbinding {
		runtime.Gosched()
	}
	close(goOn)
	if f := peer.read(); f.Command != wire.DeliverSMResp || f.Sequence != 5 {
		t.Errorf("%s before the answer", f.Command)
	}
	f := peer.read()
	peer.write(wire.UnbindResp, 0, f.Sequence, "")
	check(t, <-unbound)
}

// TestUnbindAgainAndAgainCostsNothing: a peer that goes on asking while its first unbind waits for an open
// request costs no goroutine a PDU, and gets its answer.
func TestUnbindAgainAndAgainCostsNothing(t *testing.T) {
	a, b := tcpPair(t)
	e := run(t, a, session.Options{})
	outcome := make(chan error, 1)
	go func() {
		_, err := e.Do(ctx10(t), wire.SubmitSM, submit("x"))
		outcome <- err
	}()
	peer := newRaw(t, b)
	open := peer.read()
	before := runtime.NumGoroutine()
	for seq := range uint32(5000) {
		peer.write(wire.Unbind, 0, 100+seq, "")
	}
	peer.write(wire.EnquireLink, 0, 7, "")
	if f := peer.read(); f.Command != wire.EnquireLinkResp {
		t.Fatalf("%s before the open request was answered", f.Command)
	}
	if more := runtime.NumGoroutine() - before; more > 10 {
		t.Errorf("%d goroutines wait with 5,000 unbinds", more)
	}
	peer.write(wire.SubmitSMResp, 0, open.Sequence, "id\x00")
	check(t, <-outcome)
	if f := peer.read(); f.Command != wire.UnbindResp || f.Sequence != 100 {
		t.Errorf("%s %d", f.Command, f.Sequence)
	}
	e.wantEnd(t, session.ErrUnbound)
}
