package dlr

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// A receipt that comes in the same instant as its submit_sm_resp waits in memory until the id is known,
// whatever form the carrier gives it, and is not parked.
func TestReceiptOvertakesItsResponse(t *testing.T) {
	for name, ids := range map[string][2]string{"the same id": {"AB12", "AB12"}, "in another base": {"4D2F", "19759"}} {
		t.Run(name, func(t *testing.T) {
			q := queuetest.Open(t)
			l := newLedger()
			tr := newTracker(t, q, l)
			tr.index.overtaken.patience = 10 * time.Second
			done := make(chan error, 1)
			go func() {
				done <- tr.Receipt(context.Background(), Incoming{Link: "c", Rule: Auto, From: "+4670123456", To: "Shop", Text: fmt.Sprintf(delivered, ids[1])})
			}()
			await.That(t, "the receipt waits", func() bool {
				tr.index.overtaken.mu.Lock()
				defer tr.index.overtaken.mu.Unlock()
				return tr.index.overtaken.count == 1
			})
			if err := tr.Accepted(context.Background(), "c", ids[0], Entry{OtpID: "o1", To: "+4670123456"}); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if n := len(l.reports()); n != 1 {
				t.Errorf("%d reports", n)
			}
			if n := msgs(t, q, "parked"); n != 0 {
				t.Errorf("%d parked", n)
			}
		})
	}
}

// What waits is bounded, and leaves nothing behind.
func TestOvertakenIsBounded(t *testing.T) {
	o := newOvertaken()
	for range maxOvertaken {
		if !o.begin([]string{"k"}, make(chan struct{}, 1)) {
			t.Fatal("refused below the bound")
		}
	}
	if o.wait(context.Background(), []string{"k"}, func() bool { return true }) {
		t.Error("one over the bound waited")
	}
	o = newOvertaken()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("over"))
	if o.wait(ctx, []string{"a", "b"}, func() bool { return false }) || o.count != 0 || len(o.waiting) != 0 {
		t.Errorf("%d waiting for %d keys after the end", o.count, len(o.waiting))
	}
}
