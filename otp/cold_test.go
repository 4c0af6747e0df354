package otp

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// TestEndedOTPsOutOfMemory: of OTPs whose records have left the memory everything is answered as before: what
// they are, guesses, cancelling, resending, late receipts, the search for a number, and its erasure.
func TestEndedOTPsOutOfMemory(t *testing.T) {
	t.Parallel()
	answers := func(opts ...queuetest.Option) (said []string) {
		b := newBench(t, opts...)
		ctx := context.Background()
		var ids []string
		for i := range 40 {
			o := b.create(t, fmt.Sprintf(`{"phoneNumber":"+33612345%03d","trackId":"00000000-0000-4000-8000-%012d"}`, i, i))
			ids = append(ids, o.OtpID)
			switch i % 4 {
			case 0:
				if err := b.verify(o.OtpID, b.pin(t, o.OtpID)); err != nil {
					t.Fatal(err)
				}
			case 1:
				if err := b.Cancel(ctx, b.app, o.OtpID); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(opts) > 0 {
			await.That(t, "a record leaves the memory", func() bool { return b.Queue.ColdBytes() > 0 })
		}
		b.clock.advance(3 * time.Minute)
		note := func(what string, err error) { said = append(said, fmt.Sprint(what, ": ", err)) }
		for i, id := range ids {
			o, err := b.Get(ctx, b.app, id)
			note(fmt.Sprint(i, " is ", o.Status, " ", *o.TrackID, " ", o.Delivery.Status), err)
			note("guess", b.verify(id, "000000"))
			_, err = b.Resend(ctx, b.app, id)
			note("resend", err)
			note("receipt", b.Report(ctx, DeliveryReport{OtpID: id, MessageID: messageID(id, 0), Part: 1, Parts: 1, Status: DeliveryDelivered, At: b.now()}))
			o, err = b.Get(ctx, b.app, id)
			note(fmt.Sprint(i, " then is ", o.Status, " ", o.Delivery.Status), err)
		}
		for i := range ids {
			found, err := b.Find(ctx, b.app, Query{Phone: fmt.Sprintf("+33612345%03d", i), PageSize: 10})
			note(fmt.Sprint(len(found.Data), " found"), err)
		}
		gone, err := b.Forget(ctx, "+33612345004")
		note(fmt.Sprint(len(gone), " forgotten"), err)
		_, err = b.Get(ctx, b.app, ids[4])
		note("of the forgotten", err)
		return said
	}
	warm, cold := answers(), answers(queuetest.Cold())
	for i := range warm {
		if warm[i] != cold[i] {
			t.Errorf("answer %d: %q out of memory, %q in it", i, cold[i], warm[i])
		}
	}
}
