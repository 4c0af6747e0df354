package dlr

import (
	"bytes"
	"context"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest"
)

// TestForgetTakesMessageIDs: of a number nothing is left in the bucket of message ids, whichever link's they
// are; those of other numbers stay, also where two messages share one id.
func TestForgetTakesMessageIDs(t *testing.T) {
	q := queuetest.Open(t)
	tr := newTracker(t, q, newLedger())
	const gone, stays = "+46700000001", "+46700000002"
	for _, m := range []struct{ link, id, otp, to string }{
		{"one", "AB12", "o1", gone}, {"two", "AB12", "o2", gone}, {"one", "CD34", "o3", stays},
		{"one", "EF56", "o4", gone}, {"one", "EF56", "o5", stays},
		{"one", "0077", "o6", ""}, // found by its OTP alone
	} {
		if err := tr.Accepted(t.Context(), m.link, m.id, Entry{OtpID: m.otp, MessageID: "m" + m.otp, Part: 1, Parts: 1, To: m.to}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Forget(t.Context(), gone, []string{"o1", "o6"}); err != nil {
		t.Fatal(err)
	}
	left := make(map[string]bool)
	err := q.Receipts().Each(context.Background(), func(key string, value []byte) bool {
		for _, s := range decodeChain(value) {
			left[s.OtpID] = true
		}
		if bytes.Contains(value, []byte(tail(gone))) {
			t.Errorf("%s has the number's end: %x", key, value)
		}
		return true
	})
	if err != nil || len(left) != 2 || !left["o3"] || !left["o5"] {
		t.Errorf("left are the ids of %v, %v", left, err)
	}
}
