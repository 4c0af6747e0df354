package link_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// soon is a time that waits for nothing: far below the waits that these tests are about.
const soon = 2 * time.Second

// primaryFirst starts two links to scripted carriers; the second begins when the first one's pull is at the
// server.
func (r *rig) primaryFirst(change func(p, b *link.Config)) (p, b *script, first *carrier) {
	r.t.Helper()
	one, two := newCarrier(r.t), newCarrier(r.t)
	pc := one.config("primary", func(c *link.Config) { c.Window = 4 })
	bc := two.config("backup", func(c *link.Config) { c.Routes = []link.Route{{Name: queuetest.Route, Priority: 5}} })
	if change != nil {
		change(&pc, &bc)
	}
	primary, backup := r.link(pc), r.link(bc)
	link.Introduce([]*link.Link{primary, backup})
	r.run(primary)
	p = next(r.t, one.binds)
	r.put(warmUp, "code")
	f, _ := p.submit()
	p.take(f, "warm")
	r.run(backup)
	return p, next(r.t, two.binds), one
}

// refuseNext has the primary answer a submit_sm with a status; the test is of no use when the backup got the
// message.
func refuseNext(t *testing.T, p, b *script, status wire.Status) {
	t.Helper()
	select {
	case f := <-p.submits:
		p.write(pdu(wire.SubmitSMResp, status, f.Sequence))
	case <-b.submits:
		t.Skip("the backup took the message from the queue")
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was sent")
	}
}

// TestSilentBackupHoldsNothingOfThePrimary: as many messages as its window has room for wait for the backup's
// answers. The primary sends on, and when its connection ends it is bound again at once.
func TestSilentBackupHoldsNothingOfThePrimary(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	p, b, first := r.primaryFirst(func(p, b *link.Config) { p.TPS, b.TPS, b.ResponseTimeout = 1000, 1000, 8*time.Second })
	for i := range 4 {
		r.put(fmt.Sprintf("+4670100000%d", i), "code")
		refuseNext(t, p, b, wire.StatusSysErr)
		next(t, b.submits)
	}
	began := time.Now()
	for i := range 4 {
		r.put(fmt.Sprintf("+4670200000%d", i), "code")
	}
	for range 4 {
		f, _ := p.submit()
		p.take(f, "id")
	}
	if took := time.Since(began); took > soon {
		t.Errorf("messages that the primary takes at once waited %s", took)
	}
	began = time.Now()
	p.c.Close()
	next(t, first.binds)
	if took := time.Since(began); took > soon {
		t.Errorf("the primary was bound again after %s", took)
	}
}

// slowSink stores a receipt, and that a message was taken, only when the test is over: a store that looks for
// its leader.
type slowSink struct {
	*recorder
	began, end chan struct{}
}

func (s *slowSink) Deliver(context.Context, link.Incoming) error {
	s.began <- struct{}{}
	<-s.end
	return nil
}

func (s *slowSink) HandedOver(tx *queue.Tx, h link.HandedOver) func() {
	s.began <- struct{}{}
	<-s.end
	return s.recorder.HandedOver(tx, h)
}

// TestRedialWaitsForNoStore: the connection ends while a receipt and an outcome are being stored.
func TestRedialWaitsForNoStore(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	c := newCarrier(t)
	sink := &slowSink{newRecorder(), make(chan struct{}, 10), make(chan struct{})}
	l := r.linkTo(c.config("carrier", nil), sink)
	r.run(l)
	t.Cleanup(func() { close(sink.end) })
	s := next(t, c.binds)
	s.write(pdu(wire.DeliverSM, 0, 7, deliver("46701000001", wire.ESMClassReceipt, 0, "id:1 stat:DELIVRD")))
	next(t, sink.began)
	r.put("+46701000001", "code")
	f, _ := s.submit()
	s.take(f, "id")
	next(t, sink.began)
	began := time.Now()
	s.c.Close()
	next(t, c.binds)
	if took := time.Since(began); took > soon {
		t.Errorf("bound again after %s: it waited for the store", took)
	}
}

// TestOnlyThePartsNotTakenAreSentAgain: of two parts the second does not pass, in whatever way, and is sent
// again alone.
func TestOnlyThePartsNotTakenAreSentAgain(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(s *script, f wire.Frame){
		"throttled":     func(s *script, f wire.Frame) { s.write(pdu(wire.SubmitSMResp, wire.StatusThrottled, f.Sequence)) },
		"system error":  func(s *script, f wire.Frame) { s.write(pdu(wire.SubmitSMResp, wire.StatusSysErr, f.Sequence)) },
		"not answered":  func(*script, wire.Frame) {},
		"the line ends": func(s *script, _ wire.Frame) { _ = s.c.(*net.TCPConn).CloseWrite() }, // behind the answer to the first part
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, smsc.Config{})
			c := newCarrier(t)
			l := r.link(c.config("carrier", func(c *link.Config) {
				if name == "not answered" {
					c.ResponseTimeout = time.Second
				}
			}))
			r.run(l)
			s := next(t, c.binds)
			r.put("+46701000001", strings.Repeat("x", 200))
			seen := make(map[byte]int)
			var second *wire.Frame
			for seen[1] == 0 || seen[2] < 2 {
				var f wire.Frame
				select {
				case f = <-s.submits:
				case s = <-c.binds:
					continue
				case <-time.After(20 * time.Second):
					t.Fatalf("submits by part: %v", seen)
				}
				m, err := wire.DecodeMessage(f)
				if err != nil {
					t.Fatal(err)
				}
				part := m.ShortMessage[5]
				seen[part]++
				switch {
				case part == 2 && seen[2] == 1:
					second = &f
				default:
					s.take(f, fmt.Sprint("id", part))
				}
				if seen[1] == 1 && second != nil {
					fail(s, *second)
					second = nil
				}
			}
			r.drained()
			if seen[1] != 1 || seen[2] != 2 {
				t.Errorf("submits by part: %v", seen)
			}
		})
	}
}

// TestUnbindingSMSCGetsNothingMore: while it unbinds, with a message not answered yet, nothing is taken from
// the queue and given back again and again.
func TestUnbindingSMSCGetsNothingMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	c := newCarrier(t)
	registry := prometheus.NewRegistry()
	r.metrics = link.NewMetrics(registry)
	r.run(r.link(c.config("carrier", nil)))
	s := next(t, c.binds)
	r.put("+46701000001", "code")
	f, _ := s.submit()
	s.write(pdu(wire.Unbind, 0, 99))
	for range 3 {
		r.put("+46702000001", "code")
		time.Sleep(300 * time.Millisecond) // a link that went on would send the message within this time
	}
	s.take(f, "id1") // now the unbind goes on
	if n := total(t, registry, "otpgw_smpp_submitted_parts_total", "dropped"); n > 3 {
		t.Errorf("while it unbound, %v parts were begun", n)
	}
	again := next(t, c.binds)
	for range 3 {
		f, _ := again.submit()
		again.take(f, "id2")
	}
	r.drained()
}

// TestMessageThatMakesAnSMSCHangUp: it is sent with others, three times, then alone, then not any more; the others
// go out. There are always some, and as many in flight as come in the time of an answer.
func TestMessageThatMakesAnSMSCHangUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	c := newCarrier(t)
	r.run(r.link(c.config("carrier", nil)))
	var poison, beside atomic.Int64
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	go func() {
		for {
			select {
			case s := <-c.binds:
				go s.hangUpOn("poison", &poison, &beside)
			case <-over:
				return
			}
		}
	}()
	bad := r.put("+46701000001", "poison")
	others := 0
	for waiting := true; waiting; {
		select {
		case x := <-r.sink.refused:
			if x.Message.ID != bad || x.Status != link.StatusHungUp || !x.Silent() {
				t.Errorf("refused %+v", x)
			}
			waiting = false
		case <-time.After(10 * time.Millisecond): // the pace of the others
			if others++; others > 9000 {
				t.Fatal("it is not refused")
			}
			r.put(fmt.Sprintf("+46702%06d", others), "code")
		}
	}
	for range others {
		if a := next(t, r.sink.accepted); a.Message.ID == bad {
			t.Error("the bad message was accepted")
		}
	}
	r.drained()
	if n := poison.Load(); n != 4 || beside.Load() != 0 {
		t.Errorf("it went out %d times, and with %d others when it was to go alone", n, beside.Load())
	}
}

// hangUpOn is an SMSC that closes the connection on a text, and answers what else comes a while later. From the
// fourth time on it looks what else is there: in flight, or about to come.
func (s *script) hangUpOn(text string, times, beside *atomic.Int64) {
	var held []wire.Frame
	var due <-chan time.Time
	for {
		select {
		case f := <-s.submits:
			if m, err := wire.DecodeMessage(f); err == nil && string(m.ShortMessage) == text {
				if times.Add(1) > 3 {
					beside.Add(int64(len(held)))
					select {
					case <-s.submits:
						beside.Add(1)
					case <-time.After(100 * time.Millisecond):
					}
				}
				s.c.Close()
				return
			}
			if held = append(held, f); len(held) == 1 {
				due = time.After(50 * time.Millisecond)
			}
		case <-due:
			for _, f := range held {
				_, _ = s.c.Write(pdu(wire.SubmitSMResp, 0, f.Sequence, []byte("x\x00")))
			}
			held = nil
		case <-s.gone:
			return
		}
	}
}

// TestSMSCThatHangsUpAnyway: it also ends sessions that a message is not in. Then one that was in flight each
// time, and at last alone, is not the reason, and goes out all the same.
func TestSMSCThatHangsUpAnyway(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	c := newCarrier(t)
	r.run(r.link(c.config("carrier", nil)))
	hangUp := func(to string) {
		t.Helper()
		s := next(t, c.binds)
		if _, got := s.submit(); got != to {
			t.Fatalf("%s came, want %s", got, to)
		}
		s.c.Close()
	}
	var id, innocent, beside string
	withoutIt := func() bool {
		r.put("+"+beside, "code")
		s := next(t, c.binds)
		f, to := s.submit()
		if to == beside {
			_ = s.c.(*net.TCPConn).CloseWrite() // what is in flight is read, until the link hangs up
			next(t, s.gone)
			if len(s.submits) == 0 {
				return true
			}
			s = next(t, c.binds)
			f, _ = s.submit()
		}
		s.take(f, "A0") // the machine is busy: its wait was over before the link was back
		f, _ = s.submit()
		s.take(f, "B0")
		next(t, r.sink.accepted)
		next(t, r.sink.accepted)
		s.c.Close()
		return false
	}
	for n := 1; ; n++ {
		innocent, beside = fmt.Sprintf("4670100%04d", n), fmt.Sprintf("4670200%04d", n)
		id = r.put("+"+innocent, "code")
		hangUp(innocent)
		hangUp(innocent) // now it waits for a while
		if withoutIt() {
			break
		}
		if n == 10 {
			t.Fatal("the link is never back in time")
		}
	}
	s := next(t, c.binds)
	for range 2 { // in whatever order
		if f, to := s.submit(); to == beside {
			s.take(f, "B1")
		}
	}
	next(t, r.sink.accepted)
	s.c.Close()
	hangUp(innocent) // alone
	s = next(t, c.binds)
	f, _ := s.submit()
	s.take(f, "A1")
	if a := next(t, r.sink.accepted); a.Message.ID != id {
		t.Errorf("accepted %+v", a)
	}
	r.drained()
	if len(r.sink.refused) != 0 {
		t.Errorf("refused %+v", next(t, r.sink.refused))
	}
}
