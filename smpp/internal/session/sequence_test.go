package session_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// raw is a peer that reads and writes single PDUs.
type raw struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

func newRaw(t *testing.T, c net.Conn) *raw {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &raw{t, c, bufio.NewReader(c)}
}

func (p *raw) read() wire.Frame {
	p.t.Helper()
	f, err := wire.ReadFrame(p.r)
	if err != nil {
		p.t.Fatal(err)
	}
	return f
}

func (p *raw) write(cmd wire.Command, st wire.Status, seq uint32, body string) {
	p.t.Helper()
	f := wire.Frame{Header: wire.Header{Command: cmd, Status: st, Sequence: seq}, Body: []byte(body)}
	if _, err := p.c.Write(f.Bytes()); err != nil {
		p.t.Fatal(err)
	}
}

// TestAnySequenceOfThePeerIsAnsweredWithIt: also 0, which is none, and those past the end of the range (SMPP
// 3.4, 5.1.4).
func TestAnySequenceOfThePeerIsAnsweredWithIt(t *testing.T) {
	a, b := tcpPair(t)
	run(t, a, session.Options{Handlers: map[wire.Command]session.Handler{wire.DeliverSM: answer}})
	peer := newRaw(t, b)
	for _, seq := range []uint32{0, 1, 1, wire.MaxSequence, wire.MaxSequence + 1, 0xFFFFFFFF, 0} {
		for _, cmd := range []wire.Command{wire.EnquireLink, wire.DeliverSM, 0x00000103} {
			peer.write(cmd, 0, seq, "")
			want := cmd | wire.ResponseBit
			if cmd == 0x00000103 {
				want = wire.GenericNack
			}
			if f := peer.read(); f.Sequence != seq || f.Command != want {
				t.Errorf("%s %#x was answered by %s %#x", cmd, seq, f.Command, f.Sequence)
			}
		}
	}
}

func TestOwnSequenceWraps(t *testing.T) {
	a, b := tcpPair(t)
	e := run(t, a, session.Options{})
	peer := newRaw(t, b)
	e.SetSequence(wire.MaxSequence - 2)
	for _, want := range []uint32{wire.MaxSequence - 1, wire.MaxSequence, 1, 2} {
		outcome := make(chan error, 1)
		go func() {
			_, err := e.Do(ctx10(t), wire.EnquireLink, wire.RawBody(nil))
			outcome <- err
		}()
		f := peer.read()
		if f.Sequence != want {
			t.Errorf("sequence %#x, want %#x", f.Sequence, want)
		}
		peer.write(wire.EnquireLinkResp, 0, f.Sequence, "")
		check(t, <-outcome)
	}
}

// TestWrapSkipsWhatIsOpen: a number whose request still waits is not given to another.
func TestWrapSkipsWhatIsOpen(t *testing.T) {
	a, b := tcpPair(t)
	e := run(t, a, session.Options{ResponseTimeout: time.Hour})
	peer := newRaw(t, b)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	first := make(chan error, 1)
	go func() {
		_, err := e.Do(ctx, wire.SubmitSM, submit("waits"))
		first <- err
	}()
	if f := peer.read(); f.Sequence != 1 {
		t.Fatalf("sequence %d", f.Sequence)
	}
	e.SetSequence(wire.MaxSequence)
	second := make(chan error, 1)
	go func() {
		_, err := e.Do(ctx, wire.SubmitSM, submit("next"))
		second <- err
	}()
	if f := peer.read(); f.Sequence != 2 {
		t.Errorf("sequence %d is open already", f.Sequence)
	}
	peer.write(wire.SubmitSMResp, 0, 2, "b\x00")
	peer.write(wire.SubmitSMResp, 0, 1, "a\x00")
	check(t, <-second)
	check(t, <-first)
}

// TestResponsesThatMatchNothing: they are counted, harm no request, and the session goes on.
func TestResponsesThatMatchNothing(t *testing.T) {
	cases := []struct {
		name string
		cmd  wire.Command
		st   wire.Status
		seq  uint32
	}{
		{"unknown sequence", wire.SubmitSMResp, 0, 77},
		{"sequence 0", wire.SubmitSMResp, 0, 0},
		{"past the range", wire.SubmitSMResp, 0, wire.MaxSequence + 2}, // not taken for 1
		{"generic_nack with sequence 0", wire.GenericNack, wire.StatusThrottled, 0},
		{"unbind_resp nobody asked for", wire.UnbindResp, 0, 9},
		{"of an unknown command", 0x80000103, 0, 9},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, b := tcpPair(t)
			e := run(t, a, session.Options{ResponseTimeout: 100 * time.Millisecond})
			peer := newRaw(t, b)
			outcome := make(chan error, 1)
			go func() {
				_, err := e.Do(ctx10(t), wire.SubmitSM, submit("x"))
				outcome <- err
			}()
			peer.read()
			peer.write(c.cmd, c.st, c.seq, "")
			if err := <-outcome; !errors.Is(err, session.ErrTimeout) {
				t.Errorf("the request ended with %v, want %v", err, session.ErrTimeout)
			}
			peer.write(wire.EnquireLink, 0, 5, "")
			if f := peer.read(); f.Command != wire.EnquireLinkResp {
				t.Errorf("%s for an enquire_link", f.Command)
			}
			if n := e.UnknownResponses(); n != 1 {
				t.Errorf("%d unknown responses", n)
			}
		})
	}
}

// TestSecondAnswerIsUnknown: an SMSC that answers twice does not answer the next request with it.
func TestSecondAnswerIsUnknown(t *testing.T) {
	a, b := tcpPair(t)
	e := run(t, a, session.Options{})
	peer := newRaw(t, b)
	outcome := make(chan wire.Frame, 1)
	go func() {
		f, _ := e.Do(ctx10(t), wire.SubmitSM, submit("x"))
		outcome <- f
	}()
	seq := peer.read().Sequence
	peer.write(wire.SubmitSMResp, 0, seq, "first\x00")
	peer.write(wire.SubmitSMResp, wire.StatusSysErr, seq, "second\x00")
	if f := <-outcome; wire.DecodeMessageResp(f).MessageID != "first" {
		t.Errorf("answer %+v", f)
	}
	peer.write(wire.EnquireLink, 0, 5, "")
	peer.read()
	if n := e.UnknownResponses(); n != 1 {
		t.Errorf("%d unknown responses", n)
	}
}
