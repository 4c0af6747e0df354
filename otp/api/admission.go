package api

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/otpgw/otpgw/otp"
)

// How much is in work at once. More at once makes no more a second, for all of it waits for the same store;
// it only makes each take longer.
const (
	defaultSlots = 64
	maxWait      = time.Second // a caller that waited so long is better told to come again
	maxWaiting   = 1024        // of one application
)

// admission decides which requests are begun. There are so many slots, of which one application gets three
// quarters at most, so that another always finds one soon. Who gets none waits in the line of its
// application; the lines are served in turn, one request each. A request whose caller has hung up leaves its
// line, and is never begun.
type admission struct {
	slots, share int
	wait         time.Duration

	mu    sync.Mutex
	busy  int
	lines map[*otp.App]*line
	turns list.List // *line that have somebody waiting, the next first

	refused, gone uint64
}

// line is one application's. Guarded by the admission's mu.
type line struct {
	busy    int
	waiting list.List // *turn
	turn    *list.Element
}

// turn is one request that waits. Its channel is closed when it may begin.
type turn struct{ begin chan struct{} }

var (
	errBusy = &otp.Error{Code: otp.CodeUnavailable, Message: "The gateway cannot take requests right now, try again"}
	errGone = &otp.Error{Code: otp.CodeUnavailable, Message: "The caller has hung up"}
)

func newAdmission(slots, apps int) *admission {
	a := &admission{slots: slots, share: slots, wait: maxWait, lines: make(map[*otp.App]*line)}
	if apps > 1 {
		a.share = slots - slots/4
	}
	return a
}

// enter waits until the request may begin; then leave must be called at its end. caller ends when the caller
// hangs up.
func (a *admission) enter(caller context.Context, app *otp.App) (leave func(), err error) {
	if caller.Err() != nil {
		return nil, a.give(nil, nil, errGone)
	}
	a.mu.Lock()
	l := a.lines[app]
	if l == nil {
		l = new(line)
		a.lines[app] = l
	}
	leave = sync.OnceFunc(func() { a.leave(l) })
	if a.busy < a.slots && l.busy < a.share && l.waiting.Len() == 0 {
		a.begin(l)
		a.mu.Unlock()
		return leave, nil
	}
	if l.waiting.Len() >= maxWaiting {
		a.mu.Unlock()
		return nil, a.give(nil, nil, errBusy)
	}
	t := &turn{make(chan struct{})}
	place := l.waiting.PushBack(t)
	if l.turn == nil {
		l.turn = a.turns.PushBack(l)
	}
	a.mu.Unlock()
	timer := time.NewTimer(a.wait)
	defer timer.Stop()
	select {
	case <-t.begin:
		return leave, nil
	case <-caller.Done():
		return nil, a.give(l, place, errGone)
	case <-timer.C:
		return nil, a.give(l, place, errBusy)
	}
}

// begin counts a request as in work. a.mu is held.
func (a *admission) begin(l *line) {
	a.busy++
	l.busy++
}

// give up a place in a line, and count why. Where the turn came at that very moment the next one has it.
func (a *admission) give(l *line, place *list.Element, why *otp.Error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if why == errGone {
		a.gone++
	} else {
		a.refused++
	}
	if place == nil {
		return why
	}
	select {
	case <-place.Value.(*turn).begin:
		a.end(l)
	default:
		l.waiting.Remove(place)
		a.tidy(l)
	}
	return why
}

func (a *admission) leave(l *line) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end(l)
}

// end gives a slot back, and lets those begin whose turn it is. a.mu is held.
func (a *admission) end(l *line) {
	a.busy--
	l.busy--
	for range a.turns.Len() {
		if a.busy >= a.slots {
			return
		}
		next := a.turns.Front().Value.(*line)
		a.turns.MoveToBack(next.turn)
		if next.busy >= a.share {
			continue
		}
		close(next.waiting.Remove(next.waiting.Front()).(*turn).begin)
		a.begin(next)
		a.tidy(next)
	}
}

// tidy takes a line without anybody out of the turns. a.mu is held.
func (a *admission) tidy(l *line) {
	if l.waiting.Len() == 0 && l.turn != nil {
		a.turns.Remove(l.turn)
		l.turn = nil
	}
}

// inTurn lets an endpoint work when it is the application's turn.
func (h *handler) inTurn(do endpoint) endpoint {
	return func(ctx context.Context, c *call) (answer, error) {
		leave, err := h.admission.enter(c.caller, c.app)
		if err != nil {
			return answer{}, err
		}
		defer leave()
		return do(ctx, c)
	}
}

// reads is inTurn for an endpoint with a body of JSON. It is read before, for a slow caller must hold
// nobody's slot, and only behind it is the end of a connection seen.
func (h *handler) reads(do endpoint) endpoint {
	do = h.inTurn(do)
	return func(ctx context.Context, c *call) (a answer, err error) {
		if c.body, err = readBody(ctx, c); err != nil {
			return answer{}, err
		}
		return do(ctx, c)
	}
}
