package session_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/standstill"
	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// response is a PDU without a body.
func response(cmd wire.Command, status wire.Status, seq uint32) []byte {
	return wire.Frame{Header: wire.Header{Command: cmd, Status: status, Sequence: seq}}.Bytes()
}

// TestRefusalIsTheReason: an SMSC answers a bind and closes at once. What it said is the reason, whatever
// comes first.
func TestRefusalIsTheReason(t *testing.T) {
	for _, c := range []struct {
		name   string
		cmd    wire.Command
		status wire.Status
		seq    uint32
		want   session.BindError
	}{
		{"refused", wire.BindTransceiverResp, wire.StatusInvPaswd, 1, session.BindError{Status: wire.StatusInvPaswd}},
		{"by the response of another bind", wire.BindReceiverResp, wire.StatusBindFail, 1, session.BindError{Status: wire.StatusBindFail}},
		{"generic_nack", wire.GenericNack, wire.StatusInvCmdID, 1, session.BindError{Status: wire.StatusInvCmdID, Nack: true}},
		{"generic_nack of status 0", wire.GenericNack, 0, 1, session.BindError{Status: wire.StatusUnknownErr, Nack: true}},
		{"generic_nack of sequence 0", wire.GenericNack, wire.StatusInvCmdLen, 0, session.BindError{Status: wire.StatusInvCmdLen, Nack: true}},
	} {
		for _, linger := range []int{-1, 0} { // a FIN, a RST
			t.Run(c.name, func(t *testing.T) {
				for range 20 {
					a, b := tcpPair(t)
					go func() {
						if _, err := wire.ReadFrame(b); err != nil {
							return
						}
						_, _ = b.Write(response(c.cmd, c.status, c.seq))
						_ = b.(*net.TCPConn).SetLinger(linger)
						b.Close()
					}()
					s := run(t, a, session.Options{})
					_, err := s.Bind(ctx10(t), wire.BindTransceiver, wire.Bind{})
					if got := new(session.BindError); !errors.As(err, &got) || *got != c.want {
						t.Fatalf("Bind: %v", err)
					}
					if got, ended := new(session.BindError), <-s.ended; !errors.As(ended, &got) || *got != c.want {
						t.Fatalf("Run: %v", ended)
					}
				}
			})
		}
	}
}

// TestAnswersBeforeTheEndCount: answers that came before a FIN or RST reach their requests, though writing
// failed first.
func TestAnswersBeforeTheEndCount(t *testing.T) {
	for _, linger := range []int{-1, 0} {
		for range 10 {
			a, b := tcpPair(t)
			const n = 50
			go func() {
				r := bufio.NewReader(b)
				var all []byte
				for range n {
					f, err := wire.ReadFrame(r)
					if err != nil {
						return
					}
					all = append(all, response(wire.SubmitSMResp, 0, f.Sequence)...)
				}
				_, _ = b.Write(all)
				_ = b.(*net.TCPConn).SetLinger(linger)
				b.Close()
			}()
			s := run(t, a, session.Options{Window: n})
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					if _, err := s.Do(ctx10(t), wire.SubmitSM, submit("x")); err != nil {
						t.Errorf("answered, and yet %v", err)
					}
				})
			}
			wg.Wait()
			s.Close(session.ErrClosed)
		}
	}
}

// TestOnlyItsResponseAnswers: a response of another command answers nothing, and a generic_nack is no
// success.
func TestOnlyItsResponseAnswers(t *testing.T) {
	for cmd, want := range map[wire.Command]wire.Status{
		wire.EnquireLinkResp: 0, wire.DeliverSMResp: 0, wire.DataSMResp: 0, wire.BindTransceiverResp: 0, wire.UnbindResp: 0,
		wire.GenericNack: wire.StatusUnknownErr,
	} {
		a, b := tcpPair(t)
		go func() {
			f, err := wire.ReadFrame(b)
			if err != nil {
				return
			}
			_, _ = b.Write(response(cmd, 0, f.Sequence))
			_, _ = b.Write(response(wire.SubmitSMResp, wire.StatusThrottled, f.Sequence))
		}()
		s := run(t, a, session.Options{EnquireLink: -1})
		f, err := s.Do(ctx10(t), wire.SubmitSM, submit("x"))
		if err != nil {
			t.Fatal(err)
		}
		if cmd == wire.GenericNack && f.Status != want || cmd != wire.GenericNack && f.Status != wire.StatusThrottled {
			t.Errorf("%s of status 0 was taken for %s %s", cmd, f.Command, f.Status)
		}
	}
}

// TestUnansweredRequests: alert_notification and outbind have no response, also when nobody takes them or the
// backlog is full.
func TestUnansweredRequests(t *testing.T) {
	hold := make(chan struct{})
	slow := map[wire.Command]session.Handler{wire.AlertNotification: func(context.Context, *session.Session, wire.Frame) { <-hold }}
	for _, handlers := range []map[wire.Command]session.Handler{nil, slow} {
		a, b := tcpPair(t)
		run(t, a, session.Options{EnquireLink: -1, Workers: 1, Backlog: 1, Busy: wire.StatusTempAppErr, Handlers: handlers})
		for i := range uint32(10) {
			_, _ = b.Write(response(wire.AlertNotification, 0, i+1))
			_, _ = b.Write(response(wire.Outbind, 0, i+100))
		}
		_, _ = b.Write(response(wire.EnquireLink, 0, 77))
		f, err := wire.ReadFrame(b)
		if err != nil || f.Command != wire.EnquireLinkResp || f.Sequence != 77 {
			t.Errorf("the first answer is %s of sequence %d, %v", f.Command, f.Sequence, err)
		}
	}
	close(hold)
}

// TestBusyPeerIsNotASlowOne: a peer that reads all the time is not told that it does not read, however long
// there is something to write: here there always is, for five times as long as one write may take.
func TestBusyPeerIsNotASlowOne(t *testing.T) {
	const timeout = 500 * time.Millisecond
	for range 5 {
		stood := standstill.Watch(t)
		err := feedBusyPeer(t, timeout)
		if err == nil {
			return
		}
		if stood() < timeout/2 { // else the machine did not read
			t.Fatalf("the session ended: %v", err)
		}
	}
	t.Skip("the machine stands still again and again")
}

// feedBusyPeer returns why the session ended, nil when it did not.
func feedBusyPeer(t *testing.T, timeout time.Duration) (err error) {
	a, b := tcpPair(t)
	read := make(chan int, 1)
	go func() {
		n, buf := 0, make([]byte, 32<<10)
		for {
			k, err := b.Read(buf)
			if n += k; err != nil {
				read <- n
				return
			}
			time.Sleep(20 * time.Millisecond) // the pace of this peer: 1.6 MB/s
		}
	}()
	p := wire.Frame{Header: wire.Header{Command: wire.DeliverSM}, Body: make([]byte, 150)}.Bytes()
	var s *running
	begun, enough := time.Now(), make(chan struct{})
	s = run(t, a, session.Options{EnquireLink: -1, WriteTimeout: timeout, Trace: func(bool, []byte) {
		if time.Since(begun) > 5*timeout {
			close(enough)
			return
		}
		if err := s.SendRaw(t.Context(), p); err != nil && !errors.Is(err, session.ErrWrite) { // by the writer itself, that has just taken one: there is room
			t.Error(err)
		}
	}})
	if err := s.SendRaw(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	select {
	case <-enough:
	case err = <-s.ended:
	}
	s.Close(session.ErrClosed)
	<-read
	return err
}

// TestNothingIsWrittenBehindTheFence: once the fence is down no octet goes out, and the session ends.
func TestNothingIsWrittenBehindTheFence(t *testing.T) {
	a, b := tcpPair(t)
	var down atomic.Bool
	s := run(t, a, session.Options{Fence: func() bool { return !down.Load() }})
	first := make(chan error, 1)
	go func() { _, err := s.Bind(ctx10(t), wire.BindTransceiver, wire.Bind{}); first <- err }()
	f, err := wire.ReadFrame(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write(response(wire.BindTransceiverResp, 0, f.Sequence)); err != nil {
		t.Fatal(err)
	}
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	down.Store(true)
	if _, err := s.Do(ctx10(t), wire.SubmitSM, &wire.Message{}); err == nil {
		t.Error("a request was answered behind the fence")
	}
	if f, err := wire.ReadFrame(b); err == nil {
		t.Errorf("%s went out behind the fence", f.Command)
	}
	if !errors.Is(s.Err(), session.ErrFenced) {
		t.Errorf("the session ended with %v", s.Err())
	}
}
