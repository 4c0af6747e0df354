package callback

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestNewestBatchHoldsItsOTP: a batch gets more items after a later batch was stored with the next change of an
// OTP that it has. The change after that still waits for the later batch.
func TestNewestBatchHoldsItsOTP(t *testing.T) {
	q := queuetest.Open(t)
	d := New(options(t, q))
	const url = "http://127.0.0.1:1/"
	l := d.lanes.lane(target{"demo", url})
	item := func(otpID string, n int, kind otp.EventKind) []job {
		t.Helper()
		e := event(url, otpID, n)
		e.Kind = kind
		publish(t, q, e)
		m := queuetest.Take(t, q.Events())
		j := job{d: m}
		if err := json.Unmarshal(m.Data, &j.event); err != nil {
			t.Fatal(err)
		}
		return []job{j}
	}
	if d.sealIn(l, item("p", 1, otp.DlrChange), nil) == nil {
		t.Fatal("no first batch")
	}
	m := queuetest.Take(t, q.Events())
	list, err := decodeStored(m)
	if err != nil {
		t.Fatal(err)
	}
	first := d.placeAll(m, list).batches[0]
	second := d.sealIn(l, item("p", 2, otp.OtpChange), nil)
	if second == nil || !slices.Equal(second.After, []string{first.id}) {
		t.Fatalf("the second batch goes after %v, want %s", second, first.id)
	}
	queuetest.Take(t, q.Events())
	if b := d.sealIn(l, item("q", 1, otp.DlrChange), first); b == nil || b.ID != first.id {
		t.Fatal("the first batch took no more")
	}
	if after := d.holds.before(item("p", 3, otp.OtpChange)); !slices.Equal(after, []string{second.ID}) {
		t.Errorf("the third change goes after %v, want %s", after, second.ID)
	}
}
