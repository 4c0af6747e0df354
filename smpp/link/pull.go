package link

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/backoff"
	"github.com/otpgw/otpgw/queue/crew"
	"github.com/otpgw/otpgw/smpp/internal/session"
)

// shift is what a bind does with one session: the messages that it takes from the queue and those that other
// links hand it.
type shift struct {
	bind   *bind
	number uint64 // of its link's, counted up
	sess   *session.Session
	ctx    context.Context // ends when no more messages are to be begun
	solo   *solo

	crew    *crew.Crew     // sends what was pulled
	guests  chan struct{}  // room for messages of other links that wait for their turn here
	sending sync.WaitGroup // what pulls and waits, and what others handed over
}

// mostIdle is how many workers of a session stay that have nothing to do: a batch of answers sets as many free.
const mostIdle = 64

// send pulls from every route of the link into the session, until ctx ends or the session is not bound any
// more: then nothing is begun, and what is in flight may get its answer. It returns when that has, or the
// session ended. What is left to do then, in the store or at another link, is done behind its back
// (Link.busy), for the next connection waits for nobody.
func (b *bind) send(ctx context.Context, s *session.Session) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &shift{bind: b, number: b.link.shifts.Add(1), sess: s, ctx: ctx, solo: newSolo(), crew: crew.New(mostIdle),
		guests: make(chan struct{}, max(1, b.link.cfg.Window))}
	w.sending.Go(w.serve)
	b.begin(w)
	select {
	case <-s.Leaving():
	case <-ctx.Done():
	}
	b.begin(nil)
	stop()
	idle := make(chan struct{})
	b.link.busy.Go(func() {
		w.sending.Wait()
		w.crew.End()
		close(idle)
	})
	select {
	case <-idle:
	case <-s.Done():
	}
	b.link.hangUps.note(w.number, s.Err())
}

// begin makes w the shift that other links may hand messages to.
func (b *bind) begin(w *shift) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shift = w
}

// serve pulls from the routes that the link has at each time.
func (w *shift) serve() {
	ends := make(map[Route]context.CancelFunc)
	for w.ctx.Err() == nil {
		wanted, changed := w.bind.link.orders.pulls()
		for r, end := range ends {
			if !slices.Contains(wanted, r) {
				end()
				delete(ends, r)
			}
		}
		for _, r := range wanted {
			if ends[r] == nil {
				var one context.Context
				one, ends[r] = context.WithCancel(w.ctx)
				w.sending.Go(func() { w.keepPulling(one, r) })
			}
		}
		select {
		case <-changed:
		case <-w.ctx.Done():
		}
	}
	for _, end := range ends {
		end()
	}
}

// keepPulling pulls from one route until ctx ends.
func (w *shift) keepPulling(ctx context.Context, r Route) {
	for ctx.Err() == nil {
		if err := w.pull(ctx, r); err != nil && ctx.Err() == nil {
			w.bind.link.log.Error().Err(err).Str("route", r.Name).Msg("the queue does not give messages, trying again")
			_ = backoff.Sleep(ctx, time.Second)
		}
	}
}

// pull takes messages of one route and has each sent beside the others. No more of them are between the queue
// and their acknowledgement than the window is wide: that many may be sent twice after a crash.
func (w *shift) pull(ctx context.Context, r Route) error {
	l := w.bind.link
	puller, err := l.deps.Queue.SMS(r.Name).Pull(ctx, queue.PullOptions{Max: l.prefetch(), Priority: r.Priority, Name: l.cfg.Name, Share: r.share(l.cfg.Name, l.deps.Due)})
	if err != nil {
		return err
	}
	defer puller.Stop()
	for {
		d, err := puller.Next(ctx)
		if err != nil {
			return err
		}
		e := &errand{Delivery: d}
		p, err := w.leave(ctx)
		if err != nil {
			l.giveBack(e, 0)
			return err
		}
		w.crew.Do(func() {
			defer func() { <-w.bind.unsettled }()
			w.submit(context.WithoutCancel(w.ctx), p, e)
		})
	}
}

// leave waits until a message more may be unsettled, and for the permit of its first part.
func (w *shift) leave(ctx context.Context) (permit, error) {
	select {
	case w.bind.unsettled <- struct{}{}:
	case <-ctx.Done():
		return permit{}, context.Cause(ctx)
	}
	p, err := w.reserve(ctx)
	if err != nil {
		<-w.bind.unsettled
	}
	return p, err
}

// permit is leave to send one part: room in a session's window and the link's turn.
type permit struct {
	slot     session.Slot
	governor *governor
	granted  time.Time // the turn
}

// reserve waits for room in the window and then for the link's turn: the other way round, turns would be
// saved up while the window is full and used in one burst.
func (w *shift) reserve(ctx context.Context) (permit, error) {
	slot, err := w.sess.Reserve(ctx)
	if err != nil {
		return permit{}, err
	}
	granted, err := w.bind.link.governor.turn(ctx, w.sess)
	if err != nil {
		slot.Release()
		return permit{}, err
	}
	return permit{slot, w.bind.link.governor, granted}, nil
}

// release gives the permit back unused.
func (p permit) release() {
	p.slot.Release()
}
