package session

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// PDU is anything that can be written: the typed PDUs of package wire.
type PDU interface {
	Encode(wire.Header) ([]byte, error)
}

// Slot is room in the window for one request.
type Slot struct{ s *Session }

// Reserve waits for room in the window. The slot must be given back by Do or Release.
func (s *Session) Reserve(ctx context.Context) (Slot, error) {
	select {
	case s.window <- struct{}{}:
		return Slot{s}, nil
	default:
	}
	select {
	case s.window <- struct{}{}:
		return Slot{s}, nil
	case <-s.done:
		return Slot{}, s.Err()
	case <-ctx.Done():
		return Slot{}, context.Cause(ctx)
	}
}

// Release gives the slot back unused.
func (l Slot) Release() { <-l.s.window }

// Do sends a request in this slot and waits for its response, which may have any status; the slot is free
// again when Do returns. Errors: why the session ended, ErrTimeout, the context's, or an encoding error
// (nothing was sent then).
func (l Slot) Do(ctx context.Context, cmd wire.Command, p PDU) (wire.Frame, error) {
	r, err := l.start(ctx, cmd, p)
	if err != nil {
		return wire.Frame{}, err
	}
	return r.Wait(ctx)
}

// Start sends a request in this slot, for callers whose requests must go out in an order. After an error
// nothing was sent and the slot is free; else the caller has to Wait, which frees it.
func (l Slot) Start(ctx context.Context, cmd wire.Command, p PDU) (*Started, error) {
	r, err := l.start(ctx, cmd, p)
	if err != nil {
		return nil, err
	}
	return &r, nil
}

func (l Slot) start(ctx context.Context, cmd wire.Command, p PDU) (r Started, err error) {
	err = ErrUnbound
	if l.s.State() != Unbinding {
		r, err = l.s.begin(ctx, cmd, p)
	}
	if err != nil {
		l.Release()
	}
	return r, err
}

// Started is a request that was sent.
type Started struct {
	s   *Session
	cmd wire.Command
	seq uint32
	w   *waiter
}

// waiter is where a request waits for its response. They are used again: a request allocates its PDU and
// nothing else.
type waiter struct {
	cmd    wire.Command    // of the request
	answer chan wire.Frame // room for one
	timer  *time.Timer
	due    int64 // when its time is up, as the session's age
}

var waiters = sync.Pool{New: func() any {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &waiter{answer: make(chan wire.Frame, 1), timer: t}
}}

// free gives a waiter back that is in no session's pending any more, so nothing more comes to it.
func (w *waiter) free() {
	w.timer.Stop()
	select {
	case <-w.answer:
	default:
	}
	waiters.Put(w)
}

// Wait waits for the response, as Do does. It is called once.
func (r *Started) Wait(ctx context.Context) (wire.Frame, error) {
	defer Slot{r.s}.Release()
	return r.wait(ctx)
}

// Do waits for room in the window, sends a request and waits for its response.
func (s *Session) Do(ctx context.Context, cmd wire.Command, p PDU) (wire.Frame, error) {
	slot, err := s.Reserve(ctx)
	if err != nil {
		return wire.Frame{}, err
	}
	return slot.Do(ctx, cmd, p)
}

// roundTrip sends a request outside the window's account and waits for its response.
func (s *Session) roundTrip(ctx context.Context, cmd wire.Command, p PDU) (wire.Frame, error) {
	r, err := s.begin(ctx, cmd, p)
	if err != nil {
		return wire.Frame{}, err
	}
	return r.wait(ctx)
}

// begin registers a request and queues it for the writer. The response timeout runs from here.
func (s *Session) begin(ctx context.Context, cmd wire.Command, p PDU) (Started, error) {
	w := waiters.Get().(*waiter)
	w.cmd = cmd
	seq, err := s.register(w)
	if err != nil {
		w.free()
		return Started{}, err
	}
	b, err := p.Encode(wire.Header{Command: cmd, Sequence: seq})
	if err == nil {
		err = s.send(ctx, outgoing{b: b})
	}
	if err != nil {
		s.forget(seq)
		w.free()
		return Started{}, err
	}
	w.wait(s.age(), s.opts.ResponseTimeout)
	return Started{s, cmd, seq, w}, nil
}

// wait gives the response so long from now on.
func (w *waiter) wait(now int64, d time.Duration) {
	w.due = now + int64(d)
	w.timer.Reset(d)
}

// A process that was stopped (SIGSTOP, a debugger, a machine that swaps) finds that the time of all its
// requests is up, and their answers in the connection, unread. To send them again would make copies.
const (
	overslept = 500 * time.Millisecond // a timer that fires so late was not the peer's fault
	catchUp   = time.Second            // for the reader to come to the answers that are there
)

// slept says whether the time of a request was up long before anybody here could see it, and gives it time.
func (w *waiter) slept(now int64) bool {
	if now-w.due < int64(overslept) {
		return false
	}
	w.wait(now, catchUp)
	return true
}

func (r *Started) wait(ctx context.Context) (wire.Frame, error) {
	defer r.w.free() // after it is forgotten
	defer r.s.forget(r.seq)
	for {
		err := error(nil)
		select {
		case f := <-r.w.answer:
			return f, nil
		case <-r.w.timer.C:
			if r.w.slept(r.s.age()) {
				continue
			}
			err = fmt.Errorf("%w: %s after %s", ErrTimeout, r.cmd, r.s.opts.ResponseTimeout)
		case <-ctx.Done():
			return wire.Frame{}, context.Cause(ctx)
		case <-r.s.done:
			err = r.s.Err()
		}
		select { // the answer may have come with the end
		case f := <-r.w.answer:
			return f, nil
		default:
			return wire.Frame{}, err
		}
	}
}

// register makes a pending request with the next free sequence number, 1 to 0x7FFFFFFF (SMPP 3.4, 5.1.4).
func (s *Session) register(w *waiter) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	for {
		s.seq = s.seq%wire.MaxSequence + 1
		if _, taken := s.pending[s.seq]; !taken {
			break
		}
	}
	s.pending[s.seq] = w
	return s.seq, nil
}

func (s *Session) forget(seq uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, seq)
	s.signalIdle()
}

// deliver gives a response, or a generic_nack, to the request it answers. A generic_nack with sequence 0
// matches none but a bind: the request it means runs into its timeout.
func (s *Session) deliver(f wire.Frame) {
	if s.match(f) {
		return
	}
	s.unknown.Add(1)
	if s.opts.Unknown != nil {
		s.opts.Unknown(f.Header)
	}
}

// match gives a response to the request that waits for it, and reports whether one does.
func (s *Session) match(f wire.Frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq := f.Sequence
	w, ok := s.pending[seq]
	if f.Command == wire.GenericNack && seq == 0 {
		seq = s.seq
		w, ok = s.pending[seq]
		ok = ok && isBind(w.cmd)
	}
	if !ok || !answers(f.Command, w.cmd) {
		return false
	}
	if f.Command == wire.GenericNack && f.Status == wire.StatusOK {
		f.Status = wire.StatusUnknownErr // it says that the request was not understood: no success, whatever the status
	}
	delete(s.pending, seq)
	s.signalIdle()
	w.answer <- f // has room: one answer for each registration
	// The peer hangs up next, which would look like the reason.
	switch {
	case f.Command == wire.UnbindResp && s.unbound.Load():
		s.endLocked(ErrUnbound)
	case isBind(w.cmd) && f.Status != wire.StatusOK:
		s.endLocked(refusal(f))
	}
	return true
}

// answers: resp is the response to a request, or a generic_nack, which may answer any. An SMSC that takes a
// bind of one kind for one of another kind answers it all the same.
func answers(resp, request wire.Command) bool {
	return resp == wire.GenericNack || resp == request|wire.ResponseBit || isBind(request) && isBind(resp&^wire.ResponseBit)
}

// signalIdle wakes who waits for the last response. The caller holds mu.
func (s *Session) signalIdle() {
	if s.idle != nil && len(s.pending) == 0 {
		close(s.idle)
		s.idle = nil
	}
}

// Respond answers a request of the peer with the same sequence number. A nil PDU has no body.
func (s *Session) Respond(ctx context.Context, f wire.Frame, status wire.Status, p PDU) error {
	if p == nil {
		p = wire.RawBody(nil)
	}
	b, err := p.Encode(wire.Header{Command: f.Command | wire.ResponseBit, Status: status, Sequence: f.Sequence})
	if err != nil {
		return err
	}
	return s.send(ctx, outgoing{b: b})
}

// nack sends a generic_nack (SMPP 3.4, 4.3).
func (s *Session) nack(ctx context.Context, seq uint32, status wire.Status) error {
	b := wire.Frame{Header: wire.Header{Command: wire.GenericNack, Status: status, Sequence: seq}}.Bytes()
	return s.send(ctx, outgoing{b: b})
}
