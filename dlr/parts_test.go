package dlr

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// long has the parts of a message taken under these ids.
func long(t *testing.T, tr *Tracker, link, message string, ids ...string) {
	t.Helper()
	for i, id := range ids {
		e := Entry{OtpID: "otp-" + message, MessageID: message, Part: i + 1, Parts: len(ids), To: "+491711234567"}
		if err := tr.Accepted(context.Background(), link, id, e); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *ledger) last(t *testing.T) otp.DeliveryReport {
	t.Helper()
	l.wait(t)
	all := l.reports()
	return all[len(all)-1]
}

func TestPartsAsCarriersNameThem(t *testing.T) {
	q := queuetest.Open(t)
	for i, c := range []struct {
		name, receipt string
		ids           []string
		part          int
	}{
		{"one id for all parts", "A7", []string{"A7", "A7", "A7"}, 0},
		{"the part's number behind each id, one receipt without it", "A7", []string{"A7-1", "A7-2", "A7-3"}, 0},
		{"the same, counted from 0", "A7", []string{"A7_0", "A7_1"}, 0},
		{"the same, each with its receipt", "A7.02", []string{"A7.01", "A7.02"}, 2},
		{"one id for all, and receipts with the part's number", "A7/2", []string{"A7", "A7"}, 2},
		{"the same, counted from 0", "A7:0", []string{"A7", "A7"}, 1},
		{"an id that ends so by chance", "A7-9", []string{"A7-8", "A7-9"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger()
			tr, link := newTracker(t, q, l), fmt.Sprint("c", i)
			long(t, tr, link, "m", c.ids...)
			in := Incoming{Link: link, Rule: Auto, Parts: PartsEach, Text: fmt.Sprintf(delivered, c.receipt), From: "491711234567"}
			if err := tr.Receipt(context.Background(), in); err != nil {
				t.Fatal(err)
			}
			if r := l.last(t); r.Part != c.part || r.Parts != len(c.ids) || r.MessageID != "m" {
				t.Errorf("report of part %d of %d, want %d of %d", r.Part, r.Parts, c.part, len(c.ids))
			}
		})
	}
}

// TestOneReceiptForAllParts: a carrier sends the receipt of one part only. At first the others' are waited
// for; from the third message on it is known.
func TestOneReceiptForAllParts(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	tr.PartsWait = 50 * time.Millisecond
	runParked(t, tr)
	receipt := func(id string) {
		t.Helper()
		if err := tr.Receipt(context.Background(), Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, id)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range learnOne {
		long(t, tr, "c", fmt.Sprint("m", i), fmt.Sprint("x", i), fmt.Sprint("y", i))
		receipt(fmt.Sprint("y", i))
		if r := l.last(t); r.Part != 2 {
			t.Fatalf("message %d: report of part %d, want 2", i, r.Part)
		}
		if r := l.last(t); r.Part != 0 || r.Parts != 2 || r.Status != otp.DeliveryDelivered || r.MessageID != fmt.Sprint("m", i) {
			t.Fatalf("message %d: report %+v, want one for all parts", i, r)
		}
	}
	await.That(t, "PARKED is empty", func() bool { return msgs(t, q, "parked") == 0 })
	long(t, tr, "c", "known", "xk", "yk")
	receipt("xk")
	if r := l.last(t); r.Part != 0 {
		t.Errorf("report of part %d, want all", r.Part)
	}
	if n := msgs(t, q, "parked"); n != 0 {
		t.Errorf("%d parked, want none: it is known what the link does", n)
	}
}

// TestReceiptForEachPart: what the first receipt says is never taken for all parts where the link sends one
// for each.
func TestReceiptForEachPart(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	tr.PartsWait = 50 * time.Millisecond
	ctx := context.Background()
	long(t, tr, "c", "m", "x", "y")
	for _, id := range []string{"x", "y"} {
		if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, id)}); err != nil {
			t.Fatal(err)
		}
	}
	long(t, tr, "c", "m2", "x2", "y2")
	if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, "x2")}); err != nil {
		t.Fatal(err)
	}
	runParked(t, tr)
	await.That(t, "PARKED is empty", func() bool { return msgs(t, q, "parked") == 0 })
	for _, r := range l.reports() {
		if r.Part == 0 {
			t.Errorf("report for all parts of %s", r.MessageID)
		}
	}
}

// TestOneReceiptNeverStandsForWhatWasNotSent: a part that the carrier has not taken yet is not delivered by
// another's receipt.
func TestOneReceiptNeverStandsForWhatWasNotSent(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	tr.PartsWait = time.Millisecond
	var whole atomic.Bool
	asked := make(chan struct{}, 1000)
	tr.Whole = func(string) bool {
		asked <- struct{}{}
		return whole.Load()
	}
	runParked(t, tr)
	for _, way := range []PartReceipts{PartsAuto, PartsOne} {
		whole.Store(false)
		long(t, tr, string(way), "m", "x", "y")
		if err := tr.Receipt(context.Background(), Incoming{Link: string(way), Rule: Auto, Parts: way, Text: fmt.Sprintf(delivered, "x")}); err != nil {
			t.Fatal(err)
		}
		if r := l.last(t); r.Part != 1 {
			t.Errorf("%s: report of part %d, want 1", way, r.Part)
		}
		for range 3 {
			<-asked
		}
		if n := len(l.told); n != 0 {
			t.Errorf("%s: %d reports before the other part was sent", way, n)
		}
		whole.Store(true)
		if r := l.last(t); r.Part != 0 {
			t.Errorf("%s: report of part %d, want all", way, r.Part)
		}
	}
}

func TestWaysOfPartsThatAreSet(t *testing.T) {
	q := queuetest.Open(t)
	for way, want := range map[PartReceipts]int{PartsOne: 0, PartsEach: 1} {
		l := newLedger()
		tr := newTracker(t, q, l)
		long(t, tr, string(way), "m", "x", "y")
		in := Incoming{Link: string(way), Rule: Auto, Parts: way, Text: fmt.Sprintf(delivered, "x")}
		if err := tr.Receipt(context.Background(), in); err != nil {
			t.Fatal(err)
		}
		if r := l.last(t); r.Part != want {
			t.Errorf("%s: report of part %d, want %d", way, r.Part, want)
		}
		if n := msgs(t, q, "parked"); n != 0 {
			t.Errorf("%s: %d parked, want none", way, n)
		}
	}
}

func TestPartHabitChangesWithTheCarrier(t *testing.T) {
	now := time.Now()
	p := newPartHabits()
	p.now = func() time.Time { return now }
	n := 0
	message := func(parts ...int) (way PartReceipts) {
		n++
		for _, part := range parts {
			way = p.heard("c", fmt.Sprint(n), part, time.Second)
		}
		now = now.Add(2 * time.Second)
		return way
	}
	if way := message(1); way != PartsAuto {
		t.Errorf("at first: %s", way)
	}
	if way := message(1, 2); way != PartsEach {
		t.Errorf("after two receipts for one message: %s", way)
	}
	for range learnLess {
		message(1)
	}
	if way := message(1); way != PartsOne {
		t.Errorf("after %d messages with one: %s", learnLess, way)
	}
	if way := message(2, 1); way != PartsEach {
		t.Errorf("after two receipts again: %s", way)
	}
	now = now.Add(-time.Hour)
	for range 2 * remembered {
		n++
		p.heard("d", fmt.Sprint(n), 1, time.Second)
	}
	if got := len(p.links["d"].first); got > remembered {
		t.Errorf("%d messages are remembered, want %d at most", got, remembered)
	}
}
