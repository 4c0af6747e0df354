package otp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/seal"
	"github.com/otpgw/otpgw/smpp/text"
)

// clock is real time moved by hand.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// measure is a stand-in for smpp/text: ASCII is GSM, all else UCS-2.
func measure(_, s string) (int, string) {
	units, single, part, encoding := len(s), 160, 153, "GSM7"
	if strings.ContainsFunc(s, func(r rune) bool { return r > 127 }) {
		units, single, part, encoding = len([]rune(s)), 70, 67, "UCS2"
	}
	if units <= single {
		return 1, encoding
	}
	return (units + part - 1) / part, encoding
}

func testApp() *App {
	return &App{Name: "demo", Senders: []string{"Verify", "Other"}, From: "Verify", Template: "Your verification code is {{pin}}",
		TTL: 300 * time.Second, MaxAttempts: 5, PINType: pin.Numbers, PINLength: 6, CallbackURL: "https://callback.example/otp"}
}

// bench is a service on a store, and its clock.
type bench struct {
	*Service
	clock *clock
	app   *App
}

func newBench(t testing.TB, opts ...queuetest.Option) *bench {
	t.Helper()
	return newBenchOn(t, queuetest.Open(t, opts...))
}

func newBenchOn(t testing.TB, q *queue.Queue) *bench {
	t.Helper()
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	c := new(clock)
	return &bench{app: testApp(), clock: c, Service: &Service{Queue: q, Box: box, Measure: measure, Now: c.Now, Log: zerolog.Nop(),
		Route: noRouteTo1, SenderRule: text.SenderProblem}}
}

func (b *bench) create(t testing.TB, body string) Otp {
	t.Helper()
	n, err := b.ParseNewOtp([]byte(body), b.app)
	if err != nil {
		t.Fatalf("parse %s: %v", body, err)
	}
	o, err := b.Create(context.Background(), b.app, n)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return o
}

const french = `{"phoneNumber":"+33612345678"}`

func (b *bench) record(t testing.TB, id string) *Record {
	t.Helper()
	r, _, err := b.load(context.Background(), id, "")
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return r
}

// put replaces a record.
func (b *bench) put(t testing.TB, r *Record) {
	t.Helper()
	data, err := r.encode()
	if err == nil {
		_, err = b.Queue.Records().Put(context.Background(), r.ID, data, b.ttl(r, b.now()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) pin(t testing.TB, id string) string {
	t.Helper()
	pin, err := b.Box.Open(b.record(t, id).PIN, pinContext(id))
	if err != nil {
		t.Fatal(err)
	}
	return string(pin)
}

// wrong is a PIN of the same form as the right one, and not it.
func wrong(pin string) string {
	last := pin[len(pin)-1]
	return pin[:len(pin)-1] + string('2'+(last-'2'+1)%8)
}

func (b *bench) verify(id, code string) error {
	return b.Verify(context.Background(), b.app, id, pin.Guess{Text: code})
}

// codeOf is the code of an error: 0 for nil, -1 for one that has none.
func codeOf(err error) Code {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return -1
}

func wantCode(t testing.TB, what string, err error, want Code) {
	t.Helper()
	if got := codeOf(err); got != want {
		t.Errorf("%s: code %d (%v), want %d", what, got, err, want)
	}
}

// events takes n events off the queue; it fails when they do not come.
func (b *bench) events(t testing.TB, n int) []Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, err := b.Queue.Events().Pull(ctx, queue.PullOptions{Max: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	var list []Event
	for range n {
		d, err := p.Next(ctx)
		if err != nil {
			t.Fatalf("event %d of %d: %v", len(list)+1, n, err)
		}
		var e Event
		if err := json.Unmarshal(d.Data, &e); err != nil {
			t.Fatal(err)
		}
		if err := d.Ack(ctx); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// stored is how much a stream, a bucket or a work queue has.
func (b *bench) stored(t testing.TB, stream string) int {
	t.Helper()
	return int(b.stats(t, stream).Msgs)
}

func (b *bench) octets(t testing.TB, stream string) int {
	t.Helper()
	return int(b.stats(t, stream).Bytes)
}

func (b *bench) stats(t testing.TB, stream string) queue.StreamStats {
	t.Helper()
	stats, err := b.Queue.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(stats.Streams, func(s queue.StreamStats) bool { return s.Name == stream })
	if i < 0 {
		t.Fatalf("no stream %s", stream)
	}
	return stats.Streams[i]
}

func (b *bench) noEvent(t testing.TB, id string) {
	t.Helper()
	for n := 1; n <= 9; n++ {
		if b.Queue.Events().Stored(EventKey(id, n)) {
			t.Errorf("event %d of %s is stored", n, id)
		}
	}
}

func (e Event) otp(t testing.TB) Otp {
	t.Helper()
	var o Otp
	if err := json.Unmarshal(e.Item, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func intp(n int) *int { return &n }

func sprint(v any) string { return fmt.Sprintf("%+v", v) }

// noRouteTo1 is a choice of routes that has none to the numbers of North America.
func noRouteTo1(t Traffic) (string, error) {
	if strings.HasPrefix(t.To, "+1") {
		return "", ErrNoRoute
	}
	return queuetest.Route, nil
}
