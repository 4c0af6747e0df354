package link_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/wire"
)

// ucs2 is a text as UTF-16, big end first.
func ucs2(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		b.Write([]byte{byte(u >> 8), byte(u)})
	}
	return b.String()
}

// swapped is UTF-16 of the other octet order.
func swapped(s string) string {
	b := []byte(s)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

// outcome is what a receipt makes of an OTP. code is only shown for what failed; -1 is none.
type outcome struct {
	status otp.DeliveryStatus
	code   int
}

var (
	delivered = outcome{otp.DeliveryDelivered, -1}
	sent      = outcome{otp.DeliverySent, -1}
)

func failed(code int) outcome { return outcome{otp.DeliveryFailed, code} }

func (s scene) wantOutcome(t *testing.T, id string, o outcome) {
	t.Helper()
	d := s.want(t, id, o.status)
	switch {
	case o.code < 0 && d.ErrorCode != nil:
		t.Errorf("error code %d, want none", *d.ErrorCode)
	case o.code >= 0 && (d.ErrorCode == nil || *d.ErrorCode != o.code):
		t.Errorf("error code %v, want %d", d.ErrorCode, o.code)
	}
}

// texts plays receipts whose text is all that matters; %s in one is the message id.
func (s scene) texts(t *testing.T, prefix string, cases map[string]struct {
	text string
	want outcome
}) {
	n := 0
	for name, c := range cases {
		n++
		messageID := fmt.Sprint(prefix, n)
		t.Run(name, func(t *testing.T) {
			id, to := s.taken(t, messageID)
			s.receipt(to, strings.ReplaceAll(c.text, "%s", messageID))
			s.wantOutcome(t, id, c.want)
		})
	}
}

type texts = map[string]struct {
	text string
	want outcome
}

func TestQuirkReceiptsOfEveryForm(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	cases := []struct {
		name string
		cmd  wire.Command
		body func(to, id string) []byte
	}{
		{"data_sm, text in message_payload", wire.DataSM, func(to, id string) []byte {
			return data(to, 4, tlv(wire.TagMessagePayload, "id:"+id+" stat:DELIVRD"))
		}},
		{"data_sm, TLVs alone", wire.DataSM, func(to, id string) []byte {
			return data(to, 4, tlv(wire.TagReceiptedMessageID, id+"\x00"), tlv(wire.TagMessageState, "\x02"))
		}},
		{"esm_class 0x44, with a header", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 0x44, 0, "\x05\x00\x03\x01\x01\x01id:"+id+" stat:DELIVRD")
		}},
		{"esm_class 0x44, without one", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 0x44, 0, "id:"+id+" stat:DELIVRD")
		}},
		{"esm_class 0, told by its TLVs", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 0, 0, "id:"+id+" stat:DELIVRD", tlv(wire.TagMessageState, "\x02"))
		}},
		{"text in message_payload", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 4, 0, "", tlv(wire.TagMessagePayload, "id:"+id+" stat:DELIVRD"))
		}},
		{"UCS-2", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 4, 8, ucs2("id:"+id+" stat:DELIVRD text:код"))
		}},
		{"UCS-2 that says it is not", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 4, 0, ucs2("id:"+id+" stat:DELIVRD"))
		}},
		{"data_coding 3", wire.DeliverSM, func(to, id string) []byte { return deliver(to, 4, 3, "id:"+id+" stat:DELIVRD") }},
		{"ASCII that says it is UCS-2", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 4, 8, "id:"+id+" stat:DELIVRD err:000")
		}},
		{"the same in message_payload of a data_sm", wire.DataSM, func(to, id string) []byte {
			return append(data(to, 4)[:len(data(to, 4))-1], append([]byte{8}, tlv(wire.TagMessagePayload, "id:"+id+" stat:DELIVRD")...)...)
		}},
		{"UCS-2 little-endian", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 4, 8, swapped(ucs2("id:"+id+" stat:DELIVRD")))
		}},
		{"UCS-2 with a byte order mark that says binary", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 4, 4, ucs2("\uFEFFid:"+id+" stat:DELIVRD"))
		}},
		{"GSM septets that say Latin-1", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 4, 3, strings.ReplaceAll("id:"+id+" stat:DELIVRD", "_", "\x11"))
		}},
		{"esm_class 0x44, ASCII that says it is UCS-2, without a header", wire.DeliverSM, func(to, id string) []byte {
			return deliver(to, 0x44, 8, "id:"+id+" sub:001 dlvrd:001 submit date:2603040506 done date:2603040507 stat:DELIVRD err:000 text:"+
				strings.Repeat("code ", 10))
		}},
		{"an underscore in the id", wire.DeliverSM, func(to, id string) []byte { return deliver(to, 4, 0, "id:"+id+" stat:DELIVRD") }},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			messageID := fmt.Sprint("form_", i)
			id, to := s.taken(t, messageID)
			s.send(c.cmd, 7, c.body(to, messageID))
			s.wantOutcome(t, id, delivered)
		})
	}
}

// TestQuirkReceiptsThatAreNotMarked: what reads like a receipt, and has no mark of one, is believed only
// where the operator says that the carrier marks none.
func TestQuirkReceiptsThatAreNotMarked(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(c *link.Config) { c.Receipts = link.ReceiptsText })
	for name, c := range map[string]struct {
		coding byte
		text   string
	}{
		"in full":                     {0, "id:%s sub:001 dlvrd:001 submit date:2603040506 done date:2603040507 stat:DELIVRD err:000"},
		"ASCII that says it is UCS-2": {8, "id:%s sub:001 dlvrd:001 stat:DELIVRD err:000"},
		"with other separators":       {0, "id=%s,sub=001,DELIVRD"},
	} {
		t.Run(name, func(t *testing.T) {
			messageID := fmt.Sprint("N", len(name))
			id, to := s.taken(t, messageID)
			s.send(wire.DeliverSM, 7, deliver(to, 0, c.coding, strings.ReplaceAll(c.text, "%s", messageID)))
			s.wantOutcome(t, id, delivered)
		})
	}
}

// TestQuirkHandsetTextLikeAReceipt: whoever holds the telephone may write what a carrier writes, and it
// changes nothing.
func TestQuirkHandsetTextLikeAReceipt(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	id, to := s.taken(t, "HS1")
	for _, text := range []string{"id:HS1 sub:001 dlvrd:001 submit date:2603040506 done date:2603040507 stat:UNDELIV err:001 text:", "id:HS1 stat:UNDELIV"} {
		for _, coding := range []byte{0, 3, 4} {
			s.send(wire.DeliverSM, 7, deliver(to, 0, coding, text))
		}
		s.send(wire.DeliverSM, 7, deliver(to, 0, 8, ucs2(text)))
		s.send(wire.DeliverSM, 7, deliver(to, 0, 0, "", tlv(wire.TagMessagePayload, text)))
		s.send(wire.DataSM, 7, data(to, 0, tlv(wire.TagMessagePayload, text)))
	}
	if d := s.delivery(t, id); d.Status.Final() || s.deadLetters(t) != 0 {
		t.Errorf("delivery is %s, %d dead letters", d.Status, s.deadLetters(t))
	}
	s.receipt(to, "id:HS1 stat:DELIVRD")
	s.wantOutcome(t, id, delivered)
}

func TestQuirkReceiptsWithoutStat(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.texts(t, "W", texts{
		"a bare state word":        {"id:%s sub:001 dlvrd:001 submit date:2603040506 done date:2603040507 DELIVRD err:000 text:x", delivered},
		"right behind the id":      {"id:%s UNDELIV err:27", failed(27)},
		"nothing but id and state": {"%s EXPIRED", failed(-1)},
		"equals signs":             {"id=%s sub=001 dlvrd=000 stat=UNDELIV err=027", failed(27)},
		"semicolons":               {"id:%s;stat:DELIVRD;err:000", delivered},
		"bars":                     {"id:%s|stat:UNDELIV|err:3", failed(3)},
		"tabs":                     {"id:%s\tstat:DELIVRD\terr:000", delivered},
		"commas without blanks":    {"id:%s,sub:001,stat:DELIVRD,err:000,text:a,b", delivered},
		"JSON":                     {`{"id":"%s","stat":"UNDELIV","err":"5"}`, failed(5)},
		"blanks for colons":        {"id %s sub 001 dlvrd 001 stat DELIVRD err 000", delivered},
	})
}

// TestQuirkIDUsedAgain: an SMSC counts from the start again after a restart, so an id may be of a message to
// another number.
func TestQuirkIDUsedAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	old, oldTo := s.taken(t, "1")
	young, youngTo := s.taken(t, "1")
	s.receipt(oldTo, "id:1 stat:UNDELIV err:001")
	s.wantOutcome(t, old, failed(1))
	s.receipt(youngTo, "id:1 stat:DELIVRD err:000")
	s.wantOutcome(t, young, delivered)

	first, _ := s.taken(t, "2") // its receipt never comes
	second, f, to := s.sent(t)
	s.receipt(to, "id:2 stat:DELIVRD err:000") // before its response
	s.take(f, "2")
	s.wantOutcome(t, second, delivered)
	if d := s.delivery(t, first); d.Status.Final() {
		t.Errorf("the first message with the id is %s", d.Status)
	}
}

// TestQuirkGarbageReceipts: what a hostile SMSC sends takes its link's share of the dead letters, and nothing
// real goes for it.
func TestQuirkGarbageReceipts(t *testing.T) {
	t.Parallel()
	g, c := newGateway(t, queuetest.WithBounds(queue.Bounds{DeadLetters: queue.Bound{Msgs: 40}})), newCarrier(t)
	g.start(t, c.config("hostile", nil), nil)
	s := scene{g, next(t, c.binds), c}
	dead := queue.DeadLetter{Kind: "callback", Group: "shop", Reason: "every try failed", Subject: "events.batch.x", Data: []byte("{}")}
	if err := g.q.DeadLetter(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		s.receipt("4917600000000", "stat:DELIVRD text:nothing else")
	}
	all, err := g.q.DeadLetters(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if all[0].Kind != "callback" || len(all) != 1+10 {
		t.Errorf("%d dead letters, the first a %s; want the callback and 10 of the garbage", len(all), all[0].Kind)
	}
	id, to := s.taken(t, "GR1")
	s.receipt(to, "id:GR1 stat:DELIVRD")
	s.wantOutcome(t, id, delivered)
}

func TestQuirkCarrierRewritesNumbers(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(c *link.Config) { c.ReceiptNumber = "any" })
	id, _ := s.taken(t, "R1")
	s.receipt("4915550001111", "id:R1 stat:DELIVRD err:000")
	s.wantOutcome(t, id, delivered)
}

// TestQuirkTwoIDsInOneReceipt: the TLV and the text name different messages; either may be right, and the
// number says which.
func TestQuirkTwoIDsInOneReceipt(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for name, c := range map[string]struct{ tlv, text string }{"the text's": {"9f3", "T1"}, "the TLV's": {"T2", "881"}} {
		t.Run(name, func(t *testing.T) {
			other, _ := s.taken(t, map[string]string{"the text's": "9f3", "the TLV's": "881"}[name])
			id, to := s.taken(t, map[string]string{"the text's": "T1", "the TLV's": "T2"}[name])
			s.send(wire.DeliverSM, 7, deliver(to, 4, 0, "id:"+c.text+" stat:DELIVRD err:000", tlv(wire.TagReceiptedMessageID, c.tlv+"\x00")))
			s.wantOutcome(t, id, delivered)
			if d := s.delivery(t, other); d.Status.Final() {
				t.Errorf("the other message is %s", d.Status)
			}
		})
	}
}

// TestQuirkOneReceiptForAllParts: long messages whose carrier sends one receipt, and names their parts in its
// own way.
func TestQuirkOneReceiptForAllParts(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.tracker.PartsWait = 100 * time.Millisecond
	s.app.Template = strings.Repeat("Somebody wants to log in to your account from a new place. ", 4) + "{{pin}}"
	for name, c := range map[string]struct {
		ids     [2]string
		receipt string
	}{
		"the first part's id":           {[2]string{"P10", "P11"}, "P10"},
		"the last part's id":            {[2]string{"P20", "P21"}, "P21"},
		"one id for all":                {[2]string{"P30", "P30"}, "P30"},
		"the part's number behind each": {[2]string{"P40-1", "P40-2"}, "P40"},
	} {
		t.Run(name, func(t *testing.T) {
			id, f, to := s.sent(t)
			s.take(f, c.ids[0])
			second, _ := s.submit()
			s.take(second, c.ids[1])
			s.receipt(to, "id:"+c.receipt+" stat:DELIVRD err:000")
			s.wantOutcome(t, id, delivered)
		})
	}
}

func TestQuirkReceiptTLVs(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	receipted := func(id string) []byte { return tlv(wire.TagReceiptedMessageID, id+"\x00") }
	state := func(n byte) []byte { return tlv(wire.TagMessageState, string([]byte{n})) }
	network := func(v string) []byte { return tlv(wire.TagNetworkErrorCode, v) }
	cases := []struct {
		name string
		text string
		tlvs func(id string) [][]byte
		want outcome
	}{
		{"without text", "", func(id string) [][]byte { return [][]byte{receipted(id), state(2)} }, delivered},
		{"without text, failed", "", func(id string) [][]byte { return [][]byte{receipted(id), state(5), network("\x03\x00\x1b")} }, failed(27)},
		{"they win over the text", "id:other stat:DELIVRD err:000", func(id string) [][]byte {
			return [][]byte{receipted(id), state(3), network("\x03\x00\x09")}
		}, failed(9)},
		{"error code of ASCII digits", "", func(id string) [][]byte { return [][]byte{receipted(id), state(5), network("045")} }, failed(45)},
		{"id in the TLV, state in the text", "stat:UNDELIV err:013", func(id string) [][]byte { return [][]byte{receipted(id)} }, failed(13)},
		{"id without NUL", "", func(id string) [][]byte { return [][]byte{tlv(wire.TagReceiptedMessageID, id), state(2)} }, delivered},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			messageID := fmt.Sprint("G", i)
			id, to := s.taken(t, messageID)
			s.send(wire.DeliverSM, 7, deliver(to, 4, 0, c.text, c.tlvs(messageID)...))
			s.wantOutcome(t, id, c.want)
		})
	}
}

func TestQuirkReceiptKeys(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.texts(t, "H", texts{
		"upper case":             {"ID:%s SUB:001 DLVRD:001 STAT:DELIVRD ERR:000 TEXT:x", delivered},
		"any order":              {"err:027 stat:UNDELIV dlvrd:000 id:%s sub:001", failed(27)},
		"twice":                  {"id:%s stat:DELIVRD stat:UNDELIV err:000 id:other", delivered},
		"no sub, no dlvrd":       {"id:%s submit date:2603040506 done date:2603040507 stat:DELIVRD err:000 text:", delivered},
		"no text":                {"id:%s sub:001 dlvrd:001 stat:DELIVRD err:000", delivered},
		"trailing spaces, NULs":  {"id:%s stat:DELIVRD err:000   \x00\x00", delivered},
		"garbage before id":      {"\x01\xffgarbage id:%s stat:DELIVRD", delivered},
		"keys inside the text":   {"id:%s stat:DELIVRD err:000 text:id:99 stat:UNDELIV", delivered},
		"line ends for blanks":   {"id:%s\r\nstat:DELIVRD\r\nerr:000\r\n", delivered},
		"blanks behind the keys": {"id: %s stat: DELIVRD err: 000", delivered},
	})
	t.Run("missing id is answered, kept for an operator, and harms nothing", func(t *testing.T) {
		before := s.deadLetters(t)
		id, to := s.taken(t, "Hx")
		s.receipt(to, "sub:001 dlvrd:001 stat:DELIVRD err:000 text:hello")
		if n := s.deadLetters(t) - before; n != 1 {
			t.Errorf("%d dead letters, want 1", n)
		}
		s.receipt(to, "id:Hx stat:DELIVRD")
		s.wantOutcome(t, id, delivered)
	})
}

func TestQuirkReceiptDates(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	cases := make(texts)
	for _, d := range []string{"2603040506", "260304050607", "20260304050607", "260304050607004+", "2603040506+0100", "2026-03-04 05:06:07", "",
		"0000000000", "never", "99999999999999999999"} {
		c := cases[d]
		c.text, c.want = "id:%s submit date:"+d+" done date:"+d+" stat:DELIVRD err:000", delivered
		cases["date "+d] = c
	}
	delete(cases, "")
	s.texts(t, "I", cases)
}

func TestQuirkReceiptErrAndStat(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.texts(t, "J", texts{
		"err empty":              {"id:%s stat:UNDELIV err: text:x", failed(-1)},
		"err of one digit":       {"id:%s stat:UNDELIV err:7", failed(7)},
		"err of four digits":     {"id:%s stat:UNDELIV err:1104", failed(1104)},
		"err in hex":             {"id:%s stat:UNDELIV err:00B", failed(11)},
		"stat a number":          {"id:%s stat:2 err:000", delivered},
		"stat a number, expired": {"id:%s stat:03 err:001", failed(1)},
		"stat DELIV":             {"id:%s stat:DELIV", delivered},
		"stat Delivered":         {"id:%s stat:Delivered", delivered},
		"stat FAILED":            {"id:%s stat:FAILED err:5", failed(5)},
		"stat undeliverable":     {"id:%s stat:undeliverable err:6", failed(6)},
		"stat EXPIRED":           {"id:%s stat:EXPIRED err:8", failed(8)},
		"stat REJECTD":           {"id:%s stat:REJECTD err:9", outcome{otp.DeliveryRejected, 9}},
		"stat BUFFRED":           {"id:%s stat:BUFFRED", sent},
	})
}

func TestQuirkIntermediateReceipts(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for i, stat := range []string{"ENROUTE", "ACCEPTD", "BUFFERED"} {
		t.Run(stat, func(t *testing.T) {
			messageID := fmt.Sprint("K", i)
			id, to := s.taken(t, messageID)
			s.receipt(to, "id:"+messageID+" stat:"+stat+" err:000")
			s.wantOutcome(t, id, sent)
			s.receipt(to, "id:"+messageID+" stat:DELIVRD err:000")
			s.wantOutcome(t, id, delivered)
		})
	}
	t.Run("intermediate notification by esm_class", func(t *testing.T) {
		id, to := s.taken(t, "K9")
		s.send(wire.DeliverSM, 7, deliver(to, wire.ESMClassIntermediate, 0, "", tlv(wire.TagReceiptedMessageID, "K9\x00"), tlv(wire.TagMessageState, "\x01")))
		s.wantOutcome(t, id, sent)
	})
}

func TestQuirkReceiptsNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	t.Run("never asked for", func(t *testing.T) {
		s.script.t = t
		s.receipt("4917600000000", "id:unheard-of stat:DELIVRD err:000") // answered OK, for it is parked
		id, to := s.taken(t, "L1")
		s.receipt(to, "id:L1 stat:DELIVRD")
		s.wantOutcome(t, id, delivered)
	})
	t.Run("for a submit that was refused", func(t *testing.T) {
		id, f, to := s.sent(t)
		s.write(pdu(wire.SubmitSMResp, wire.StatusInvDstAdr, f.Sequence, []byte("L2\x00")))
		s.wantOutcome(t, id, outcome{otp.DeliveryRejected, int(wire.StatusInvDstAdr)})
		s.receipt(to, "id:L2 stat:DELIVRD err:000")
		s.wantOutcome(t, id, outcome{otp.DeliveryRejected, int(wire.StatusInvDstAdr)})
	})
	t.Run("a duplicate", func(t *testing.T) {
		id, to := s.taken(t, "L3")
		s.receipt(to, "id:L3 stat:DELIVRD err:000")
		s.wantOutcome(t, id, delivered)
		at := s.delivery(t, id).At
		s.receipt(to, "id:L3 stat:DELIVRD err:000")
		if again := s.delivery(t, id).At; again != at {
			t.Errorf("the duplicate moved the time from %s to %s", at, again)
		}
	})
	for name, stats := range map[string][2]string{"delivered, then failed": {"DELIVRD", "UNDELIV"}, "failed, then delivered": {"UNDELIV", "DELIVRD"},
		"delivered, then on its way": {"DELIVRD", "ENROUTE"}} {
		t.Run("a final state, then another: "+name, func(t *testing.T) {
			messageID := strings.ReplaceAll("L4"+name, " ", "")
			id, to := s.taken(t, messageID)
			first := delivered
			if stats[0] != "DELIVRD" {
				first = failed(3)
			}
			s.receipt(to, "id:"+messageID+" stat:"+stats[0]+" err:003")
			s.wantOutcome(t, id, first)
			s.receipt(to, "id:"+messageID+" stat:"+stats[1]+" err:004") // answered OK: what it says was taken in
			s.wantOutcome(t, id, first)
		})
	}
}
