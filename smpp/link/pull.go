package link

import (
	"context"
	"sync"
	"time"

	"otpgw/queue"
	"otpgw/smpp/session"
)

// send pulls from every route of the link into the session until ctx or the session ends, and returns when the last
// message in flight has its outcome.
func (b *bind) send(ctx context.Context, s *session.Session) {
	pulling, stop := context.WithCancel(ctx)
	defer stop()
	var routes sync.WaitGroup
	routes.Go(func() {
		select {
		case <-s.Done():
			stop()
		case <-pulling.Done():
		}
	})
	for _, r := range b.link.cfg.Routes {
		routes.Go(func() {
			for pulling.Err() == nil {
				if err := b.pull(pulling, s, r); err != nil && pulling.Err() == nil {
					b.link.log.Error().Err(err).Str("route", r.Name).Msg("the queue does not give messages, trying again")
					sleep(pulling, time.Second)
				}
			}
		})
	}
	routes.Wait()
}

// pull takes messages of one route, at most as many at once as the window has room, and sends each on its own goroutine
// in a slot of the window. It returns when all of them have their outcome.
func (b *bind) pull(ctx context.Context, s *session.Session, r Route) error {
	puller, err := b.link.deps.Queue.SMS(r.Name).Pull(ctx, queue.PullOptions{Max: b.link.prefetch(), Priority: r.Priority})
	if err != nil {
		return err
	}
	var sending sync.WaitGroup // at most the window
	defer sending.Wait()
	defer puller.Stop()
	for {
		d, err := puller.Next(ctx)
		if err != nil {
			return err
		}
		p, err := b.reserve(ctx, s)
		if err != nil {
			b.giveBack(d, 0)
			return err
		}
		sending.Go(func() { b.submit(context.WithoutCancel(ctx), p, errand{Delivery: d}) })
	}
}

// permit is leave to send one part: room in a session's window and the link's turn.
type permit struct {
	slot     session.Slot
	sess     *session.Session
	governor *governor
}

// reserve waits for room in the window and then for the link's turn: the other way round, turns would be saved up while
// the window is full and used in one burst.
func (b *bind) reserve(ctx context.Context, s *session.Session) (permit, error) {
	slot, err := s.Reserve(ctx)
	if err != nil {
		return permit{}, err
	}
	if err := b.link.governor.turn(ctx, s); err != nil {
		slot.Release()
		return permit{}, err
	}
	return permit{slot, s, b.link.governor}, nil
}

// release gives the permit back unused.
func (p permit) release() {
	p.slot.Release()
	p.governor.unused()
}

// giveBack returns a message to the queue, for any bind, after a delay.
func (b *bind) giveBack(d *queue.Delivery, delay time.Duration) {
	if err := d.Nak(delay); err != nil {
		b.link.log.Debug().Err(err).Msg("nak not sent, the queue gives the message again when its wait is over")
	}
}
