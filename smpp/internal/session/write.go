package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"
)

// outgoing is a PDU for the writer. last ends the session once it is on the wire.
type outgoing struct {
	b    []byte
	last error
	via  func(conn net.Conn, b []byte) error // writes b itself, when set
}

func (s *Session) writeLoop(ctx context.Context) error {
	w := bufio.NewWriterSize(timedWriter{s.conn, s.opts.WriteTimeout, s.opts.Fence}, ioBuffer)
	for {
		select {
		case <-ctx.Done():
			return nil
		case o := <-s.out:
			err := s.writeBatch(w, o)
			if err != nil && o.last == nil && !errors.Is(err, ErrWrite) {
				s.drain(ctx)
			}
			if err != nil {
				return err
			}
		}
	}
}

// drain lets the reader come to the end of what the peer sent before it closed the connection: answers may be
// among it, and the reason. The reader's end ends ctx.
func (s *Session) drain(ctx context.Context) {
	timer := time.NewTimer(drainTime)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// timedWriter gives each write its own deadline: a batch lasts as long as there is something to write.
type timedWriter struct {
	conn    net.Conn
	timeout time.Duration
	fence   func() bool
}

func (w timedWriter) Write(b []byte) (int, error) {
	if w.fence != nil && !w.fence() {
		return 0, ErrFenced
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrPeerGone, err)
	}
	return w.conn.Write(b)
}

// writeBatch writes o and whatever else is queued, then flushes. Once, before it does, it lets those run who
// have something to send but for a CPU: a busy machine makes one write of ten PDUs, and an idle one loses
// nothing.
func (s *Session) writeBatch(w *bufio.Writer, o outgoing) error {
	for yielded := false; ; {
		if o.via != nil {
			if err := s.writeVia(w, o); err != nil {
				return err
			}
		} else if _, err := w.Write(o.b); err != nil {
			return writeError(err)
		}
		if s.opts.Trace != nil {
			s.opts.Trace(true, o.b)
		}
		if o.last != nil {
			break
		}
		more, ok := s.queued()
		if !ok && !yielded {
			yielded = true
			runtime.Gosched()
			more, ok = s.queued()
		}
		if !ok {
			break
		}
		o = more
	}
	if o.last != nil {
		s.end(o.last) // before the peer can hang up on it, which would look like the reason
	}
	if err := w.Flush(); err != nil {
		return writeError(err)
	}
	s.lastWrite.Store(s.age())
	return o.last
}

// queued is the next PDU, if there is one.
func (s *Session) queued() (o outgoing, ok bool) {
	select {
	case o = <-s.out:
		return o, true
	default:
		return o, false
	}
}

// writeVia lets o write itself, behind all that came before it.
func (s *Session) writeVia(w *bufio.Writer, o outgoing) error {
	if err := w.Flush(); err != nil {
		return writeError(err)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.opts.WriteTimeout)); err != nil {
		return fmt.Errorf("%w: %w", ErrPeerGone, err)
	}
	err := o.via(s.conn, o.b)
	if err != nil && s.opts.Trace != nil {
		s.opts.Trace(true, o.b)
	}
	return err
}

func writeError(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return ErrWrite
	}
	return fmt.Errorf("smpp: write: %w", err)
}

// send queues a PDU for the writer.
func (s *Session) send(ctx context.Context, o outgoing) error {
	select {
	case s.out <- o:
		return nil
	case <-s.done:
		return s.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// SendRaw puts octets on the connection as they are, behind what is queued. The simulator makes faults with
// it.
func (s *Session) SendRaw(ctx context.Context, b []byte) error {
	return s.send(ctx, outgoing{b: b})
}

// SendVia is SendRaw by a function that writes the octets to the connection itself, slowly or wrongly, say.
// What is queued behind them waits for it; its error ends the session.
func (s *Session) SendVia(ctx context.Context, b []byte, via func(conn net.Conn, b []byte) error) error {
	return s.send(ctx, outgoing{b: b, via: via})
}
