package session

import (
	"context"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// maxAnswers bounds the time our own unbind waits for requests of the peer that a handler still has: a peer
// that never stops sending must not keep us.
const maxAnswers = time.Second

// Unbind ends the session cleanly (SMPP 3.4, 4.2): it sends no further requests, waits for the answers to the
// open ones and gives those to the peer's, sends unbind and waits for its answer, all within ctx. Run returns
// ErrUnbound after it, or the reason why the connection ended before.
func (s *Session) Unbind(ctx context.Context) error {
	if s.State() == Closed {
		return s.Err()
	}
	s.leave(Unbinding)
	err := s.waitIdle(ctx)
	if err == nil {
		answers, cancel := context.WithTimeout(ctx, maxAnswers)
		s.waitHandled(answers) // what is stored but not answered, the peer would send again
		cancel()
		s.unbound.Store(true)
		_, err = s.roundTrip(ctx, wire.Unbind, wire.RawBody(nil))
	}
	s.Close(ErrUnbound)
	return err
}

// Close ends the session at once, for the given reason. Run returns it.
func (s *Session) Close(reason error) {
	s.end(reason)
	s.conn.Close() // the reader fails, and with it the rest
}

// answerUnbind is the peer's unbind: the requests that came before it are answered and our open ones get
// their answers, in a bounded time, then unbind_resp goes out as the last PDU.
func (s *Session) answerUnbind(ctx context.Context, f wire.Frame) error {
	if !s.unbound.Load() { // both sides at once: the only open request is our unbind, waiting for it would be mutual
		grace, cancel := context.WithTimeout(ctx, s.opts.UnbindGrace)
		defer cancel()
		s.waitHandled(grace)
		_ = s.waitIdle(grace) // what is still open then fails with ErrUnbound and is sent again elsewhere
	}
	b := wire.Frame{Header: wire.Header{Command: wire.UnbindResp, Sequence: f.Sequence}}.Bytes()
	return s.send(ctx, outgoing{b: b, last: ErrUnbound})
}

// waitHandled waits until no request of the peer is with a worker, or on its way to one.
func (s *Session) waitHandled(ctx context.Context) {
	for s.handling.Load() > 0 {
		select {
		case <-s.handled:
		case <-ctx.Done():
			return
		}
	}
}

// waitIdle waits until no request waits for an answer.
func (s *Session) waitIdle(ctx context.Context) error {
	s.mu.Lock()
	if len(s.pending) == 0 || s.err != nil {
		err := s.err
		s.mu.Unlock()
		return err
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-s.done:
		return s.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
