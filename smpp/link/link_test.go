package link_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a Sink that keeps what it is told and can refuse to store.
type recorder struct {
	accepted chan link.Accepted
	refused  chan link.Refused
	incoming chan link.Incoming

	mu   sync.Mutex
	fail int                  // Deliver fails this many times
	past map[string]link.Past // by message
	last map[string]time.Time // the try that was counted last
}

func newRecorder() *recorder {
	return &recorder{accepted: make(chan link.Accepted, 10000), refused: make(chan link.Refused, 100), incoming: make(chan link.Incoming, 10000),
		past: make(map[string]link.Past), last: make(map[string]time.Time)}
}

func (r *recorder) Accepted(_ context.Context, a link.Accepted) error { r.accepted <- a; return nil }
func (r *recorder) Refused(_ context.Context, a link.Refused) error   { r.refused <- a; return nil }

func (r *recorder) HandedOver(_ *queue.Tx, h link.HandedOver) (stored func()) {
	return func() {
		for _, a := range h.Parts {
			r.accepted <- a
		}
	}
}

func (r *recorder) Past(_ context.Context, m *queue.Outbound) (link.Past, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.past[m.ID], nil
}

func (r *recorder) Unanswered(_ context.Context, u link.Unanswered) (link.Past, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.past[u.Message.ID]
	if !r.last[u.Message.ID].Equal(u.Sent) {
		p.Unanswered++
	}
	if u.Dropped {
		p.Dropped++
	}
	r.past[u.Message.ID], r.last[u.Message.ID] = p, u.Sent
	return p, nil
}

func (r *recorder) Answered(_ context.Context, u link.Unanswered) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.past[u.Message.ID]
	p.Unanswered--
	r.past[u.Message.ID] = p
	return nil
}

func (r *recorder) Deliver(_ context.Context, in link.Incoming) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail > 0 {
		r.fail--
		return errors.New("the store is away")
	}
	r.incoming <- in
	return nil
}

// rig is a queue, an SMSC and what a link needs of them.
type rig struct {
	t    *testing.T
	q    *queue.Queue
	smsc *smsc.Server
	sink *recorder
	n    int

	metrics *link.Metrics // of the links started; nil: each its own
}

func newRig(t *testing.T, cfg smsc.Config) *rig {
	t.Helper()
	cfg.Accounts = map[string]string{"acc": "secret"}
	s, err := smsc.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(ctx(t)); err != nil {
			t.Errorf("closing the SMSC: %v", err)
		}
	})
	return &rig{t: t, q: queuetest.Open(t), smsc: s, sink: newRecorder()}
}

func ctx(t testing.TB) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return c
}

// config is a link to the rig's SMSC.
func (r *rig) config(change func(*link.Config)) link.Config {
	cfg := link.Config{
		Name: "carrier", Addr: r.smsc.Addr(), SystemID: "acc", Password: "secret", Bind: link.BindTransceiver, Binds: 1, Window: 10,
		EnquireLink: 30 * time.Second, ResponseTimeout: 5 * time.Second, TimeoutResends: 1, Routes: []link.Route{{Name: queuetest.Route}},
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// start runs a link until the test ends, or until the returned function is called.
func (r *rig) start(cfg link.Config) (*link.Link, func()) {
	l := r.link(cfg)
	return l, r.run(l)
}

// link makes a link; run runs it.
func (r *rig) link(cfg link.Config) *link.Link { return r.linkTo(cfg, r.sink) }

func (r *rig) linkTo(cfg link.Config, sink link.Sink) *link.Link {
	metrics := r.metrics
	if metrics == nil {
		metrics = link.NewMetrics(prometheus.NewRegistry())
	}
	return link.New(cfg, link.Deps{
		Queue: r.q, Sink: sink, Log: zerolog.New(zerolog.NewTestWriter(r.t)).Level(zerolog.InfoLevel),
		Open:    func(m *queue.Outbound) (string, error) { return string(m.Text), nil },
		Metrics: metrics,
	})
}

func (r *rig) run(l *link.Link) (stop func()) {
	run, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Run(run)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	r.t.Cleanup(stop)
	return stop
}

// put queues a message and returns its id.
func (r *rig) put(to, text string) string {
	r.t.Helper()
	return r.publish(to, text, func(m *queue.Outbound) { m.Expires = m.Created.Add(2 * time.Minute) })
}

func (r *rig) publish(to, text string, change func(*queue.Outbound)) string {
	r.t.Helper()
	r.n++
	id := fmt.Sprint("msg", r.n)
	m := queue.Outbound{ID: id, Ref: "otp-" + id, Route: queuetest.Route, From: "Verify", To: to, Text: []byte(text), Created: time.Now()}
	change(&m)
	err := r.q.PublishSMS(ctx(r.t), m)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r *rig) wait(to string) smsc.Message {
	r.t.Helper()
	m, err := r.smsc.Wait(ctx(r.t), to)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func next[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// drained waits until the queue holds nothing any more: every message was acknowledged.
func (r *rig) drained() {
	r.t.Helper()
	left := uint64(0)
	if !await.Within(await.Patience, func() bool {
		stats, err := r.q.Stats(ctx(r.t))
		if err != nil {
			r.t.Fatal(err)
		}
		left = 0
		for _, s := range stats.Streams {
			if s.Name == "sms.default" {
				left = s.Msgs
			}
		}
		return left == 0
	}) {
		r.t.Fatalf("%d messages are still queued", left)
	}
}

func TestMessageGoesOutAndReceiptComesIn(t *testing.T) {
	r := newRig(t, smsc.Config{})
	id := r.put("+46700000001", "Your code is 123456")
	r.start(r.config(nil))
	m := r.wait("46700000001")
	if m.Text != "Your code is 123456" || m.From != "Verify" || m.Parts != 1 {
		t.Errorf("arrived: %+v", m)
	}
	a := next(t, r.sink.accepted)
	if a.Message.ID != id || a.MessageID != m.MessageIDs[0] || a.Part != 1 || a.Parts != 1 || a.Link != "carrier" {
		t.Errorf("accepted: %+v", a)
	}
	in := next(t, r.sink.incoming)
	if !in.Receipt || !strings.Contains(in.Text, "stat:DELIVRD") || string(receiptedID(in)) != m.MessageIDs[0] {
		t.Errorf("receipt: %+v", in)
	}
	r.drained()
}

func TestSubmitFields(t *testing.T) {
	seen := make(chan *wire.Message, 1)
	r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome { seen <- s.PDU; return smsc.Outcome{} }})
	r.put("+359888123456", "code")
	r.start(r.config(func(c *link.Config) { c.TLVs = []link.TLV{{Tag: 0x1400, Value: []byte("1201")}} }))
	m := next(t, seen)
	if want := (wire.Address{TON: 5, NPI: 0, Addr: "Verify"}); m.Source != want {
		t.Errorf("source %+v", m.Source)
	}
	if want := (wire.Address{TON: 1, NPI: 1, Addr: "359888123456"}); m.Dest != want {
		t.Errorf("destination %+v", m.Dest)
	}
	if v, _ := m.TLVs.Get(0x1400); string(v) != "1201" {
		t.Errorf("TLVs %+v", m.TLVs)
	}
	if m.RegisteredDelivery != 1 || m.Validity < "000000000150000R" || m.Validity > "000000000200000R" {
		t.Errorf("registered_delivery %d, validity_period %s", m.RegisteredDelivery, m.Validity)
	}
}

func TestLongMessageIsOneMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	text := strings.Repeat("Вашият код е 123456 😀. ", 12)
	r.put("+359888123456", text)
	r.start(r.config(nil))
	if m := r.wait("359888123456"); m.Text != text || m.Parts < 4 {
		t.Errorf("%d parts, %d characters of %d", m.Parts, len(m.Text), len(text))
	} else {
		parts := make(map[int]string)
		for range m.Parts {
			a := next(t, r.sink.accepted)
			parts[a.Part] = a.MessageID
		}
		for i, id := range m.MessageIDs {
			if parts[i+1] != id {
				t.Errorf("part %d was told as %q, it is %q", i+1, parts[i+1], id)
			}
		}
	}
	r.drained()
}

func TestAnswersOfTheSMSC(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		first   smsc.Outcome // of the first submit; the second is taken
		refused wire.Status  // not zero: the first answer ends the message
	}{
		{"throttled", smsc.Outcome{Status: wire.StatusThrottled}, 0},
		{"queue full", smsc.Outcome{Status: wire.StatusMsgQFul}, 0},
		{"system error", smsc.Outcome{Status: wire.StatusSysErr}, 0},
		{"connection dropped", smsc.Outcome{Status: wire.StatusSysErr, Drop: true}, 0},
		{"no answer", smsc.Outcome{Status: wire.StatusSysErr, NoAnswer: true}, 0},
		{"wrong bind status", smsc.Outcome{Status: wire.StatusInvBindSts}, 0},
		{"invalid destination", smsc.Outcome{Status: wire.StatusInvDstAdr}, wire.StatusInvDstAdr},
		{"vendor status", smsc.Outcome{Status: 0x450}, 0x450},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			var mu sync.Mutex
			submits := 0
			r := newRig(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome {
				mu.Lock()
				defer mu.Unlock()
				if submits++; submits == 1 {
					return c.first
				}
				return smsc.Outcome{}
			}})
			id := r.put("+46700000001", "code")
			r.start(r.config(func(c *link.Config) { c.ResponseTimeout = 500 * time.Millisecond }))
			if c.refused == 0 {
				if a := next(t, r.sink.accepted); a.Message.ID != id {
					t.Errorf("accepted %s", a.Message.ID)
				}
			} else if x := next(t, r.sink.refused); x.Message.ID != id || x.Status != c.refused {
				t.Errorf("refused %s: %s", x.Message.ID, x.Status)
			}
			r.drained()
		})
	}
}

// TestReceiptNotStoredIsNotAcknowledged: the SMSC has to send it again.
func TestReceiptNotStoredIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{ReceiptRetry: 10 * time.Millisecond})
	r.sink.fail = 2
	r.put("+46700000001", "code")
	r.start(r.config(nil))
	m := r.wait("46700000001")
	next(t, r.sink.incoming)
	await.That(t, "the receipt is answered at the third try", func() bool {
		got := r.smsc.Messages(smsc.Filter{To: m.To})[0].Receipts
		return len(got) == 1 && got[0].Status == smsc.ReceiptAnswered && got[0].Attempts == 3
	})
}

func TestSplitBindsTakeReceiptsOnTheReceiver(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	r.put("+46700000001", "code")
	l, _ := r.start(r.config(func(c *link.Config) { c.Bind = link.BindSplit; c.Binds = 2 }))
	if m := r.wait("46700000001"); m.Bind != smsc.Transmitter {
		t.Errorf("submitted on a %s", m.Bind)
	}
	if in := next(t, r.sink.incoming); !in.Receipt {
		t.Errorf("incoming: %+v", in)
	}
	if n := len(l.Status()); n != 4 {
		t.Errorf("%d binds", n)
	}
}

// TestShutdownDrainsTheWindow: what is in flight gets its answer before the unbind; nothing is sent twice.
func TestShutdownDrainsTheWindow(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 100)
	r := newRig(t, smsc.Config{OnSubmit: func(smsc.SubmitInfo) smsc.Outcome {
		arrived <- struct{}{}
		return smsc.Outcome{Delay: 200 * time.Millisecond}
	}})
	for range 5 {
		r.put("+46700000001", "code")
	}
	_, stop := r.start(r.config(nil))
	for range 5 {
		next(t, arrived)
	}
	stop()
	if n := len(r.sink.accepted); n != 5 {
		t.Errorf("%d of 5 in flight were settled before the end", n)
	}
	r.drained()
	if n := len(r.smsc.Messages(smsc.Filter{})); n != 5 {
		t.Errorf("%d messages at the SMSC", n)
	}
}

func TestWrongPasswordStopsTheHammering(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	l, stop := r.start(r.config(func(c *link.Config) { c.Password = "wrong" }))
	await.That(t, "the bind is refused", func() bool { return l.Status()[0].State == "refused" })
	if st := l.Status()[0]; !strings.Contains(st.Error, "ESME_RINVPASWD") || l.Up() {
		t.Errorf("status %+v", st)
	}
	began := time.Now()
	stop() // also while it waits a minute
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("stopping took %s", d)
	}
}

func TestBackupTakesOverAndGivesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	second, err := smsc.Start(smsc.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Close(ctx(t)) })
	r.start(r.config(func(c *link.Config) {
		c.Name, c.Addr, c.Routes = "backup", second.Addr(), []link.Route{{Name: queuetest.Route, Priority: 5}}
	}))
	_, stopPrimary := r.start(r.config(nil))
	waitUp := func(srv *smsc.Server, to string) {
		t.Helper()
		r.put("+"+to, "code")
		if _, err := srv.Wait(ctx(t), to); err != nil {
			t.Fatalf("%s: %v", to, err)
		}
	}
	// Until the primary's pull is there the backup may serve: send until the primary does.
	deadline := time.Now().Add(15 * time.Second)
	for i := 0; len(r.smsc.Messages(smsc.Filter{})) == 0; i++ {
		if time.Now().After(deadline) {
			t.Fatal("the primary sends nothing")
		}
		r.put("+46700000001", "code")
		next(t, r.sink.accepted)
	}
	before := len(second.Messages(smsc.Filter{}))
	for range 20 {
		waitUp(r.smsc, "46700000002")
	}
	if n := len(second.Messages(smsc.Filter{})); n != before {
		t.Errorf("the backup sent %d messages while the primary was bound", n-before)
	}
	stopPrimary()
	waitUp(second, "46700000003")
}

func TestRate(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	r.start(r.config(func(c *link.Config) { c.TPS = 20; c.Binds = 2 }))
	for range 31 {
		r.put("+46700000001", "code")
	}
	var first, last time.Time
	for i := range 31 {
		m := r.wait("46700000001")
		if i == 0 {
			first = m.Time
		}
		last = m.Time
	}
	if d := last.Sub(first); d < 1300*time.Millisecond { // 30 intervals of 50 ms, less the burst of two
		t.Errorf("31 parts in %s at 20 parts per second", d)
	}
}

// receiptedID is the message id that the TLVs of a receipt have.
func receiptedID(in link.Incoming) []byte {
	v, _ := in.TLVs.Get(wire.TagReceiptedMessageID)
	return bytes.TrimRight(v, "\x00")
}
