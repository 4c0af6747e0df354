package link_test

import (
	"runtime"
	"testing"

	"github.com/otpgw/otpgw/smpp/wire"
)

// TestFloodOfReceiptsInAWindow is TestFloodOfReceipts of an SMSC that waits for answers: it has so many
// receipts open at most. None is refused, none is answered twice, and what waits does not grow.
func TestFloodOfReceiptsInAWindow(t *testing.T) {
	t.Parallel()
	const window = 50
	n := floodSize(2_000)
	sink, s := flooded(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sent := 0
	send := func() {
		if sent < n {
			sent++
			s.write(pdu(wire.DeliverSM, 0, uint32(sent), deliver("46700000001", 4, 0, "id:1 stat:DELIVRD err:000")))
		}
	}
	for range window {
		send()
	}
	seen := make(map[uint32]bool, n)
	for i := range n {
		f := next(t, s.answers)
		if f.Command != wire.DeliverSMResp || f.Status != 0 || seen[f.Sequence] {
			t.Fatalf("answer %d: %s to %d, answered before: %v", i, f.Status, f.Sequence, seen[f.Sequence])
		}
		seen[f.Sequence] = true
		if i == n/2 {
			runtime.ReadMemStats(&after)
		}
		send()
	}
	if got := sink.stored.Load(); got != int64(n) {
		t.Errorf("%d stored of %d", got, n)
	}
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("%d MiB more in use in the middle of the flood", grown>>20)
	}
}
