package link_test

import (
	"bufio"
	"context"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// slowStore takes a receipt in a millisecond, as a store over the network does.
type slowStore struct {
	*recorder
	stored atomic.Int64
}

func (s *slowStore) Deliver(context.Context, link.Incoming) error {
	time.Sleep(time.Millisecond) // the store's time, not a wait for something
	s.stored.Add(1)
	return nil
}

// floodSize is how many PDUs a flood has: OTPGW_TEST_FLOOD, where that is set.
func floodSize(n int) int {
	if v, err := strconv.Atoi(os.Getenv("OTPGW_TEST_FLOOD")); err == nil {
		return v
	}
	return n
}

// flooded is a link that is bound to an SMSC which is about to send much, and where its receipts are stored.
func flooded(t *testing.T) (*slowStore, *script) {
	t.Helper()
	r := newRig(t, smsc.Config{})
	c := newCarrier(t)
	sink := &slowStore{recorder: newRecorder()}
	l := link.New(c.config("carrier", nil), link.Deps{Queue: r.q, Sink: sink})
	r.run(l)
	s := next(t, c.binds)
	r.up(l)
	return sink, s
}

// TestFloodOfReceipts: an SMSC that sends all it has at once, without a window, has each receipt stored and
// answered OK, in its own time; none is refused, and what waits does not grow with the flood.
func TestFloodOfReceipts(t *testing.T) {
	t.Parallel()
	n := floodSize(5_000)
	sink, s := flooded(t)
	t.Cleanup(func() { // a flood that failed ends too
		s.c.Close()
		for {
			select {
			case <-s.answers:
			case <-s.gone:
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		w := bufio.NewWriter(s.c)
		for i := range n {
			if _, err := w.Write(pdu(wire.DeliverSM, 0, uint32(i+1), deliver("46700000001", 4, 0, "id:1 stat:DELIVRD err:000"))); err != nil {
				return
			}
		}
		_ = w.Flush()
	}()
	for i := range n {
		if f := next(t, s.answers); f.Command != wire.DeliverSMResp || f.Status != 0 {
			t.Fatalf("answer %d: %s", i, f.Status)
		}
		if i == n/2 {
			runtime.ReadMemStats(&after)
		}
	}
	if got := sink.stored.Load(); got != int64(n) {
		t.Errorf("%d stored of %d", got, n)
	}
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("%d MiB more in use in the middle of the flood", grown>>20)
	}
}

// TestAcceptedWithoutMessageID: the part was sent and no receipt will find it; somebody is told.
func TestAcceptedWithoutMessageID(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	c := newCarrier(t)
	r.run(r.link(c.config("carrier", nil)))
	s := next(t, c.binds)
	id := r.put("+46701000001", "code")
	f, _ := s.submit()
	s.take(f, "")
	if a := next(t, r.sink.accepted); a.Message.ID != id || a.MessageID != "" {
		t.Errorf("told: %+v", a)
	}
	r.drained()
}
