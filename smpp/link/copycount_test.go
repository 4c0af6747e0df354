package link_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// endless is a Sink of a store that does not take the end of a message, until it is told to.
type endless struct {
	*recorder
	q        *queue.Queue
	takes    atomic.Bool
	vain     chan struct{} // each end that was not taken
	answered chan bool     // each try that was taken back, by whether its message has ended
}

func (s *endless) HandedOver(tx *queue.Tx, h link.HandedOver) func() {
	if !s.takes.Load() {
		tx.Create(s.q.Receipts(), "somebody's", nil, time.Minute) // which is there
		s.vain <- struct{}{}
	}
	return s.recorder.HandedOver(tx, h)
}

func (s *endless) Answered(ctx context.Context, u link.Unanswered) error {
	s.answered <- s.takes.Load()
	return s.recorder.Answered(ctx, u)
}

// TestCopyIsCountedUntilItsEndIsStored: a message that may have been sent before is counted before it goes out.
// The SMSC takes it, and the store does not take its end: until it does the copy stays counted, for another
// daemon may take the message over meanwhile, which has to know of it. Here it is not sent again, and not
// refused for being counted.
func TestCopyIsCountedUntilItsEndIsStored(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	id := r.publish("+46701000001", "code", func(m *queue.Outbound) {
		m.Created, m.Again = time.Now().Add(-time.Minute), true // before this daemon
		m.Expires = time.Now().Add(2 * time.Minute)
	})
	s := &endless{recorder: r.sink, q: r.q, vain: make(chan struct{}, 1000), answered: make(chan bool, 1000)}
	if _, err := r.q.Receipts().Create(ctx(t), "somebody's", nil, time.Minute); err != nil {
		t.Fatal(err)
	}
	s.past[id] = link.Past{Unanswered: 1}
	l := r.linkTo(r.config(nil), s)
	r.run(l)
	for range 3 {
		next(t, s.vain)
	}
	if n := len(s.answered); n != 0 {
		t.Errorf("taken back %d times before the end of its message", n)
	}
	if p, _ := s.Past(ctx(t), &queue.Outbound{ID: id}); p.Unanswered != 2 {
		t.Errorf("%d tries are counted, of 2", p.Unanswered)
	}
	s.takes.Store(true)
	if !next(t, s.answered) {
		t.Error("taken back before the end of its message")
	}
	r.drained()
	if n := len(r.smsc.Messages(smsc.Filter{})); n != 1 || len(r.sink.refused) != 0 {
		t.Errorf("sent %d times, refused %d times", n, len(r.sink.refused))
	}
	if p, _ := s.Past(ctx(t), &queue.Outbound{ID: id}); p.Unanswered != 1 {
		t.Errorf("%d tries are counted, of 1", p.Unanswered)
	}
}
