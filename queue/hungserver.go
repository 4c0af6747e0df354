package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// A server of a cluster may hang: its connections stand, and nothing comes. The client library finds out by
// its pings, after seconds. Here a connection on which an attempt timed out is mute, and the others to that
// server: they are asked again, and nothing else uses them until they answer.

// connKey is the context's key for the connection of an attempt.
type connKey struct{}

// on gives an attempt its connection.
func (q *Queue) on(ctx context.Context) (context.Context, int) {
	i := q.next()
	return context.WithValue(ctx, connKey{}, i), i
}

// pick is the connection of an attempt, or the next where there is none.
func (q *Queue) pick(ctx context.Context) int {
	if i, ok := ctx.Value(connKey{}).(int); ok {
		return i
	}
	return q.next()
}

// next is one connection after the other, of those that answer.
func (q *Queue) next() int { return q.answering(int(q.turn.Add(1) % connections)) }

// answering is the first connection from i on that is not mute; i where all are.
func (q *Queue) answering(i int) int {
	for n := range connections {
		if at := (i + n) % connections; !q.mute[at].Load() {
			return at
		}
	}
	return i
}

func (q *Queue) stream() jetstream.JetStream { return q.streams[q.next()] }

// What an attempt uses.
func (q *Queue) connIn(ctx context.Context) *nats.Conn            { return q.conns[q.pick(ctx)] }
func (q *Queue) streamIn(ctx context.Context) jetstream.JetStream { return q.streams[q.pick(ctx)] }
func (q *Queue) handleIn(ctx context.Context, stream string) jetstream.Stream {
	return q.handles[stream][q.pick(ctx)]
}

// openHandles makes the handles of all streams on all connections.
func (q *Queue) openHandles(ctx context.Context) error {
	for _, a := range q.assets {
		var on [connections]jetstream.Stream
		var all errgroup.Group
		for i := range on {
			all.Go(func() error {
				return q.patiently(ctx, func(ctx context.Context) (err error) { // an answer may be lost with its node, and is not waited for
					on[i], err = q.streams[i].Stream(ctx, a.name)
					return err
				})
			})
		}
		if err := all.Wait(); err != nil {
			return fmt.Errorf("queue: stream %s: %w", a.name, err)
		}
		q.handles[a.name] = on
	}
	return nil
}

// Times of a connection that is mute.
const (
	muteAsk   = 5 * time.Second
	mutePause = 100 * time.Millisecond
)

// unanswered makes a connection mute on which an attempt timed out, and with it all that are to the same
// server, each until the server answers on it. It may be another's fault, a leader's for instance: then that
// is at once.
func (q *Queue) unanswered(i int, err error) {
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) {
		return
	}
	server := q.conns[i].ConnectedServerId()
	for n, c := range q.conns {
		if n == i || server != "" && c.ConnectedServerId() == server {
			q.makeMute(n)
		}
	}
}

func (q *Queue) makeMute(i int) {
	if !q.mute[i].CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer q.mute[i].Store(false)
		for {
			ctx, cancel := context.WithTimeout(context.Background(), muteAsk)
			err := q.conns[i].FlushWithContext(ctx)
			cancel()
			if err == nil || errors.Is(err, nats.ErrConnectionClosed) {
				return
			}
			select {
			case <-q.closing:
				return
			case <-time.After(mutePause):
			}
		}
	}()
}

// impatientKey is the context's key of Impatient.
type impatientKey struct{}

// Impatient is a context of what somebody waits for who can be told to come again: where the store does not
// answer, what is asked in it ends with ErrUnavailable soon after Options.Patience. That a change has an unknown
// outcome then is said by ErrUnknown.
func Impatient(ctx context.Context) context.Context {
	return context.WithValue(ctx, impatientKey{}, true)
}

func impatient(ctx context.Context) bool { return ctx.Value(impatientKey{}) != nil }

// Times of what somebody waits for.
const (
	patience      = 1500 * time.Millisecond // with a store that does not answer, where Options.Patience is 0
	impatientTry  = 600 * time.Millisecond  // one attempt
	impatientMore = 300 * time.Millisecond  // than the patience for all of them: the last one began before its end
)
