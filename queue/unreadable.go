package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// What the server has, and cannot read: its octets are damaged in a way that its index does not know of. It
// sends nothing of it then, and no error either.

// unreadable is an error when the stream has messages behind a position that cannot be read. The embedded
// server has no other copy, so they are lost. Of others another server may have one, and an operator decides.
func (s *logStream) unreadable(ctx context.Context, after uint64) error {
	_, last, err := s.Bounds(ctx)
	if err != nil {
		return nil // it does not answer: that is another fault
	}
	for next := after + 1; next <= last; next++ {
		_, err := s.q.leaderGet(ctx, streamLog, getRequest{Seq: next})
		switch {
		case err == nil && next == after+1, err != nil && !errorsIsNotFound(err):
			return nil // it is on its way
		case s.q.server == nil:
			return fmt.Errorf("message %d of the stream %s, of %d, is damaged: the server that leads the stream cannot read it; "+
				"look at its log, have another lead (nats stream cluster step-down %s), or restore a backup", next, streamLog, last, streamLog)
		case err == nil:
			return commitlog.Gap{Next: next}
		}
	}
	if last > after {
		return commitlog.Gap{Next: last + 1}
	}
	return nil
}

// damaged tells whether a piece of a snapshot is there no more, on any server, or cannot be read where there
// is no other. The snapshot may have been replaced meanwhile, of which its entry goes first.
func (s snapshots) damaged(ctx context.Context, o *jetstream.ObjectInfo) bool {
	ctx, cancel := context.WithTimeout(ctx, stall)
	defer cancel()
	if s.q.server != nil {
		return s.unreadable(ctx, o)
	}
	if err := s.whole(ctx, o); !errors.Is(err, errPieces) {
		return false
	}
	list, _, err := s.objects(ctx)
	return err == nil && slices.ContainsFunc(list, func(one jetstream.ObjectInfo) bool { return one.NUID == o.NUID })
}

func (s snapshots) unreadable(ctx context.Context, o *jetstream.ObjectInfo) bool {
	for piece, at := uint32(0), uint64(1); piece < o.Chunks; piece++ {
		m, err := s.q.leaderGet(ctx, snapshotStream, getRequest{Seq: at, NextBySubject: snapshotPieces + o.NUID})
		if err != nil {
			return errorsIsNotFound(err)
		}
		at = m.Sequence + 1
	}
	return false
}
