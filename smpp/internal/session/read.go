package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/otpgw/otpgw/smpp/wire"
)

func (s *Session) readLoop(ctx context.Context, g *errgroup.Group) error {
	r := bufio.NewReaderSize(s.conn, ioBuffer)
	for {
		f, err := wire.ReadFrame(r)
		if err != nil {
			return readError(ctx, err)
		}
		s.lastRead.Store(s.age())
		if s.opts.Trace != nil {
			s.opts.Trace(false, f.Bytes())
		}
		if err := s.dispatch(ctx, g, f); err != nil {
			return err
		}
	}
}

func readError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrPeerGone
	default:
		return fmt.Errorf("smpp: read: %w", err)
	}
}

// dispatch gives a PDU to whoever it is for. It runs on the reader, so it may wait only for the writer's
// queue, which has a deadline, and for the workers when there is no Busy status.
func (s *Session) dispatch(ctx context.Context, g *errgroup.Group, f wire.Frame) error {
	switch {
	case f.IsResponse():
		s.deliver(f)
	case f.Command == wire.EnquireLink:
		return s.Respond(ctx, f, wire.StatusOK, nil)
	case f.Command == wire.Unbind && s.unbinding:
		// It is being answered, and its answer is the end: who asks without end costs nothing more.
	case f.Command == wire.Unbind:
		s.unbinding = true
		s.leave(Unbinding)
		g.Go(func() error { return s.answerUnbind(ctx, f) })
	case s.opts.Handlers[f.Command] != nil:
		return s.enqueue(ctx, f)
	case !unanswered(f.Command):
		return s.nack(ctx, f.Sequence, wire.StatusInvCmdID)
	}
	return nil
}

// unanswered are the requests without a response (SMPP 3.4, 4.1.7 and 4.12.1), not even a generic_nack.
func unanswered(cmd wire.Command) bool { return cmd == wire.AlertNotification || cmd == wire.Outbind }

func (s *Session) enqueue(ctx context.Context, f wire.Frame) error {
	s.handling.Add(1)
	select {
	case s.inbox <- f:
		s.stuck = false
		return nil
	default:
	}
	if s.opts.Busy != wire.StatusOK && s.waitForRoom(ctx, f) {
		return nil
	}
	if s.opts.Busy != wire.StatusOK || unanswered(f.Command) {
		s.requestDone()
		if unanswered(f.Command) { // the peer would not send it again either
			return nil
		}
		return s.Respond(ctx, f, s.opts.Busy, wire.MessageResp{})
	}
	select {
	case s.inbox <- f:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waitForRoom holds the reader, and with it the peer, until the backlog has room for f; false when that takes
// longer than BusyWait. What comes then is not waited for, so that answers and enquire_link behind it are
// read, until there is room.
func (s *Session) waitForRoom(ctx context.Context, f wire.Frame) bool {
	if s.stuck || s.opts.BusyWait <= 0 {
		return false
	}
	timer := time.NewTimer(s.opts.BusyWait)
	defer timer.Stop()
	select {
	case s.inbox <- f:
		return true
	case <-timer.C:
		s.stuck = true
	case <-ctx.Done():
	}
	return false
}

// requestDone counts a request of the peer as dealt with.
func (s *Session) requestDone() {
	if s.handling.Add(-1) > 0 {
		return
	}
	select {
	case s.handled <- struct{}{}:
	default:
	}
}

func (s *Session) work(ctx context.Context) error {
	for {
		select {
		case f := <-s.inbox:
			s.opts.Handlers[f.Command](ctx, s, f)
			s.requestDone()
		case <-ctx.Done():
			return nil
		}
	}
}
