package dlr

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/quietlog"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/wire"
)

// ledger is a Reports that writes down what it is told.
type ledger struct {
	mu   sync.Mutex
	list []otp.DeliveryReport
	err  error
	told chan struct{} // one for each report taken
}

func newLedger() *ledger { return &ledger{told: make(chan struct{}, 1000)} }

func (l *ledger) Report(_ context.Context, r otp.DeliveryReport) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.list = append(l.list, r)
	l.told <- struct{}{}
	return nil
}

func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *ledger) reports() []otp.DeliveryReport {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]otp.DeliveryReport(nil), l.list...)
}

func (l *ledger) wait(t *testing.T) {
	t.Helper()
	select {
	case <-l.told:
	case <-time.After(10 * time.Second):
		t.Fatal("no report within 10 s")
	}
}

func newTracker(t testing.TB, q *queue.Queue, r Reports) *Tracker {
	tr := NewTracker(q, r, zerolog.New(zerolog.NewTestWriter(t)))
	tr.FirstWait, tr.Settle = 5*time.Millisecond, 200*time.Millisecond
	return tr
}

// runParked runs it until the test ends, and waits for it.
func runParked(t *testing.T, tr *Tracker) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- tr.RunParked(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func msgs(t *testing.T, q *queue.Queue, stream string) uint64 {
	t.Helper()
	s, err := q.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range s.Streams {
		if one.Name == stream {
			return one.Msgs
		}
	}
	t.Fatalf("no stream %s", stream)
	return 0
}

const delivered = "id:%s sub:001 dlvrd:001 submit date:2603040506 done date:2603040507 stat:DELIVRD err:000 text:Your code is 482913"

func TestReceiptIsFolded(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	ctx := context.Background()
	if err := tr.Accepted(ctx, "carrier", "AB12", Entry{OtpID: "o1", MessageID: "m1", Part: 2, Parts: 3}); err != nil {
		t.Fatal(err)
	}
	at := time.Now().UTC().Truncate(time.Second)
	if err := tr.Receipt(ctx, Incoming{Link: "carrier", Rule: Auto, Parts: PartsEach, Text: fmt.Sprintf(delivered, "AB12"), Received: at}); err != nil {
		t.Fatal(err)
	}
	got := l.reports()
	if len(got) != 1 {
		t.Fatalf("%d reports, want 1", len(got))
	}
	r := got[0]
	if r.OtpID != "o1" || r.MessageID != "m1" || r.Part != 2 || r.Parts != 3 || r.Status != otp.DeliveryDelivered || !r.At.Equal(at) {
		t.Errorf("report %+v", r)
	}
	if msgs(t, q, "parked") != 0 {
		t.Error("it was parked too")
	}
}

func TestReceiptByTLVsOnly(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	ctx := context.Background()
	if err := tr.Accepted(ctx, "c", "77", Entry{OtpID: "o1"}); err != nil {
		t.Fatal(err)
	}
	tlvs := wire.TLVs{{Tag: wire.TagReceiptedMessageID, Value: []byte("77\x00")}, {Tag: wire.TagMessageState, Value: []byte{5}}, {Tag: wire.TagNetworkErrorCode, Value: []byte{3, 0, 27}}}
	if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, TLVs: tlvs}); err != nil {
		t.Fatal(err)
	}
	if r := l.reports()[0]; r.Status != otp.DeliveryFailed || r.ErrorCode == nil || *r.ErrorCode != 27 || r.At.IsZero() {
		t.Errorf("report %+v", r)
	}
}

func TestEarlyReceiptIsParkedThenFolded(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	ctx := context.Background()
	if err := tr.Receipt(ctx, Incoming{Link: "li.nk", Rule: Auto, Text: fmt.Sprintf(delivered, "AB12")}); err != nil {
		t.Fatal(err)
	}
	if n := msgs(t, q, "parked"); n != 1 {
		t.Fatalf("%d parked, want 1", n)
	}
	runParked(t, tr)
	if err := tr.Accepted(ctx, "li.nk", "AB12", Entry{OtpID: "o1", Part: 1, Parts: 1}); err != nil {
		t.Fatal(err)
	}
	l.wait(t)
	await.That(t, "PARKED is empty", func() bool { return msgs(t, q, "parked") == 0 })
	if got := l.reports(); len(got) != 1 || got[0].OtpID != "o1" {
		t.Errorf("reports %+v", got)
	}
}

func TestGuessedBaseMatchesOnceSettled(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	ctx := context.Background()
	if err := tr.Accepted(ctx, "c", "1A2B", Entry{OtpID: "o1"}); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, "6699")}); err != nil {
		t.Fatal(err)
	}
	runParked(t, tr)
	l.wait(t)
	if took := time.Since(begun); took < tr.Settle {
		t.Errorf("matched after %v, before it settled", took)
	}
}

func TestUnmatchedReceiptIsDeadLettered(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	tr.GiveUp = 100 * time.Millisecond
	ctx := context.Background()
	if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, "none\xff")}); err != nil {
		t.Fatal(err)
	}
	runParked(t, tr)
	await.That(t, "a dead letter", func() bool { return msgs(t, q, "DLQ") == 1 })
	await.That(t, "PARKED is empty", func() bool { return msgs(t, q, "parked") == 0 })
	list, err := q.DeadLetters(ctx, 0, 10)
	if err != nil || len(list) != 1 || list[0].Kind != "receipt" || list[0].Reason != resultUnmatched {
		t.Fatalf("%+v, %v", list, err)
	}
	noPIN(t, string(list[0].Data))
	if n := value(t, tr.metrics.receipts.WithLabelValues("c", resultUnmatched)); n != 1 {
		t.Errorf("counted %v, want 1", n)
	}
	// A replay finds the message when its response came after all.
	if err := tr.Accepted(ctx, "c", "none\xff", Entry{OtpID: "late"}); err != nil {
		t.Fatal(err)
	}
	if err := q.Replay(ctx, list[0].Sequence); err != nil {
		t.Fatal(err)
	}
	l.wait(t)
	if got := l.reports(); got[0].OtpID != "late" {
		t.Errorf("reports %+v", got)
	}
}

func noPIN(t *testing.T, data string) {
	t.Helper()
	if strings.Contains(data, "482913") || strings.Contains(data, "Your code") {
		t.Errorf("the text was stored: %s", data)
	}
}

func TestUnparsableReceiptIsDeadLetteredWithoutText(t *testing.T) {
	q := queuetest.Open(t)
	var log strings.Builder
	tr := NewTracker(q, newLedger(), zerolog.New(&log))
	ctx := context.Background()
	in := Incoming{Link: "c", Rule: Auto, Text: "id:5 sub:001 stat:PURPLE err:000 text:Your code is 482913",
		TLVs: wire.TLVs{{Tag: 0x0424, Value: []byte("Your code is 482913")}, {Tag: wire.TagMessageState, Value: []byte{99}}}}
	if err := tr.Receipt(ctx, in); err != nil {
		t.Fatal(err)
	}
	list, err := q.DeadLetters(ctx, 0, 10)
	if err != nil || len(list) != 1 || list[0].Kind != "receipt" || list[0].Reason != resultUnparsable {
		t.Fatalf("%+v, %v", list, err)
	}
	noPIN(t, string(list[0].Data))
	noPIN(t, log.String())
	if !strings.Contains(string(list[0].Data), "stat:PURPLE") {
		t.Errorf("nothing of use to an operator in %s", list[0].Data)
	}
	if n := value(t, tr.metrics.receipts.WithLabelValues("c", resultUnparsable)); n != 1 {
		t.Errorf("counted %v, want 1", n)
	}
}

func TestReceiptThatCannotBeStoredIsAnError(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	ctx := context.Background()
	if err := tr.Accepted(ctx, "c", "77", Entry{OtpID: "o1"}); err != nil {
		t.Fatal(err)
	}
	l.fail(queue.ErrUnavailable)
	if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, "77")}); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if n := msgs(t, q, "parked"); n != 0 {
		t.Errorf("%d parked, want none", n)
	}
}

// A record that is not there may be one that is not there yet.
func TestReceiptOfARecordNotSeenYetIsKept(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	ctx := context.Background()
	if err := tr.Accepted(ctx, "c", "77", Entry{OtpID: "o1"}); err != nil {
		t.Fatal(err)
	}
	l.fail(otp.ErrNotFound)
	if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, "77")}); err != nil {
		t.Fatal(err)
	}
	if n := msgs(t, q, "parked"); n != 1 {
		t.Fatalf("%d parked, want 1", n)
	}
	l.fail(nil)
	runParked(t, tr)
	l.wait(t)
	await.That(t, "PARKED is empty", func() bool { return msgs(t, q, "parked") == 0 })
}

func TestReceiptOfARecordPastItsRetentionIsCounted(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	tr.Gone = 100 * time.Millisecond
	ctx := context.Background()
	if err := tr.Accepted(ctx, "c", "77", Entry{OtpID: "o1"}); err != nil {
		t.Fatal(err)
	}
	l.fail(otp.ErrNotFound)
	if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, "77")}); err != nil {
		t.Fatal(err)
	}
	runParked(t, tr)
	await.That(t, "PARKED is empty", func() bool { return msgs(t, q, "parked") == 0 })
	if n := value(t, tr.metrics.receipts.WithLabelValues("c", resultGone)); n != 1 {
		t.Errorf("counted %v, want 1", n)
	}
	if n := msgs(t, q, "DLQ"); n != 0 {
		t.Errorf("%d dead letters, want none", n)
	}
}

func TestParkedFullIsAnError(t *testing.T) {
	q := queuetest.Open(t, queuetest.WithBounds(queue.Bounds{Parked: queue.Bound{Msgs: 1}}))
	tr := newTracker(t, q, newLedger())
	ctx := context.Background()
	if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, "1")}); err != nil {
		t.Fatal(err)
	}
	if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, "2")}); !errors.Is(err, queue.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}

func TestRefused(t *testing.T) {
	l := newLedger()
	tr := newTracker(t, queuetest.Open(t), l)
	if err := tr.Refused(context.Background(), "c", Entry{OtpID: "o1", MessageID: "m", Part: 1, Parts: 1}, 0x0B, false); err != nil {
		t.Fatal(err)
	}
	if r := l.reports()[0]; r.Status != otp.DeliveryRejected || r.ErrorCode == nil || *r.ErrorCode != 11 || r.OtpID != "o1" {
		t.Errorf("report %+v", r)
	}
}

func TestAcceptedWithoutID(t *testing.T) {
	tr := newTracker(t, queuetest.Open(t), newLedger())
	if err := tr.Accepted(context.Background(), "c", "\x00", Entry{OtpID: "o1"}); err != nil {
		t.Errorf("got %v; the part was sent, so it is no error", err)
	}
	if n := value(t, tr.metrics.untracked.WithLabelValues("c")); n != 1 {
		t.Errorf("counted %v, want 1", n)
	}
}

func TestStatus(t *testing.T) {
	for s, want := range map[wire.MessageState]otp.DeliveryStatus{
		wire.Delivered: otp.DeliveryDelivered, wire.Rejected: otp.DeliveryRejected,
		wire.Enroute: otp.DeliverySent, wire.Accepted: otp.DeliverySent, wire.Scheduled: otp.DeliverySent,
		wire.Undeliverable: otp.DeliveryFailed, wire.Expired: otp.DeliveryFailed, wire.Deleted: otp.DeliveryFailed,
		wire.Unknown: otp.DeliveryFailed, wire.Skipped: otp.DeliveryFailed,
	} {
		if got := Status(s); got != want {
			t.Errorf("%v is %s, want %s", s, got, want)
		}
	}
}

func TestWaitGrowsToItsBound(t *testing.T) {
	tr := NewTracker(queuetest.Open(t), newLedger(), zerolog.Nop())
	for attempt, want := range map[int]time.Duration{1: 50 * time.Millisecond, 2: 100 * time.Millisecond, 5: 800 * time.Millisecond, 40: 5 * time.Minute, 1 << 20: 5 * time.Minute} {
		if got := tr.wait(attempt); got != want {
			t.Errorf("after look-up %d: %v, want %v", attempt, got, want)
		}
	}
}

func BenchmarkReceipt(b *testing.B) {
	q := queuetest.Open(b)
	l := &nobody{}
	tr := NewTracker(q, l, zerolog.Nop())
	ctx := context.Background()
	var n int
	b.ReportAllocs()
	for b.Loop() {
		n++
		id := fmt.Sprintf("%08X", n)
		if err := tr.Accepted(ctx, "c", id, Entry{OtpID: "6f9619ff-8b86-4011-b42d-00c04fc964ff", MessageID: "m", Part: 1, Parts: 1}); err != nil {
			b.Fatal(err)
		}
		if err := tr.Receipt(ctx, Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, id)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "receipts/s")
}

type nobody struct{}

func (*nobody) Report(context.Context, otp.DeliveryReport) error { return nil }

func value(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// Receipts that nobody can read, or that match nothing, take a share of the dead letters, and a line a
// minute.
func TestGarbageReceiptsPushNothingOut(t *testing.T) {
	q := queuetest.Open(t, queuetest.WithBounds(queue.Bounds{DeadLetters: queue.Bound{Msgs: 40}}))
	ctx := context.Background()
	for kind, group := range map[string]string{"callback": "shop", deadKind: "good"} {
		if err := q.DeadLetter(ctx, queue.DeadLetter{Kind: kind, Group: group, Subject: "parked.x", Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	tr := NewTracker(q, newLedger(), zerolog.New(&log))
	for range 60 {
		if err := tr.Receipt(ctx, Incoming{Link: "hostile", Rule: Auto, Text: "stat:DELIVRD"}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := q.DeadLetters(ctx, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	kept := make(map[string]int)
	for _, d := range all {
		kept[d.Kind+" "+d.Group]++
	}
	if kept["callback shop"] != 1 || kept["receipt good"] != 1 || kept["receipt hostile"] != 10 {
		t.Errorf("kept %v", kept)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines in the log, want 1: %s", n, log.String())
	}
	now := time.Now().Add(quietlog.Between)
	tr.Now = func() time.Time { return now }
	if err := tr.Receipt(ctx, Incoming{Link: "hostile", Rule: Auto, Text: "stat:DELIVRD"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), `"count":60`) {
		t.Errorf("the next line does not count the 60 since: %s", log.String())
	}
}

// A receipt is given up by the pauses that the store measured, not by what two machines say the time is.
func TestAgeIsNotByTwoClocks(t *testing.T) {
	q := queuetest.Open(t)
	l := newLedger()
	tr := newTracker(t, q, l)
	tr.Now = func() time.Time { return time.Now().Add(24 * time.Hour) } // this machine is a day ahead
	looked := make(chan struct{})
	tr.index = NewIndex(&watched{Bucket: q.Receipts(), looked: looked, after: 3})
	ctx := context.Background()
	in := Incoming{Link: "c", Rule: Auto, Text: fmt.Sprintf(delivered, "AB12"), Received: time.Now()}
	if err := tr.Receipt(ctx, in); err != nil {
		t.Fatal(err)
	}
	runParked(t, tr)
	select {
	case <-looked: // and was not given up
	case <-time.After(10 * time.Second):
		t.Fatal("not looked up again")
	}
	if err := tr.Accepted(ctx, "c", "AB12", Entry{OtpID: "o1"}); err != nil {
		t.Fatal(err)
	}
	l.wait(t)
	if n := msgs(t, q, "DLQ"); n != 0 {
		t.Errorf("%d dead letters, want none", n)
	}
	back := NewTracker(q, newLedger(), zerolog.Nop())
	for attempt, want := range map[int]time.Duration{1: 0, 2: 50 * time.Millisecond, 6: 1550 * time.Millisecond, 1 << 30: back.GiveUp} {
		if got := back.age(attempt); got != want && !(attempt == 1<<30 && got >= want) {
			t.Errorf("at look-up %d: age %v, want %v", attempt, got, want)
		}
	}
}

// watched is a bucket that says when it was read a number of times.
type watched struct {
	Bucket
	looked chan struct{}
	after  int64
	reads  atomic.Int64
}

func (w *watched) Get(ctx context.Context, key string) (queue.Entry, error) {
	if w.reads.Add(1) == w.after {
		close(w.looked)
	}
	return w.Bucket.Get(ctx, key)
}
