package queue

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// The embedded server's file store makes a new file, and removes the old one, each time the last message of a stream is
// taken off; under a light load that is once for every SMS and every callback, and cost more than all else together. So
// each work queue keeps one message that no consumer wants, in its newest file: the ballast.
//
// An external server is not ours to fill, and its disk is for its operator to choose.
const (
	ballastPrefix   = "ballast."
	ballastInterval = 2 * time.Second // how long a new file of the store may be without it
	headerRollup    = "Nats-Rollup"   // the new one replaces the one before
)

// ballast keeps the work queues from running empty until stop is called.
type ballast struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (q *Queue) startBallast(ctx context.Context) *ballast {
	q.putBallast(ctx)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	b := &ballast{cancel: cancel}
	b.done.Go(func() {
		tick := time.NewTicker(ballastInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			q.putBallast(ctx)
		}
	})
	return b
}

// putBallast: an error is no harm, for a stream that takes nothing, being full, is not empty either.
func (q *Queue) putBallast(ctx context.Context) {
	for _, a := range q.assets {
		if !a.ballast {
			continue
		}
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		if err := q.publishBallast(attempt, a); err != nil && ctx.Err() == nil {
			q.log.Debug().Err(err).Str("stream", a.name).Msg("ballast not stored")
		}
		cancel()
	}
}

func (q *Queue) publishBallast(ctx context.Context, a asset) error {
	m := nats.NewMsg(a.ballastSubject())
	m.Header.Set(headerRollup, "sub")
	_, err := q.stream().PublishMsg(ctx, m)
	return err
}

func (b *ballast) stop() {
	b.cancel()
	b.done.Wait()
}

func (a asset) ballastSubject() string { return ballastPrefix + a.name }
