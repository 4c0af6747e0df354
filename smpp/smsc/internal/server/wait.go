package server

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/behave"
)

// What a wait may end with, besides the context's error.
var (
	ErrClosed   = errors.New("smsc: the server is closed")
	ErrWaiters  = errors.New("smsc: too many wait already")
	errNoNumber = errors.New("smsc: a wait wants a number to wait for")
	errAfter    = errors.New("after is neither a message id nor an RFC 3339 time")
)

// maxWaiters bounds the waits at once.
const maxWaiters = 10_000

// waiter is somebody who waits for a message to one number.
//
// There are two kinds. A plain wait takes messages: each message is handed out once, the oldest first,
// whether it came before the wait or comes during it, so a test that sends and then waits cannot miss it. A
// wait with newer only looks: it sees the oldest message that newer accepts, handed out or not, and leaves it
// for others.
type waiter struct {
	to    string
	from  string // and from there, when it is not empty
	text  string // and with that in it, in lower case, when it is not empty
	newer func(*record) bool
	found chan *record // has room for the one it gets
}

// waiterFor makes a waiter of a filter's To, From, Text and After. The error is about After.
func (s *store) waiterFor(f Filter) (*waiter, error) {
	w := &waiter{to: f.To, from: behave.Number(f.From), text: strings.ToLower(f.Text)}
	if f.After == "" {
		return w, nil
	}
	var err error
	w.newer, err = s.newerThan(f.After)
	return w, err
}

// wants reports whether the message is for this waiter, and takes it then. The caller holds mu.
func (w *waiter) wants(r *record) bool {
	switch {
	case r.msg.Incomplete, r.msg.Direction == MobileOriginated,
		w.from != "" && !strings.EqualFold(w.from, behave.Number(r.msg.From)),
		w.text != "" && !strings.Contains(strings.ToLower(r.msg.Text), w.text):
		return false
	case w.newer != nil:
		return w.newer(r)
	case r.taken:
		return false
	}
	r.taken = true
	return true
}

// offer gives a message to the waiters that want it. The caller holds mu.
func (s *store) offer(r *record) {
	left := slices.DeleteFunc(s.waiters[r.to], func(w *waiter) bool {
		if !w.wants(r) {
			return false
		}
		w.found <- r
		s.waiting--
		return true
	})
	s.setWaiters(r.to, left)
}

func (s *store) setWaiters(to string, ws []*waiter) {
	if len(ws) == 0 {
		delete(s.waiters, to)
		return
	}
	s.waiters[to] = ws
}

// wait returns the next message for w, waiting for it until ctx ends.
func (s *store) wait(ctx context.Context, w *waiter) (*record, error) {
	w.to = behave.Number(w.to)
	s.mu.Lock()
	for i := range s.ring {
		if r := s.at(i); r.to == w.to && w.wants(r) {
			s.mu.Unlock()
			return r, nil
		}
	}
	if s.waiting >= maxWaiters {
		s.mu.Unlock()
		return nil, ErrWaiters
	}
	w.found = make(chan *record, 1)
	s.waiters[w.to] = append(s.waiters[w.to], w)
	s.waiting++
	s.mu.Unlock()

	select {
	case r := <-w.found:
		return r, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select { // it may have come with the end
	case r := <-w.found:
		return r, nil
	default:
	}
	left := slices.DeleteFunc(s.waiters[w.to], func(o *waiter) bool { return o == w })
	s.setWaiters(w.to, left)
	s.waiting--
	return nil, context.Cause(ctx)
}

// giveBack undoes the handing out of a message that its caller never got.
func (s *store) giveBack(r *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.taken = false
	s.offer(r)
}

// parseAfter reads the parameter after: a message id, or a time in RFC 3339. Empty is the id 0.
func parseAfter(after string) (id uint64, at time.Time, err error) {
	if after == "" {
		return 0, time.Time{}, nil
	}
	if at, err = time.Parse(time.RFC3339Nano, after); err == nil {
		return 0, at, nil
	}
	if id, err = strconv.ParseUint(after, 10, 64); err != nil {
		return 0, time.Time{}, errAfter
	}
	return id, time.Time{}, nil
}

// newerThan makes a chooser of the parameter after.
func (s *store) newerThan(after string) (func(*record) bool, error) {
	id, at, err := parseAfter(after)
	switch {
	case err != nil:
		return nil, err
	case !at.IsZero():
		return func(r *record) bool { return r.msg.Time.After(at) }, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.ring {
		if r := s.at(i); r.id == id { // the order of coming is exact; ids of two binds may cross in it
			nth := r.nth
			return func(r *record) bool { return r.nth > nth }, nil
		}
	}
	return func(r *record) bool { return r.id > id }, nil
}

// Wait returns the oldest message to the number that no Wait and no /api/v1/messages/wait returned before,
// waiting for it until ctx ends. The number may have a leading + or not. A message that came before the call
// counts, so sending first and waiting then is safe; Clear in between tests that use one number keeps out
// what an earlier one left.
func (s *Server) Wait(ctx context.Context, to string) (Message, error) {
	r, err := s.wait(ctx, &waiter{to: to})
	if err != nil {
		return Message{}, err
	}
	return r.snapshot(FindCode), nil
}

// WaitFor is Wait for a message that fits Filter's To, From and Text. With After it sees the oldest message
// newer than that, handed out or not, and leaves it for others. To cannot be empty.
func (s *Server) WaitFor(ctx context.Context, f Filter) (Message, error) {
	if behave.Number(f.To) == "" {
		return Message{}, errNoNumber
	}
	find, err := codeFinder(f.Pattern)
	if err != nil {
		return Message{}, err
	}
	w, err := s.store.waiterFor(f)
	if err != nil {
		return Message{}, err
	}
	r, err := s.wait(ctx, w)
	if err != nil {
		return Message{}, err
	}
	return r.snapshot(find), nil
}

// GiveBack undoes the handing out of a message by Wait or WaitFor: it was not passed on, and waits for the
// next.
func (s *Server) GiveBack(id string) {
	if r := s.store.get(id); r != nil {
		s.store.giveBack(r)
	}
}

// wait is store.wait that also ends with the server.
func (s *Server) wait(ctx context.Context, w *waiter) (*record, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(ErrClosed) })()
	return s.store.wait(ctx, w)
}
