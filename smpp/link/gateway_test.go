package link_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/pin"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/seal"
	"github.com/otpgw/otpgw/smpp/link"
)

// gateway is all of otpgw but its HTTP: a store, OTPs, the tracker of receipts, and links with the daemon's
// adapter between.
type gateway struct {
	q       *queue.Queue
	service *otp.Service
	tracker *dlr.Tracker
	box     *seal.Box
	app     *otp.App
	metrics *link.Metrics
	seen    *prometheus.Registry // what metrics are in
	ordered atomic.Int64

	mu     sync.Mutex
	routes map[string]string // by number; the default otherwise
	rules  map[string]dlr.IDMatch
}

func newGateway(t testing.TB, opts ...queuetest.Option) *gateway {
	t.Helper()
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{q: queuetest.Open(t, opts...), box: box, routes: make(map[string]string), rules: make(map[string]dlr.IDMatch)}
	g.service = &otp.Service{Queue: g.q, Box: box, Log: zerolog.Nop(), Route: g.route,
		Measure: func(string, string) (int, string) { return 1, "GSM7" }}
	g.app = &otp.App{Name: "demo", Senders: []string{"Verify"}, From: "Verify", Template: "Code {{pin}}", TTL: 10 * time.Minute,
		MaxAttempts: 5, PINType: pin.Numbers, PINLength: 6}
	g.seen = prometheus.NewRegistry()
	g.metrics = link.NewMetrics(g.seen)
	g.tracker = dlr.NewTracker(g.q, g.service, zerolog.Nop())
	g.tracker.Whole = g.service.CarrierHas
	g.parked(t, g.tracker)
	return g
}

// parked runs a tracker's second look at receipts until the test ends.
func (g *gateway) parked(t testing.TB, tracker *dlr.Tracker) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tracker.RunParked(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func (g *gateway) route(t otp.Traffic) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r, ok := g.routes[t.To]; ok {
		return r, nil
	}
	return queuetest.Route, nil
}

// adapter is cmd/otpgw's sink: what is no receipt is a message of a handset.
type adapter struct {
	tracker *dlr.Tracker
	service *otp.Service
	rule    dlr.IDMatch
	cfg     link.Config
}

func entry(m *queue.Outbound, part, parts int) dlr.Entry {
	return dlr.Entry{OtpID: m.Ref, MessageID: m.ID, To: m.To, From: m.From, Part: part, Parts: parts}
}

func (s adapter) Accepted(ctx context.Context, a link.Accepted) error {
	return s.tracker.Accepted(ctx, a.Link, a.MessageID, entry(a.Message, a.Part, a.Parts))
}

func (s adapter) HandedOver(tx *queue.Tx, h link.HandedOver) (stored func()) {
	ids := make([]dlr.Given, len(h.Parts))
	for i, a := range h.Parts {
		ids[i] = dlr.Given{MessageID: a.MessageID, Entry: entry(a.Message, a.Part, a.Parts)}
	}
	s.service.HandedOver(tx, otp.HandedOver{MessageID: h.Message.ID, Link: h.Link, Expires: h.Message.Expires, Sent: h.Sent, IDs: h.IDs})
	return s.tracker.AddAccepted(tx, h.Link, ids)
}

func (s adapter) Refused(ctx context.Context, r link.Refused) error {
	return s.tracker.Refused(ctx, r.Link, entry(r.Message, r.Part, r.Parts), uint32(r.Status), r.Silent())
}

func (s adapter) Past(ctx context.Context, m *queue.Outbound) (link.Past, error) {
	state, err := s.service.Sending(ctx, m.Ref, m.ID)
	return link.Past(state), err
}

// Unanswered has the receipts of the try found before it counts it: one may have come already.
func (s adapter) Unanswered(ctx context.Context, u link.Unanswered) (link.Past, error) {
	heard, err := s.tracker.Unanswered(ctx, dlr.Try{Link: u.Link, Entry: entry(u.Message, 0, u.Of), Parts: u.Parts, Sent: u.Sent, Until: u.Message.Expires})
	if err != nil {
		return link.Past{}, err
	}
	state, err := s.service.Unanswered(ctx, try(u))
	state.Over = state.Over || heard
	return link.Past(state), err
}

func (s adapter) Answered(ctx context.Context, u link.Unanswered) error {
	return s.service.Answered(ctx, try(u))
}

func try(u link.Unanswered) otp.Try {
	return otp.Try{OtpID: u.Message.Ref, MessageID: u.Message.ID, At: u.Sent, Dropped: u.Dropped}
}

func (s adapter) Deliver(ctx context.Context, in link.Incoming) error {
	if !in.Receipt {
		return nil
	}
	return s.tracker.Receipt(ctx, dlr.Incoming{Link: in.Link, Rule: s.rule, Text: in.Text, TLVs: in.TLVs,
		From: in.From, To: in.To, Received: in.Received, AnyNumber: s.cfg.ReceiptNumber == "any", Parts: dlr.PartReceipts(s.cfg.PartReceipts)})
}

// start runs a link of the gateway until the test ends. It may be told of another tracker: that of another
// daemon.
func (g *gateway) start(t testing.TB, cfg link.Config, tracker *dlr.Tracker) *link.Link {
	t.Helper()
	l := g.link(t, cfg, tracker)
	g.run(t, l)
	return l
}

func (g *gateway) link(t testing.TB, cfg link.Config, tracker *dlr.Tracker) *link.Link {
	t.Helper()
	rule := cmp.Or(dlr.IDMatch(cfg.MessageID), dlr.Auto)
	if tracker == nil {
		tracker = g.tracker
	}
	return link.New(cfg, link.Deps{
		Queue: g.q, Sink: adapter{tracker, g.service, rule, cfg}, Log: zerolog.Nop(), Metrics: g.metrics,
		Open: func(m *queue.Outbound) (string, error) {
			plain, err := g.box.Open(m.Text, queue.TextContext(m.Ref))
			return string(plain), err
		},
	})
}

func (g *gateway) run(t testing.TB, l *link.Link) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Run(ctx)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

// order asks for an OTP over a route and returns its id.
// order asks for an OTP as a client does that is told to come again, when the disk of the tests stands still:
// again, and under a key, so that there is one in any case.
func (g *gateway) order(t testing.TB, route string) string {
	t.Helper()
	number := g.number(route)
	body := []byte(`{"phoneNumber":"` + number + `"}`)
	n, err := g.service.ParseNewOtp(body, g.app)
	if err != nil {
		t.Fatal(err)
	}
	var o otp.Otp
	await.Within(await.Patience, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		o, _, err = g.service.CreateOnce(ctx, g.app, number, body, n)
		var again *otp.Error
		return !errors.As(err, &again) || again.Code != otp.CodeUnavailable && again.Code != otp.CodeDuplicateID
	})
	if err != nil {
		t.Fatal(err)
	}
	return o.OtpID
}

// number is the next one, whose messages go over a route; an empty one is the default.
func (g *gateway) number(route string) string {
	number := fmt.Sprintf("+49176%08d", 10000000+g.ordered.Add(1))
	if route != "" {
		g.mu.Lock()
		g.routes[number] = route
		g.mu.Unlock()
	}
	return number
}

// tryOrder asks once.
func (g *gateway) tryOrder() (string, error) {
	n, err := g.service.ParseNewOtp([]byte(`{"phoneNumber":"`+g.number("")+`"}`), g.app)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	o, err := g.service.Create(ctx, g.app, n)
	return o.OtpID, err
}

func (g *gateway) delivery(t testing.TB, id string) otp.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	o, err := g.service.Get(ctx, g.app, id)
	if err != nil {
		t.Fatal(err)
	}
	return o.Delivery
}

// want waits until the delivery of an OTP has come to a status.
func (g *gateway) want(t testing.TB, id string, status otp.DeliveryStatus) otp.Delivery {
	t.Helper()
	var d otp.Delivery
	await.Within(await.Patience, func() bool {
		d = g.delivery(t, id)
		return d.Status == status || d.Status.Final()
	})
	if d.Status != status {
		t.Fatalf("delivery is %s, want %s", d.Status, status)
	}
	return d
}

// deadLetters counts the receipts that were given up.
func (g *gateway) deadLetters(t testing.TB) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	all, err := g.q.DeadLetters(ctx, 0, 1000)
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		t.Fatal(err)
	}
	return len(all)
}

// counter is the sum of a counter's values.
func (g *gateway) counter(t testing.TB, name string) (sum float64) {
	t.Helper()
	families, err := g.seen.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
