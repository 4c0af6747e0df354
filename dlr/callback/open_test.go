package callback

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// TestBatchThatAnotherHadIsClosed: a batch that was stored here and comes back takes more items before its
// first try; one that another daemon had in hand first, and died with, may have been sent by it as it is, and
// does not change any more.
func TestBatchThatAnotherHadIsClosed(t *testing.T) {
	for orphan, open := range map[bool]bool{false: true, true: false} {
		l := newLanes(DefaultLanes, time.Second)
		l.alive = func(string) bool { return false }
		at := target{"demo", "http://127.0.0.1:1/"}
		lane := l.lane(at)
		lane.paused = time.Now().Add(time.Hour) // so that it is not sent
		l.expect(lane, "msg_1")
		s := &sealed{id: "msg_1", target: at, items: 1, octets: 100, due: time.Now()}
		s.in = &stored{d: &queue.Delivery{Attempt: 1, Orphan: orphan}, batches: []*sealed{s}}
		l.addStored(s.in)
		if s.open != open || (lane.open[s.class()] == s) != open {
			t.Errorf("orphan %v: open %v", orphan, s.open)
		}
		lane.timer.Stop()
	}
}

// TestBatchThatComesBackIsNotForgotten: a batch waits here for its next try, another daemon takes it over, and it
// comes back. What ends then is what waited before, not what came back: that is still tried at its time.
func TestBatchThatComesBackIsNotForgotten(t *testing.T) {
	l := newLanes(DefaultLanes, time.Second)
	l.alive = func(string) bool { return false }
	at := target{"demo", "http://127.0.0.1:1/"}
	sent := make(chan *sealed, 2)
	l.send = func(lane *lane, s *sealed) func() {
		sent <- s
		l.finish(lane, s)
		return nil
	}
	inHand := func(due time.Time) *sealed {
		s := &sealed{id: "msg_1", target: at, due: due}
		s.in = &stored{d: new(queue.Delivery), batches: []*sealed{s}}
		return s
	}
	before, back := inHand(time.Now()), inHand(time.Now().Add(200*time.Millisecond))
	l.mu.Lock()
	l.lane(at).hand[before.id] = before
	l.mu.Unlock()
	l.addStored(back.in)
	lane := l.byTarget[at]
	l.finish(lane, before) // it is not stored any more, as it was known
	l.wake(lane)
	select {
	case s := <-sent:
		if s != back {
			t.Error("another one was sent")
		}
	case <-time.After(await.Patience):
		t.Fatal("a batch that came back is never sent")
	}
	l.crew.End()
}
