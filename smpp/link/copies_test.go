package link_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/wire"
)

const briefly = 300 * time.Millisecond // a response timeout that a test can wait for

// submits counts the submit_sm that come until the delivery of an OTP is final, and what it is.
func (s scene) submitsUntil(t *testing.T, id string) (n int, d otp.Delivery) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case <-s.submits:
			n++
		case <-time.After(20 * time.Millisecond):
			if d = s.delivery(t, id); d.Status.Final() && len(s.submits) == 0 {
				return n, d
			}
		case <-deadline:
			t.Fatalf("%d submits, delivery %+v", n, s.delivery(t, id))
		}
	}
}

// TestSilentCarrierGetsNoMoreCopiesThanAllowed: a carrier that takes messages and says nothing gets one SMS
// and as many more as TIMEOUT_RESENDS says; then the end is told, with what it is and how often it went out.
func TestSilentCarrierGetsNoMoreCopiesThanAllowed(t *testing.T) {
	t.Parallel()
	for resends := range 3 {
		t.Run(string(rune('0'+resends)), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, func(c *link.Config) { c.TimeoutResends, c.ResponseTimeout = resends, briefly })
			id := s.order(t, "")
			n, d := s.submitsUntil(t, id)
			if n != 1+resends || d.Status != otp.DeliveryRejected || d.ErrorCode == nil || *d.ErrorCode != 408 || !d.Assumed || d.Unanswered != n {
				t.Errorf("%d copies, then %+v", n, d)
			}
			if copies := s.counter(t, "otpgw_smpp_copies_total"); copies != float64(resends) {
				t.Errorf("%v copies counted", copies)
			}
		})
	}
}

// TestCopyGoesOverTheOtherLink: the second try is another carrier's, and when that one takes the message all
// is well.
func TestCopyGoesOverTheOtherLink(t *testing.T) {
	t.Parallel()
	g, first, second := newGateway(t), newCarrier(t), newCarrier(t)
	links := []*link.Link{
		g.link(t, first.config("first", func(c *link.Config) { c.ResponseTimeout = briefly }), nil),
		g.link(t, second.config("second", func(c *link.Config) { c.Routes[0].Priority = 5 }), nil),
	}
	link.Introduce(links)
	g.run(t, links[0])
	silent := next(t, first.binds)
	id := g.order(t, "")
	silent.submit()
	g.run(t, links[1])
	good := next(t, second.binds)
	f, to := good.submit()
	good.take(f, "X1")
	good.receipt(to, "id:X1 stat:DELIVRD")
	g.want(t, id, otp.DeliveryDelivered)
	// The second try was counted before it went out; that it was answered may be stored after its receipt.
	g.until(t, id, func(d otp.Delivery) bool { return d.Unanswered == 1 && !d.Assumed })
	if len(silent.submits) != 0 || len(good.submits) != 0 {
		t.Error("a third copy went out")
	}
}

// TestCountOfCopiesSurvivesARestart: the daemon ends between the copies, in the first one's flight or in the
// second's, and another one, or itself, goes on counting.
func TestCountOfCopiesSurvivesARestart(t *testing.T) {
	t.Parallel()
	g, c := newGateway(t), newCarrier(t)
	cfg := c.config("carrier", func(c *link.Config) { c.ResponseTimeout = briefly })
	stop := g.run(t, g.link(t, cfg, nil))
	s := next(t, c.binds)
	id := g.order(t, "")
	s.submit()
	g.until(t, id, func(d otp.Delivery) bool { return d.Unanswered == 1 })
	stop() // the message waits for its second try
	next(t, s.gone)
	tracker := g.restart(t)
	stop = g.run(t, g.link(t, cfg, tracker))
	s = next(t, c.binds)
	s.submit() // counted before it went out: were the daemon killed now, it would be known
	if d := g.delivery(t, id); d.Unanswered != 2 {
		t.Errorf("with the second copy in flight: %+v", d)
	}
	d := g.want(t, id, otp.DeliveryRejected)
	if *d.ErrorCode != 408 || d.Unanswered != 2 || len(s.submits) != 0 {
		t.Errorf("%+v, and %d more submits", d, len(s.submits))
	}
	stop()
}

// TestReceiptOfAnUnansweredMessage: its id is unknown, but its number, sender and time fit exactly one
// message.
func TestReceiptOfAnUnansweredMessage(t *testing.T) {
	t.Parallel()
	t.Run("before the time is up", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, func(c *link.Config) { c.ResponseTimeout = 4 * time.Second })
		id, _, to := s.sent(t)
		s.receipt(to, "id:Q1 stat:DELIVRD")
		s.receipt(to, "id:Q1 stat:DELIVRD") // twice, as some do
		if d := s.want(t, id, otp.DeliveryDelivered); d.Unanswered != 1 {
			t.Errorf("delivery %+v", d)
		}
		if len(s.submits) != 0 {
			t.Error("it was sent again although its receipt was there")
		}
	})
	t.Run("before the second copy", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, func(c *link.Config) { c.ResponseTimeout, c.TimeoutResends = briefly, 0 })
		id, _, to := s.sent(t)
		s.want(t, id, otp.DeliveryRejected) // nobody knows better
		s.receipt(to, "id:Q2 stat:DELIVRD")
		s.until(t, id, func(d otp.Delivery) bool { return d.Status == otp.DeliveryDelivered && !d.Assumed })
	})
	t.Run("of two parts", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, func(c *link.Config) { c.ResponseTimeout, c.TimeoutResends = briefly, 0 })
		s.app.Template = strings.Repeat("x", 200) + "{{pin}}"
		id, _, to := s.sent(t)
		s.submit()
		s.want(t, id, otp.DeliveryRejected)
		s.receipt(to, "id:Q3 stat:DELIVRD")
		s.receipt(to, "id:Q4 stat:DELIVRD")
		s.until(t, id, func(d otp.Delivery) bool { return d.Status == otp.DeliveryDelivered })
	})
	t.Run("that fits two messages settles none", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, func(c *link.Config) { c.ResponseTimeout, c.TimeoutResends = briefly, 0 })
		number := "+4917699999999"
		ids := []string{s.orderTo(t, number), s.orderTo(t, number)}
		s.submit()
		s.submit()
		for _, id := range ids {
			s.want(t, id, otp.DeliveryRejected)
		}
		s.receipt(number[1:], "id:Q5 stat:DELIVRD")
		time.Sleep(3 * time.Second) // past the look-ups that would have found it
		for _, id := range ids {
			if d := s.delivery(t, id); d.Status != otp.DeliveryRejected {
				t.Errorf("delivery %+v", d)
			}
		}
	})
	t.Run("from another sender, to another number, or before it was sent, is none of its", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, func(c *link.Config) { c.ResponseTimeout, c.TimeoutResends = briefly, 0 })
		s.receipt("4917610000001", "id:Q6 stat:DELIVRD")
		time.Sleep(1100 * time.Millisecond) // times are compared by the second
		id, _, to := s.sent(t)
		s.want(t, id, otp.DeliveryRejected)
		s.receipt("4917610000777", "id:Q7 stat:DELIVRD")
		body := bytes.Replace(deliver(to, wire.ESMClassReceipt, 0, "id:Q8 stat:DELIVRD"), []byte("Verify"), []byte("Banker"), 1)
		s.send(wire.DeliverSM, deliverSequence, body)
		time.Sleep(3 * time.Second) // past the look-ups that would have found it
		if d := s.delivery(t, id); d.Status != otp.DeliveryRejected {
			t.Errorf("delivery %+v", d)
		}
	})
}

// TestNotSentAgainForNobody: a second copy waits, and meanwhile the user has typed the PIN in.
func TestNotSentAgainForNobody(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(c *link.Config) { c.ResponseTimeout = briefly })
	id, _, _ := s.sent(t)
	s.until(t, id, func(d otp.Delivery) bool { return d.Unanswered == 1 })
	if err := s.service.Cancel(ctx(t), s.app, id); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(20 * time.Second)
	for s.counter(t, "otpgw_smpp_needless_messages_total") == 0 {
		select {
		case <-s.submits:
			t.Fatal("a copy went out for nobody")
		case <-deadline:
			t.Fatal("the message still waits")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// until waits until the delivery of an OTP is as wanted.
func (g *gateway) until(t testing.TB, id string, ok func(otp.Delivery) bool) {
	t.Helper()
	if !await.Within(await.Patience, func() bool { return ok(g.delivery(t, id)) }) {
		t.Fatalf("delivery %+v", g.delivery(t, id))
	}
}

// restart makes the parts of another daemon on the same store, which remember nothing.
func (g *gateway) restart(t testing.TB) *dlr.Tracker {
	t.Helper()
	old := g.service
	g.service = &otp.Service{Queue: g.q, Box: g.box, Log: zerolog.Nop(), Route: g.route, Measure: old.Measure}
	tracker := dlr.NewTracker(g.q, g.service, zerolog.Nop())
	g.parked(t, tracker)
	return tracker
}

func (g *gateway) orderTo(t testing.TB, number string) string {
	t.Helper()
	n, err := g.service.ParseNewOtp([]byte(`{"phoneNumber":"`+number+`"}`), g.app)
	if err != nil {
		t.Fatal(err)
	}
	o, err := g.service.Create(context.Background(), g.app, n)
	if err != nil {
		t.Fatal(err)
	}
	return o.OtpID
}
