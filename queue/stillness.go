package queue

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// When nothing of the log comes it is looked why. The embedded server may have what it cannot read. A shared
// one may have forgotten what it had to send, and sends its heartbeats all the same (nats-server 4736, 5679,
// 6290); what it has counted as sent it does not send again, so another consumer is made, over another
// connection. Daemons that share a log write to it each second, so it is seldom silent for long.
const (
	readQuiet   = time.Second // between two looks
	readStill   = 5           // looks that found nothing new, until a shared server's consumer is given up
	readAskLast = 2 * time.Second
)

// errStandsStill: the server has more of the log, lives, and sends nothing.
var errStandsStill = errors.New("queue: the consumer of the log stands still: nothing came, and the stream has more")

// quietly is done when ctx is, when a reading has failed, or when nothing comes although there is more.
func (s *logStream) quietly(ctx context.Context, fault <-chan error) error {
	quiet := time.NewTicker(readQuiet)
	defer quiet.Stop()
	was, looks, more := s.q.readAt.Load(), 0, false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-fault:
			return err
		case <-quiet.C:
		}
		now := s.q.readAt.Load()
		if now != was {
			was, looks, more = now, 0, false
			continue
		}
		looks++ // and not the time: this process may have been the one that stood still
		switch {
		case s.q.server != nil:
			if err := s.unreadable(ctx, now); err != nil {
				return err
			}
		case more && looks >= readStill:
			return errStandsStill
		case looks >= readStill-1:
			more = s.goesOn(ctx, now) // what was stored just now has until the next look to come
		}
	}
}

// goesOn tells whether the stream's leader has more than is behind a position. That it does not answer is
// another fault.
func (s *logStream) goesOn(ctx context.Context, after uint64) bool {
	ctx, cancel := context.WithTimeout(ctx, readAskLast)
	defer cancel()
	stream, err := s.q.streamIn(ctx).Stream(ctx, streamLog)
	if err != nil {
		return false
	}
	state := stream.CachedInfo().State
	return state.LastSeq > after && state.LastSeq >= state.FirstSeq
}

// readersEnded counts those that had to be made anew.
type readersEnded struct{ stoodStill, noHeartbeat, lostMessage atomic.Int64 }

func (r *readersEnded) count(err error) {
	switch {
	case errors.Is(err, errStandsStill):
		r.stoodStill.Add(1)
	case errors.Is(err, jetstream.ErrNoHeartbeat):
		r.noHeartbeat.Add(1)
	case errors.Is(err, errLostOnTheWay):
		r.lostMessage.Add(1)
	}
}

// ReadersEnded are how often the consumer of the log was made anew since the start, by why: it stood still, sent
// no heartbeat, or a message of it was lost on its way.
func (q *Queue) ReadersEnded() map[string]int64 {
	r := &q.readers
	return map[string]int64{"stood_still": r.stoodStill.Load(), "no_heartbeat": r.noHeartbeat.Load(), "lost_message": r.lostMessage.Load()}
}
