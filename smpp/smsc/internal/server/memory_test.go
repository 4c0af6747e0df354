package server_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestMemoryIsFlat: behind the newest N messages, more of them take no more memory, with receipts, rules and
// PDUs.
func TestMemoryIsFlat(t *testing.T) {
	const keep, rounds = 1000, 8
	srv := esmetest.Start(t, smsc.Config{Keep: keep, KeepPDUs: 500, Rules: []smsc.Rule{
		esmetest.Rule(t, `{"match":{"textPattern":"^never$"}}`), esmetest.Rule(t, `{"count":1,"perMessage":true,"share":0.1,"submit":{"status":"RTHROTTLED"}}`),
	}})
	e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
	var ended sync.WaitGroup
	defer ended.Wait()
	defer e.Close(nil)
	ended.Go(func() { // the receipts are of no interest
		for {
			select {
			case <-e.Delivered:
			case <-e.Ended:
				return
			}
		}
	})
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var first uint64
	n := 0
	for round := range rounds {
		for range keep {
			n++
			if _, err := e.Do(t.Context(), wire.SubmitSM, esmetest.Message(fmt.Sprint(4917000000000+n), fmt.Sprint("code ", n))); err != nil {
				t.Fatal(err)
			}
		}
		await.That(t, "all receipts are answered", func() bool {
			for _, m := range srv.Messages(smsc.Filter{Limit: 20}) {
				for _, r := range m.Receipts {
					if r.Status != smsc.ReceiptAnswered {
						return false
					}
				}
			}
			return true
		})
		if round == 2 {
			first = heap()
		}
	}
	if last := heap(); last > first+first/4+1<<20 {
		t.Errorf("%d KiB behind 3,000 messages, %d KiB behind %d", first>>10, last>>10, n)
	}
	if got := len(srv.Messages(smsc.Filter{})); got != keep {
		t.Errorf("%d are kept", got)
	}
}
