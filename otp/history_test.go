package otp

import (
	"context"
	"strings"
	"testing"
	"time"
)

func (b *bench) way(t *testing.T, id string) (Way, string) {
	t.Helper()
	w, err := b.Way(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, s := range w.Steps {
		kinds = append(kinds, string(s.Kind))
	}
	return w, strings.Join(kinds, " ")
}

func (b *bench) handOver(t *testing.T, messageID, link string, sent time.Time, ids ...string) {
	t.Helper()
	tx := b.Queue.Begin()
	b.HandedOver(tx, HandedOver{MessageID: messageID, Link: link, Expires: sent.Add(5 * time.Minute), Sent: sent, Took: 40 * time.Millisecond, IDs: ids})
	if err := b.Queue.Commit(context.Background(), tx); err != nil {
		t.Fatal(err)
	}
}

// TestWay: what happens to an OTP is a step with its time, whoever knew of it and in whatever order it was
// heard of.
func TestWay(t *testing.T) {
	b := newBench(t)
	b.app.MaxResends, b.app.ResendInterval = 1, time.Second
	ctx := context.Background()
	o := b.create(t, french)
	if _, got := b.way(t, o.OtpID); got != "asked queued" {
		t.Errorf("at first: %s", got)
	}
	first := b.record(t, o.OtpID).Message
	try := Try{OtpID: o.OtpID, MessageID: first, Link: "one", At: b.now(), Dropped: true}
	for range 2 { // told twice, it is one
		if _, err := b.Unanswered(ctx, try); err != nil {
			t.Fatal(err)
		}
	}
	b.clock.advance(time.Second)
	b.handOver(t, first, "one", b.now(), "a1", "a2")
	if w, got := b.way(t, o.OtpID); got != "asked queued unanswered sent answered" || w.Steps[4].At.Sub(w.Steps[3].At) != 40*time.Millisecond ||
		strings.Join(w.Steps[4].IDs, " ") != "a1 a2" || !w.Steps[2].Dropped {
		t.Errorf("at the carrier: %s, %+v", got, w.Steps)
	}
	b.clock.advance(time.Second)
	wantCode(t, "a wrong PIN", b.verify(o.OtpID, wrong(b.pin(t, o.OtpID))), CodeWrongPIN)
	b.clock.advance(time.Second)
	if _, err := b.Resend(ctx, b.app, o.OtpID); err != nil {
		t.Fatal(err)
	}
	second := b.record(t, o.OtpID).Message
	b.clock.advance(time.Second)
	for _, r := range []DeliveryReport{
		{OtpID: o.OtpID, MessageID: second, Link: "two", Status: DeliveryRejected, ErrorCode: intp(11), Parts: 1},
		{OtpID: o.OtpID, MessageID: first, Link: "one", Part: 1, Parts: 1, Status: DeliveryFailed, ErrorCode: intp(5), Said: "UNDELIV"},
	} {
		if err := b.Report(ctx, r); err != nil {
			t.Fatal(err)
		}
		b.clock.advance(time.Second)
	}
	wantCode(t, "the right PIN", b.verify(o.OtpID, b.pin(t, o.OtpID)), 0)
	w, got := b.way(t, o.OtpID)
	if want := "asked queued unanswered sent answered guess queued refused receipt ended"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	if refused, receipt, end := w.Steps[7], w.Steps[8], w.Steps[9]; refused.Message != 2 || *refused.Code != 11 || refused.Link != "two" ||
		receipt.Message != 1 || receipt.Said != "UNDELIV" || receipt.State != DeliveryFailed || *receipt.Code != 5 || end.Status != StatusVerified {
		t.Errorf("%+v", w.Steps[7:])
	}
	if size := len(b.record(t, o.OtpID).Steps); size > 200 {
		t.Errorf("these steps take %d octets", size)
	}
	ways, more, err := b.WaysOf(ctx, w.Number)
	if err != nil || len(ways) != 1 || more || ways[0].OtpID != o.OtpID {
		t.Errorf("by number: %v %v %v", ways, more, err)
	}
}

// TestWayOfAnOlderRecord: a record without steps has its beginning and its end, and what an older version
// knew of a carrier.
func TestWayOfAnOlderRecord(t *testing.T) {
	b := newBench(t)
	o := b.create(t, french)
	r := b.record(t, o.OtpID)
	r.Steps = nil
	b.put(t, r)
	if _, err := b.Queue.Sent().Put(context.Background(), r.Message, []byte("carrier"), 0); err != nil {
		t.Fatal(err)
	}
	if link, err := b.sentOver(context.Background(), r.Message); link != "carrier" || err != nil {
		t.Errorf("sent over %q, %v", link, err)
	}
	b.clock.advance(10 * time.Minute)
	if w, got := b.way(t, o.OtpID); got != "asked assumed ended" || w.Status != StatusExpired {
		t.Errorf("%s, %s", got, w.Status)
	}
}

// TestWayIsBounded: whatever is told of an OTP, its record stays small, and its end is noted.
func TestWayIsBounded(t *testing.T) {
	r := &Record{Created: time.Now(), Status: StatusVerified}
	for range 10_000 {
		r.noteDelivery(DeliveryReport{Link: "carrier", Status: DeliveryFailed, Said: strings.Repeat("x", 500)}, time.Now())
	}
	r.noteEnd(StatusPending, time.Now())
	steps := r.steps()
	if len(r.Steps) > maxSteps+100 || steps[len(steps)-1].Kind != stepEnded || len(steps[0].Said) != maxSaid {
		t.Errorf("%d octets, %d steps, the last %+v", len(r.Steps), len(steps), steps[len(steps)-1])
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]string{"+33 6 12-34 56.78": "+33612345678", "0033612345678": "+33612345678", "33612345678": "+33612345678",
		"12": "", "+33abc12345": "", "": "", "1234567890123456": ""} {
		if got, ok := Number(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v", text, got, ok)
		}
	}
}

func BenchmarkWayNote(b *testing.B) {
	r := &Record{Created: time.Now()}
	for b.Loop() {
		r.Steps = nil
		r.noteDelivery(DeliveryReport{Link: "carrier", Status: DeliveryDelivered, Parts: 1}, time.Now())
	}
}
