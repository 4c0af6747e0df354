package callback

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
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
		s := &sealed{d: &queue.Delivery{Attempt: 1, Orphan: orphan}, id: "msg_1", target: at, items: 1, octets: 100, due: time.Now()}
		l.addBatch(s)
		if s.open != open || (lane.open[s.class()] == s) != open {
			t.Errorf("orphan %v: open %v", orphan, s.open)
		}
		lane.timer.Stop()
	}
}
