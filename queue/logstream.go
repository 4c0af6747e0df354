package queue

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/internal/commitlog"
)

// logStream is the stream LOG as the log wants it. It uses one connection after another: whichever does not
// answer in time is left for the next.
type logStream struct {
	q      *Queue
	append atomic.Uint32 // connection
	read   atomic.Uint32 // the same; see logread.go

	answers [connections]*appendAnswers // of whoever appends, which is one goroutine; see logappend.go
}

func (s *logStream) Append(ctx context.Context, id string, data []byte) (uint64, error) {
	at := s.append.Load()
	conn := s.q.answering(int(at % connections))
	position, err := s.ask(ctx, conn, id, data)
	switch {
	case err == nil:
		return position, nil
	case isFull(err):
		return 0, fmt.Errorf("%w: %w", commitlog.ErrFull, err)
	case isRefusal(err):
		return 0, fmt.Errorf("%w: %w", commitlog.ErrRefused, err)
	}
	s.append.CompareAndSwap(at, at+1)
	s.q.unanswered(conn, err)
	return 0, err
}

// isRefusal: the server answered that it did not store the message.
func isRefusal(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && !isTransient(err) || errors.Is(err, nats.ErrMaxPayload)
}

func (s *logStream) Bounds(ctx context.Context) (first, last uint64, err error) {
	err = s.q.retry(ctx, func(ctx context.Context) error {
		stream, err := s.q.streamIn(ctx).Stream(ctx, streamLog)
		if err != nil {
			return err
		}
		state := stream.CachedInfo().State
		first, last = state.FirstSeq, state.LastSeq
		return nil
	})
	return first, last, err
}

func (s *logStream) Get(ctx context.Context, position uint64) (m commitlog.Message, has bool, err error) {
	err = s.q.retry(ctx, func(ctx context.Context) error {
		raw, err := s.q.leaderGet(ctx, streamLog, getRequest{Seq: position})
		if err == nil {
			m = commitlog.Message{Position: raw.Sequence, Stamp: raw.Time, Data: raw.Data}
		}
		return err
	})
	if errorsIsNotFound(err) {
		return m, false, nil
	}
	return m, err == nil, err
}

func (s *logStream) Trim(ctx context.Context, position uint64) error {
	defer s.q.readFill()
	return s.q.retry(ctx, func(ctx context.Context) error {
		stream, err := s.q.streamIn(ctx).Stream(ctx, streamLog)
		if err != nil {
			return err
		}
		return stream.Purge(ctx, jetstream.WithPurgeSequence(position+1))
	})
}
