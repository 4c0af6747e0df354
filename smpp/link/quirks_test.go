package link_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/dlr"
	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/wire"
)

// Each test here and in quirks_receipt_test.go plays one row of the table of what real SMSCs do, in octets
// over TCP, to a real link with the tracker of receipts, the OTP service and the store behind it.

// scene is a gateway with one link bound to a scripted carrier.
type scene struct {
	*gateway
	*script
	carrier *carrier
}

func newScene(t *testing.T, change func(*link.Config)) scene {
	t.Helper()
	g, c := newGateway(t), newCarrier(t)
	g.start(t, c.config("carrier", change), nil)
	return scene{g, next(t, c.binds), c}
}

// sent orders an OTP and gets its submit_sm.
func (s scene) sent(t *testing.T) (id string, f wire.Frame, to string) {
	t.Helper()
	s.script.t = t
	id = s.order(t, "")
	f, to = s.submit()
	return id, f, to
}

// taken orders an OTP and takes it under a message id.
func (s scene) taken(t *testing.T, messageID string) (id, to string) {
	t.Helper()
	id, f, to := s.sent(t)
	s.take(f, messageID)
	return id, to
}

func TestQuirkReceiptBeforeResponse(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	id, f, to := s.sent(t)
	s.receipt(to, "id:A1 stat:DELIVRD err:000") // wants it answered OK although nobody knows A1 yet
	if d := s.delivery(t, id); d.Status != otp.DeliveryQueued {
		t.Errorf("delivery is %s before the response", d.Status)
	}
	s.take(f, "A1")
	s.want(t, id, otp.DeliveryDelivered)
}

func TestQuirkReceiptOnAnotherBind(t *testing.T) {
	t.Parallel()
	t.Run("of the same link", func(t *testing.T) {
		s := newScene(t, func(c *link.Config) { c.Binds = 2 })
		other := next(t, s.carrier.binds)
		id := s.order(t, "")
		var f wire.Frame
		from := s.script
		select { // either bind may send
		case f = <-s.submits:
		case f = <-other.submits:
			from, other = other, from
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was sent")
		}
		m, err := wire.DecodeMessage(f)
		if err != nil {
			t.Fatal(err)
		}
		from.take(f, "B1")
		other.receipt(m.Dest.Addr, "id:B1 stat:DELIVRD")
		s.want(t, id, otp.DeliveryDelivered)
	})
	t.Run("on the receiver of a split link", func(t *testing.T) {
		s := newScene(t, func(c *link.Config) { c.Bind = link.BindSplit })
		tx, rx := s.script, next(t, s.carrier.binds)
		if tx.bind != wire.BindTransmitter {
			tx, rx = rx, tx
		}
		id := s.order(t, "")
		f, to := tx.submit()
		tx.take(f, "B2")
		rx.receipt(to, "id:B2 stat:DELIVRD")
		s.want(t, id, otp.DeliveryDelivered)
	})
	t.Run("of another instance", func(t *testing.T) {
		s := newScene(t, nil)
		// Another daemon on the same store: a tracker and a link of its own, under the same name. It sends
		// nothing.
		second := dlr.NewTracker(s.q, s.service, zerolog.Nop())
		s.parked(t, second)
		s.gateway.start(t, s.carrier.config("carrier", func(c *link.Config) { c.Routes = nil }), second)
		other := next(t, s.carrier.binds)
		id, to := s.taken(t, "B3")
		other.receipt(to, "id:B3 stat:DELIVRD")
		s.want(t, id, otp.DeliveryDelivered)
	})
}

func TestQuirkMessageIDInAnotherForm(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, rule, response, receipt string }{
		{"hex, then decimal", "auto", "1A2B3C", "1715004"},
		{"decimal, then hex", "auto", "1715005", "1A2B3D"},
		{"hex, then decimal, by rule", "hex-dec", "00000020", "32"},
		{"decimal, then hex, by rule", "dec-hex", "48", "30"},
		{"leading zeros lost", "auto", "0000712345", "712345"},
		{"leading zeros added", "auto", "812345", "0000812345"},
		{"case changed", "auto", "abcdef01", "ABCDEF01"},
		{"lower-case hex, then decimal with zeros", "auto", "ff00ff", "0016711935"},
		{"exactly", "exact", "0077-x", "0077-x"},
		{"a UUID without its hyphens", "auto", "0E999F21-81ef-4974-a414-3de98174e3c7", "0e999f2181ef4974a4143de98174e3c7"},
		{"a UUID with hyphens that it had not", "auto", "1e999f2181ef4974a4143de98174e3c7", "1E999F21-81EF-4974-A414-3DE98174E3C7"},
		{"groups of hexadecimal digits", "auto", "1101C1-C9D03D-F000", "1101c1c9d03df000"},
		{"case of an id of letters", "auto", "SMS-Z7Q", "sms-z7q"},
	}
	g := newGateway(t)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			smsc := newCarrier(t)
			g.start(t, smsc.config(fmt.Sprint("carrier", i), func(l *link.Config) { l.MessageID = c.rule }), nil)
			s := scene{g, next(t, smsc.binds), smsc}
			id, to := s.taken(t, c.response)
			s.receipt(to, "id:"+c.receipt+" stat:DELIVRD")
			g.want(t, id, otp.DeliveryDelivered)
		})
	}
}

func TestQuirkSameMessageIDFromTwoCarriers(t *testing.T) {
	t.Parallel()
	g := newGateway(t, queuetest.Routes("north", "south"))
	one, two := newCarrier(t), newCarrier(t)
	for name, c := range map[string]*carrier{"north": one, "south": two} {
		g.start(t, c.config(name, func(l *link.Config) { l.Routes = []link.Route{{Name: name}} }), nil)
	}
	north, south := next(t, one.binds), next(t, two.binds)
	first, second := g.order(t, "north"), g.order(t, "south")
	f, toNorth := north.submit()
	north.take(f, "77")
	f, toSouth := south.submit()
	south.take(f, "77")
	south.receipt(toSouth, "id:77 stat:UNDELIV err:009")
	g.want(t, second, otp.DeliveryFailed)
	if d := g.delivery(t, first); d.Status.Final() {
		t.Errorf("the other carrier's message is %s", d.Status)
	}
	north.receipt(toNorth, "id:77 stat:DELIVRD err:000")
	g.want(t, first, otp.DeliveryDelivered)
}

func TestQuirkSloppyPDUs(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	state := tlv(wire.TagMessageState, "\x02")
	cut := []byte{0x00, 0x1E, 0x00, 0x40, 'C', '1'} // says 64 octets, has 2
	t.Run("TLV length past the end of the PDU", func(t *testing.T) {
		id, to := s.taken(t, "C1")
		s.send(wire.DeliverSM, 7, deliver(to, 4, 0, "", state, cut))
		s.want(t, id, otp.DeliveryDelivered)
	})
	t.Run("stray NUL behind short_message", func(t *testing.T) {
		id, to := s.taken(t, "C2")
		s.send(wire.DeliverSM, 7, deliver(to, 4, 0, "id:C2 stat:DELIVRD", []byte{0}))
		s.want(t, id, otp.DeliveryDelivered)
	})
	t.Run("stray NUL between short_message and the TLVs", func(t *testing.T) {
		id, to := s.taken(t, "C3")
		s.send(wire.DeliverSM, 7, deliver(to, 4, 0, "", []byte{0}, state, tlv(wire.TagReceiptedMessageID, "C3\x00")))
		s.want(t, id, otp.DeliveryDelivered)
	})
	t.Run("message_id without NUL", func(t *testing.T) {
		id, f, to := s.sent(t)
		s.write(pdu(wire.SubmitSMResp, 0, f.Sequence, []byte("C4")))
		s.receipt(to, "id:C4 stat:DELIVRD")
		s.want(t, id, otp.DeliveryDelivered)
	})
	for name, body := range map[string]string{"without a body": "", "with a body": "\x00", "with a message_id": "C5\x00"} {
		t.Run("error response "+name, func(t *testing.T) {
			id, f, _ := s.sent(t)
			s.write(pdu(wire.SubmitSMResp, wire.StatusInvDstAdr, f.Sequence, []byte(body)))
			if d := s.want(t, id, otp.DeliveryRejected); d.ErrorCode == nil || *d.ErrorCode != int(wire.StatusInvDstAdr) {
				t.Errorf("error code %v", d.ErrorCode)
			}
		})
	}
	t.Run("deliver_sm that cannot be read is refused, and the link goes on", func(t *testing.T) {
		s.write(pdu(wire.DeliverSM, 0, 9, []byte("no fields")))
		if f := next(t, s.answers); f.Command != wire.DeliverSMResp || f.Status != wire.StatusPermAppErr || f.Sequence != 9 {
			t.Errorf("answered by %+v", f)
		}
		id, to := s.taken(t, "C6")
		s.receipt(to, "id:C6 stat:DELIVRD")
		s.want(t, id, otp.DeliveryDelivered)
	})
}

func TestQuirkSequenceNumbers(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for i, seq := range []uint32{0, 1, wire.MaxSequence, wire.MaxSequence + 1, 0xFFFFFFFF} {
		t.Run(fmt.Sprintf("deliver_sm with %#x", seq), func(t *testing.T) {
			id, to := s.taken(t, fmt.Sprint("D", i))
			s.send(wire.DeliverSM, seq, deliver(to, 4, 0, fmt.Sprintf("id:D%d stat:DELIVRD", i)))
			s.want(t, id, otp.DeliveryDelivered)
		})
	}
	for name, seq := range map[string]uint32{"0": 0, "never given": 0x00ABCDEF, "past the range": 0x80000001} {
		t.Run("response to sequence "+name, func(t *testing.T) {
			messageID := "E" + strings.ReplaceAll(name, " ", "")
			id, f, to := s.sent(t)
			s.write(pdu(wire.SubmitSMResp, 0, seq, []byte("nobody\x00")))
			s.write(pdu(wire.SubmitSMResp, wire.StatusInvDstAdr, seq))
			s.take(f, messageID) // the request still waits for its own
			s.receipt(to, "id:"+messageID+" stat:DELIVRD")
			s.want(t, id, otp.DeliveryDelivered)
		})
	}
	if n := s.gateway.counter(t, "otpgw_smpp_unknown_responses_total"); n != 6 {
		t.Errorf("%v unknown responses were counted, want 6", n)
	}
}

func TestQuirkGenericNack(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second // in which a busy machine answers the copy
	s := newScene(t, func(c *link.Config) { c.ResponseTimeout = timeout })
	t.Run("as the answer to a submit", func(t *testing.T) {
		id, f, _ := s.sent(t)
		s.write(pdu(wire.GenericNack, wire.StatusInvCmdLen, f.Sequence))
		if d := s.want(t, id, otp.DeliveryRejected); d.ErrorCode == nil || *d.ErrorCode != int(wire.StatusInvCmdLen) {
			t.Errorf("error code %v", d.ErrorCode)
		}
	})
	t.Run("with RTHROTTLED", func(t *testing.T) {
		id, f, _ := s.sent(t)
		s.write(pdu(wire.GenericNack, wire.StatusThrottled, f.Sequence))
		again, to := s.submit()
		s.take(again, "F2")
		s.receipt(to, "id:F2 stat:DELIVRD")
		s.want(t, id, otp.DeliveryDelivered)
	})
	t.Run("with sequence 0", func(t *testing.T) {
		id, _, _ := s.sent(t)
		began := time.Now()
		s.write(pdu(wire.GenericNack, wire.StatusThrottled, 0))
		again, to := s.submit() // after the timeout, for nobody can tell which request it meant
		if d := time.Since(began); d < timeout-50*time.Millisecond {
			t.Errorf("sent again after %s, the response timeout is %s", d, timeout)
		}
		s.take(again, "F3")
		s.receipt(to, "id:F3 stat:DELIVRD")
		s.want(t, id, otp.DeliveryDelivered)
	})
}
