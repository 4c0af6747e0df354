package link_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// pair is a route with a primary link to the rig's SMSC and a backup to another one.
func (r *rig) pair(second *smsc.Server, change func(primary, backup *link.Config)) (primary, backup *link.Link) {
	r.t.Helper()
	p := r.config(func(c *link.Config) { c.Name, c.Window, c.TPS = "primary", 100, 1000 }) // room for all: what it has none for, the backup takes
	b := r.config(func(c *link.Config) {
		c.Name, c.Addr, c.Routes = "backup", second.Addr(), []link.Route{{Name: queuetest.Route, Priority: 5}}
	})
	if change != nil {
		change(&p, &b)
	}
	primary, backup = r.link(p), r.link(b)
	link.Introduce([]*link.Link{primary, backup})
	r.run(primary)
	r.run(backup)
	r.up(primary, backup)
	// Until the primary's pull is at the server, the backup serves.
	for began := time.Now(); ; {
		r.put(warmUp, "code")
		if next(r.t, r.sink.accepted).Link == "primary" {
			return primary, backup
		}
		if time.Since(began) > 15*time.Second {
			r.t.Fatal("the primary sends nothing")
		}
	}
}

// warmUp is a number that every SMSC of these tests takes at once.
const warmUp = "+46709999999"

func isWarmUp(s smsc.SubmitInfo) bool { return s.To == warmUp[1:] }

// up waits until links are bound.
func (r *rig) up(links ...*link.Link) {
	r.t.Helper()
	for _, l := range links {
		if !await.Within(await.Patience, l.Up) {
			r.t.Fatalf("link %s: %+v", l.Name(), l.Status())
		}
	}
}

func startSecond(t *testing.T, cfg smsc.Config) *smsc.Server {
	t.Helper()
	s, err := smsc.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(ctx(t)) })
	return s
}

// TestTemporaryErrorGoesToTheOtherLink: only the message that fails, at once, and no more often than there
// are links.
func TestTemporaryErrorGoesToTheOtherLink(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		outcome smsc.Outcome
		metric  string // of the parts that the primary could not send
	}{
		{"system error", smsc.Outcome{Status: wire.StatusSysErr}, "temporary"},
		{"temporary application error", smsc.Outcome{Status: wire.StatusTempAppErr}, "temporary"},
		{"submit failed", smsc.Outcome{Status: wire.StatusSubmitFail}, "temporary"},
		{"no answer", smsc.Outcome{Status: wire.StatusSysErr, NoAnswer: true}, "timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			tries := 0
			r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
				if s.To != "46700000001" {
					return smsc.Outcome{}
				}
				mu.Lock()
				defer mu.Unlock()
				tries++
				return c.outcome
			}})
			registry := prometheus.NewRegistry()
			r.metrics = link.NewMetrics(registry)
			second := startSecond(t, smsc.Config{})
			r.pair(second, func(p, _ *link.Config) {
				if c.outcome.NoAnswer {
					p.ResponseTimeout = time.Second
				}
			})
			r.put("+46700000001", "code")
			a := next(t, r.sink.accepted)
			if a.Link != "backup" {
				t.Errorf("accepted by %s", a.Link)
			}
			if m, err := second.Wait(ctx(t), "46700000001"); err != nil || m.MessageIDs[0] != a.MessageID {
				t.Errorf("at the second SMSC: %+v, %v", m, err)
			}
			for range 10 {
				r.put("+46700000002", "code")
			}
			for range 10 {
				if a := next(t, r.sink.accepted); a.Link != "primary" {
					t.Error("the rest of the traffic moved too")
				}
			}
			r.drained()
			mu.Lock()
			defer mu.Unlock()
			if tries != 1 {
				t.Errorf("the primary had it %d times", tries)
			}
			if n := total(t, registry, "otpgw_smpp_submitted_parts_total", c.metric); n != 1 {
				t.Errorf("%v parts counted as %s", n, c.metric)
			}
			if n := total(t, registry, "otpgw_smpp_handovers_total", "primary"); n != 1 {
				t.Errorf("%v messages handed over", n)
			}
		})
	}
}

// total sums the series of a metric that have that label value.
func total(t *testing.T, g prometheus.Gatherer, name, value string) (sum float64) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && strings.HasPrefix(l.GetValue(), value) {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

// TestTemporaryErrorOfAllLinks: a message that no link can send waits, and goes out when one can.
func TestTemporaryErrorOfAllLinks(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tries := 0
	fail := func(s smsc.SubmitInfo) smsc.Outcome {
		if isWarmUp(s) {
			return smsc.Outcome{}
		}
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries <= 3 {
			return smsc.Outcome{Status: wire.StatusSysErr}
		}
		return smsc.Outcome{}
	}
	r := newRig(t, smsc.Config{OnSubmit: fail})
	r.pair(startSecond(t, smsc.Config{OnSubmit: fail}), nil)
	id := r.put("+46700000001", "code")
	if a := next(t, r.sink.accepted); a.Message.ID != id {
		t.Errorf("accepted %+v", a)
	}
	r.drained()
	mu.Lock()
	defer mu.Unlock()
	if tries != 4 {
		t.Errorf("%d submits, want one by each link and, after a wait, again", tries)
	}
}

// TestPermanentErrorStaysOnItsLink: what the carrier refuses for good is not tried elsewhere.
func TestPermanentErrorStaysOnItsLink(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		if isWarmUp(s) {
			return smsc.Outcome{}
		}
		return smsc.Outcome{Status: wire.StatusInvDstAdr}
	}})
	second := startSecond(t, smsc.Config{})
	r.pair(second, nil)
	r.put("+46700000001", "code")
	if x := next(t, r.sink.refused); x.Link != "primary" || x.Status != wire.StatusInvDstAdr {
		t.Errorf("refused %+v", x)
	}
	r.drained()
	if n := len(second.Messages(smsc.Filter{To: "46700000001"})); n != 0 {
		t.Errorf("%d messages at the second SMSC", n)
	}
}

// TestNoResendAfterATimeout: a message that was not answered is not sent again, and its end has the
// documented code.
func TestNoResendAfterATimeout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		second     wire.Status // of the second part
	}{
		{"one part", "code", wire.StatusOK},
		{"the other part was taken", strings.Repeat("x", 200), wire.StatusOK},
		{"the other part could be tried again", strings.Repeat("x", 200), wire.StatusSysErr},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			submits := 0
			r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
				if isWarmUp(s) {
					return smsc.Outcome{}
				}
				mu.Lock()
				defer mu.Unlock()
				submits++
				if s.Part == 2 {
					return smsc.Outcome{Status: c.second}
				}
				return smsc.Outcome{NoAnswer: true, NoReceipt: true}
			}})
			second := startSecond(t, smsc.Config{})
			r.pair(second, func(p, _ *link.Config) { p.TimeoutResends, p.ResponseTimeout = 0, time.Second })
			id := r.put("+46700000001", c.text)
			x := next(t, r.sink.refused)
			if x.Message.ID != id || x.Status != 408 || x.Part != 1 {
				t.Errorf("refused %+v", x)
			}
			r.drained()
			mu.Lock()
			defer mu.Unlock()
			if want := 1 + len(c.text)/161; submits != want || len(second.Messages(smsc.Filter{To: "46700000001"})) != 0 {
				t.Errorf("%d submits, want %d, and %d at the second SMSC", submits, want, len(second.Messages(smsc.Filter{To: "46700000001"})))
			}
		})
	}
}

// TestAllLinksDown: messages wait, those whose PIN died meanwhile are never sent, and the others go when a
// link is back.
func TestAllLinksDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, smsc.Config{})
	l := r.link(r.config(func(c *link.Config) { c.Password = "wrong" }))
	stop := r.run(l)
	var expires time.Time
	dead := r.publish("+46700000001", "code", func(m *queue.Outbound) { m.Expires = m.Created.Add(2 * time.Second); expires = m.Expires })
	alive := r.put("+46700000002", "code")
	time.Sleep(time.Until(expires)) // the life of a PIN passes while nobody can send
	stop()
	r.start(r.config(nil))
	if a := next(t, r.sink.accepted); a.Message.ID != alive {
		t.Errorf("accepted %s; %s is dead, %s waits", a.Message.ID, dead, alive)
	}
	r.drained()
	if n := len(r.smsc.Messages(smsc.Filter{})); n != 1 {
		t.Errorf("%d messages at the SMSC", n)
	}
}

// TestRefusedBind: the link asks once a minute, and says why in its status, its log and its metric.
func TestRefusedBind(t *testing.T) {
	t.Parallel()
	for status, advice := range map[wire.Status]string{
		wire.StatusInvPaswd: "SYSTEM_ID and PASSWORD", wire.StatusInvSysID: "SYSTEM_ID and PASSWORD", wire.StatusInvSysTyp: "SYSTEM_TYPE",
	} {
		t.Run(status.String(), func(t *testing.T) {
			t.Parallel()
			srv := newBindServer(t, func(int) wire.Status { return status })
			registry := prometheus.NewRegistry()
			var log syncBuffer
			l := link.New(link.Config{Name: "carrier", Addr: srv.addr, SystemID: "acc", Password: "x", Window: 1},
				link.Deps{Log: zerolog.New(&log), Metrics: link.NewMetrics(registry)})
			run, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() { defer close(done); _ = l.Run(run) }()
			defer func() { cancel(); <-done }()
			next(t, srv.binds)
			await.That(t, "the bind is refused", func() bool { return l.Status()[0].State == "refused" })
			st := l.Status()[0]
			if wait := time.Until(st.RetryAt); st.State != "refused" || wait < 50*time.Second || wait > time.Minute {
				t.Errorf("state %s, next try in %s", st.State, wait)
			}
			if !strings.Contains(st.Error, status.String()) || !strings.Contains(st.Advice, advice) {
				t.Errorf("status %+v", st)
			}
			if n := total(t, registry, "otpgw_smpp_refused", status.String()); n != 1 {
				t.Errorf("metric otpgw_smpp_refused is %v", n)
			}
			if text := log.String(); !strings.Contains(text, status.String()) || !strings.Contains(text, advice) {
				t.Errorf("log %s", text)
			}
			select {
			case <-srv.binds:
				t.Error("a second bind, within the minute")
			case <-time.After(1500 * time.Millisecond): // any other failure is tried again by then
			}
		})
	}
}

// TestAlreadyBound: our old socket still lives at the SMSC; the link waits and gets in.
func TestAlreadyBound(t *testing.T) {
	t.Parallel()
	srv := newBindServer(t, func(n int) wire.Status {
		if n <= 2 {
			return wire.StatusAlreadyBound
		}
		return wire.StatusOK
	})
	r := newRig(t, smsc.Config{})
	registry := prometheus.NewRegistry()
	r.metrics = link.NewMetrics(registry)
	l, _ := r.start(r.config(func(c *link.Config) { c.Addr = srv.addr }))
	r.up(l)
	if n := len(srv.binds); n != 3 {
		t.Errorf("%d binds", n)
	}
	if n := total(t, registry, "otpgw_smpp_refused", "ESME_RALYBND"); n != 0 {
		t.Error("the metric still says refused")
	}
}

// syncBuffer is a log that a test may read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestRoomIsGivenBack: however a message ends, the room it had in the window is there for the next. With a
// window of two, two of one kind would stop the link.
func TestRoomIsGivenBack(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200) // two parts
	cases := []struct {
		name    string
		outcome smsc.Outcome // of the first try
		text    string
		change  func(*queue.Outbound)
		lost    bool // it never arrives
	}{
		{"system error", smsc.Outcome{Status: wire.StatusSysErr}, long, nil, false},
		{"throttled", smsc.Outcome{Status: wire.StatusThrottled}, long, nil, false},
		{"no answer", smsc.Outcome{NoAnswer: true, NoReceipt: true}, long, nil, false},
		{"connection dropped", smsc.Outcome{Drop: true, NoReceipt: true}, long, nil, false},
		{"refused", smsc.Outcome{Status: wire.StatusInvDstAdr}, long, nil, true},
		{"no sender that SMPP can carry", smsc.Outcome{}, "code", func(m *queue.Outbound) { m.From = strings.Repeat("ж", 30) }, true},
		{"not to be encoded", smsc.Outcome{}, "\xff", nil, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			tried := make(map[string]bool)
			r := newRig(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
				mu.Lock()
				defer mu.Unlock()
				key := s.To + string(rune('0'+s.Part))
				if s.To == warmUp[1:] || tried[key] {
					return smsc.Outcome{NoReceipt: true}
				}
				tried[key] = true
				return c.outcome
			}})
			r.start(r.config(func(cfg *link.Config) {
				cfg.Window, cfg.TPS = 2, 1000
				if c.outcome.NoAnswer {
					cfg.ResponseTimeout = time.Second
				}
			}))
			for n := range 3 {
				r.publish("+4670000000"+string(rune('1'+n)), c.text, func(m *queue.Outbound) {
					m.Expires = m.Created.Add(time.Minute)
					if c.change != nil {
						c.change(m)
					}
				})
			}
			r.drained()
			for range 5 {
				r.put(warmUp, "code")
			}
			for arrived := 0; arrived < 5; {
				if a := next(t, r.sink.accepted); a.Message.To == warmUp {
					arrived++
				} else if c.lost {
					t.Errorf("accepted %+v", a)
				}
			}
		})
	}
}
