package otp

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestPostIsOneWrite: where daemons share the store, what a POST asks of it first would cost as much as what
// it stores.
func TestPostIsOneWrite(t *testing.T) {
	t.Parallel()
	b := newBench(t, queuetest.URL(queuetest.External(t)))
	b.app.SendLimits = limit.Limits{{Max: 5, Per: 10 * time.Minute}}
	began, before := time.Now(), b.stored(t, "LOG")
	const posts = 20
	for i := range posts { // one after the other, so that no two are in one batch
		if err := b.try(fmt.Sprintf(`{"phoneNumber":"+336123456%02d"}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	renewals := int(time.Since(began)/time.Second) + 2 // of the daemon's lease
	if n := b.stored(t, "LOG") - before; n > posts+renewals {
		t.Errorf("%d POSTs were %d writes", posts, n)
	}
}

// TestSendLimitOverDaemons: two daemons on one store, each with a memory of its own, are one limit.
func TestSendLimitOverDaemons(t *testing.T) {
	t.Parallel()
	url := queuetest.URL(queuetest.External(t))
	both := []*bench{newBench(t, url), newBench(t, url)}
	both[1].Box = both[0].Box
	for _, b := range both {
		b.app.SendLimits = limit.Limits{{Max: 5, Per: 10 * time.Minute}}
	}
	var good atomic.Int64
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			err := both[i%2].try(french)
			if err == nil {
				good.Add(1)
			} else if codeOf(err) != CodeRateLimit {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if good.Load() != 5 {
		t.Errorf("%d were sent, the limit is 5", good.Load())
	}
}
