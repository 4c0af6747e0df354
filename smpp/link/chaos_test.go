package link_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/queuetest/standstill"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

const (
	chaosSize   = 1000 // OTPs; `make chaos` sends 20,000
	chaosTPS    = 1000 // with it, the link need not find out how fast it may be, which takes half a minute here
	chaosWindow = 50

	chaosTimeout = 5 * time.Second // of an answer
)

// chaos decides what the SMSC does with each submit, by its number.
type chaos struct {
	mu                                    sync.Mutex
	submits, drops, throttled, unanswered int
	silent                                int            // of the unanswered: the receipt comes too late to tell that it was taken
	twice                                 int            // receipts sent twice
	taken                                 map[string]int // by number
}

func (c *chaos) onSubmit(s smsc.SubmitInfo) smsc.Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.submits++
	n := c.submits
	o := smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Delivered, Early: true}}}
	switch {
	case n%50 == 25:
		c.throttled++
		return smsc.Outcome{Status: wire.StatusThrottled}
	case n%500 == 0:
		c.drops++
		o.Drop = true // it is taken all the same: the worst that a drop can do
	case n%1000 == 310:
		c.unanswered++
		o.NoAnswer = true        // and taken
		if c.unanswered%2 == 1 { // every second receipt comes early, and is answer enough
			c.silent++
			o.Receipts = []smsc.Receipt{{State: smsc.Delivered, Delay: 2 * chaosTimeout}}
		}
	}
	c.taken[s.To]++
	if n%100 == 60 {
		c.twice++
		o.Receipts = append(o.Receipts, smsc.Receipt{State: smsc.Delivered})
	}
	return o
}

// TestChaos sends OTPs over an SMSC that drops the connection every 500 submits, throttles every 50th, never
// answers every 1,000th, sends nearly each receipt before its response, and every 100th receipt twice. Every
// OTP ends DELIVERED; what was sent twice is what nobody could know the fate of: the windows of the dropped
// connections, and the unanswered whose receipt is late.
func TestChaos(t *testing.T) {
	t.Parallel()
	size, tps := chaosSize, chaosTPS
	if v := os.Getenv("OTPGW_TEST_CHAOS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("OTPGW_TEST_CHAOS: %v", err)
		}
		size, tps = n, 0
	}
	c := &chaos{taken: make(map[string]int)}
	srv, err := smsc.Start(smsc.Config{Accounts: map[string]string{"acc": "secret"}, OnSubmit: c.onSubmit, Keep: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(ctx(t)); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closing the SMSC: %v", err)
		}
	})
	g := newGateway(t)
	g.app.TTL = 30 * time.Minute
	began := time.Now()
	g.start(t, link.Config{Name: "carrier", Addr: srv.Addr(), SystemID: "acc", Password: "secret", Bind: link.BindTransceiver, Binds: 2, TPS: tps,
		Window: chaosWindow, EnquireLink: 30 * time.Second, ResponseTimeout: chaosTimeout, TimeoutResends: 3, Routes: []link.Route{{Name: "default"}}}, nil)
	g.wantAllDelivered(t, g.orderMany(t, size), 3*time.Minute+time.Duration(size)*50*time.Millisecond)

	c.mu.Lock()
	defer c.mu.Unlock()
	duplicates, copies := 0, make(map[int]int)
	for _, n := range c.taken {
		duplicates += n - 1
		copies[n]++
	}
	t.Logf("%d OTPs in %s: %d submits, %d drops, %d throttled, %d unanswered, %d receipts twice; %d sent twice, %d allowed", size,
		time.Since(began).Round(time.Millisecond), c.submits, c.drops, c.throttled, c.unanswered, c.twice, duplicates, chaosWindow*c.drops+c.unanswered)
	t.Logf("messages by copies at the SMSC: %v", copies)
	if len(c.taken) != size {
		t.Errorf("the SMSC took messages for %d numbers, want %d", len(c.taken), size)
	}
	if c.drops < size/500 || c.unanswered < size/1000 || c.throttled < size/50 || c.twice < size/200 {
		t.Errorf("not much of a chaos")
	}
	if allowed := chaosWindow*c.drops + c.unanswered; duplicates > allowed {
		t.Errorf("%d messages were sent twice, at most %d are allowed", duplicates, allowed)
	}
	if duplicates < c.silent { // each was taken, and sent again
		t.Errorf("%d duplicates cannot be with %d of which nothing was heard: they are not counted right", duplicates, c.silent)
	}
}

// orderMany asks for n OTPs, several at once.
func (g *gateway) orderMany(t *testing.T, n int) []string {
	t.Helper()
	ids := make([]string, n)
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := worker; i < n; i += 16 {
				id, err := g.tryOrder()
				if err != nil {
					t.Errorf("OTP %d: %v", i, err)
					return
				}
				ids[i] = id
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return ids
}

// wantAllDelivered waits until every OTP is DELIVERED.
func (g *gateway) wantAllDelivered(t *testing.T, ids []string, most time.Duration) {
	t.Helper()
	if !await.Within(most, func() bool {
		ids = slices.DeleteFunc(ids, func(id string) bool {
			d := g.delivery(t, id)
			if d.Status != otp.DeliveryDelivered && d.Status.Final() {
				t.Fatalf("an OTP ended %s", d.Status)
			}
			return d.Status == otp.DeliveryDelivered
		})
		return len(ids) == 0
	}) {
		t.Fatalf("%d of the OTPs are not delivered after %s", len(ids), most)
	}
}

// TestReconnectsSoonAfterWork: a bind over which messages went is new trouble when it drops, however often it
// does; the wait grows only while nothing works.
func TestReconnectsSoonAfterWork(t *testing.T) {
	t.Parallel()
	stood := standstill.Watch(t)
	g, c := newGateway(t), newCarrier(t)
	g.start(t, c.config("carrier", nil), nil)
	began := time.Now()
	const cycles = 6
	for i := range cycles {
		s := next(t, c.binds)
		id := g.order(t, "")
		f, to := s.submit()
		s.take(f, "R"+strconv.Itoa(i))
		s.receipt(to, "id:R"+strconv.Itoa(i)+" stat:DELIVRD")
		g.want(t, id, otp.DeliveryDelivered)
		s.c.Close()
		<-s.gone
	}
	if took := time.Since(began); took > cycles*(time.Second+stood()) { // at most 750 ms each; growing waits would be 17 s together
		t.Errorf("%d drops took %s", cycles, took)
	}
}
