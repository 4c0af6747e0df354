package link

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/session"
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
	unsettled := make(chan struct{}, max(1, b.link.cfg.Window))
	ends := make(map[Route]context.CancelFunc)
	for pulling.Err() == nil {
		wanted, changed := b.link.orders.pulls()
		for r, end := range ends {
			if !slices.Contains(wanted, r) {
				end()
				delete(ends, r)
			}
		}
		for _, r := range wanted {
			if ends[r] == nil {
				var one context.Context
				one, ends[r] = context.WithCancel(pulling)
				routes.Go(func() { b.keepPulling(one, s, r, unsettled) })
			}
		}
		select {
		case <-changed:
		case <-pulling.Done():
		}
	}
	for _, end := range ends {
		end()
	}
	routes.Wait()
}

// keepPulling pulls from one route until ctx ends.
func (b *bind) keepPulling(ctx context.Context, s *session.Session, r Route, unsettled chan struct{}) {
	for ctx.Err() == nil {
		if err := b.pull(ctx, s, r, unsettled); err != nil && ctx.Err() == nil {
			b.link.log.Error().Err(err).Str("route", r.Name).Msg("the queue does not give messages, trying again")
			sleep(ctx, time.Second)
		}
	}
}

// pull takes messages of one route and sends each on its own goroutine. No more of them are between the queue and their
// acknowledgement than the window is wide: that many may be sent twice after a crash. It returns when all of them have
// their outcome.
func (b *bind) pull(ctx context.Context, s *session.Session, r Route, unsettled chan struct{}) error {
	puller, err := b.link.deps.Queue.SMS(r.Name).Pull(ctx, queue.PullOptions{Max: b.link.prefetch(), Priority: r.Priority})
	if err != nil {
		return err
	}
	var sending sync.WaitGroup // as many as unsettled has room for
	defer sending.Wait()
	defer puller.Stop()
	for {
		d, err := puller.Next(ctx)
		if err != nil {
			return err
		}
		p, err := b.leave(ctx, s, unsettled)
		if err != nil {
			b.giveBack(d, 0)
			return err
		}
		sending.Go(func() {
			defer func() { <-unsettled }()
			b.submit(context.WithoutCancel(ctx), p, errand{Delivery: d})
		})
	}
}

// leave waits until a message more may be unsettled, and for the permit of its first part.
func (b *bind) leave(ctx context.Context, s *session.Session, unsettled chan struct{}) (permit, error) {
	select {
	case unsettled <- struct{}{}:
	case <-ctx.Done():
		return permit{}, context.Cause(ctx)
	}
	p, err := b.reserve(ctx, s)
	if err != nil {
		<-unsettled
	}
	return p, err
}

// permit is leave to send one part: room in a session's window and the link's turn.
type permit struct {
	slot     session.Slot
	sess     *session.Session
	governor *governor
	granted  time.Time // the turn
}

// reserve waits for room in the window and then for the link's turn: the other way round, turns would be saved up while
// the window is full and used in one burst.
func (b *bind) reserve(ctx context.Context, s *session.Session) (permit, error) {
	slot, err := s.Reserve(ctx)
	if err != nil {
		return permit{}, err
	}
	granted, err := b.link.governor.turn(ctx, s)
	if err != nil {
		slot.Release()
		return permit{}, err
	}
	return permit{slot, s, b.link.governor, granted}, nil
}

// release gives the permit back unused.
func (p permit) release() {
	p.slot.Release()
}

// giveBack returns a message to the queue, for any bind, after a delay.
func (b *bind) giveBack(d *queue.Delivery, delay time.Duration) {
	if err := d.Nak(delay); err != nil {
		b.link.log.Debug().Err(err).Msg("nak not sent, the queue gives the message again when its wait is over")
	}
}
