package main

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// leased is two daemons on one store whose carrier allows one bind, and what came from each.
type leased struct {
	t       *testing.T
	sim     *smsc.Server
	daemons []*process

	mu   sync.Mutex
	from map[string][]time.Time // submits by service_type: "A" and "B"; guarded by mu
}

func startLeased(t *testing.T) *leased {
	l := &leased{t: t, from: make(map[string][]time.Time)}
	l.sim = startSMSC(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.from[s.PDU.ServiceType] = append(l.from[s.PDU.ServiceType], time.Now())
		return smsc.Outcome{}
	}})
	url := queuetest.External(t)
	for _, name := range []string{"A", "B"} { // the first has the bind when the second comes
		d := startDaemon(t, env(t.TempDir(), l.sim.Addr(), map[string]string{
			"OTPGW_NATS_URL": url, "OTPGW_LINK_CARRIER_MAX_BINDS": "1", "OTPGW_LINK_CARRIER_SERVICE_TYPE": name,
			"OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
		}))
		l.daemons = append(l.daemons, d)
		if name == "A" {
			l.send(d, 1, "A")
		}
	}
	return l
}

// send has a daemon take an OTP, and waits until another of its kind has come from where it should.
func (l *leased) send(d *process, n int, from string) {
	l.t.Helper()
	before := l.count(from)
	mustCall(l.t, client(l.t), "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(n)+`"}`, 201)
	if !await.Within(testTimeout, func() bool { return l.count(from) > before }) {
		l.t.Fatalf("nothing was sent by %s: %v", from, l.from)
	}
}

func (l *leased) count(from string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.from[from])
}

// TestStandbyTakesOverFromAKilledDaemon: the carrier allows one bind; its holder is killed, and the daemon
// that stands by, which takes requests all the time, sends within ten seconds. Asked to stop, that one gives
// its place up at once.
func TestStandbyTakesOverFromAKilledDaemon(t *testing.T) {
	t.Parallel()
	l := startLeased(t)
	a, b := l.daemons[0], l.daemons[1]
	l.send(b, 2, "A") // what the standby took goes out by the holder
	links := mustBeReady(t, client(t), b.Admin)
	if !strings.Contains(string(links.body), `"standby"`) {
		t.Errorf("the standby's links: %s", links.body)
	}
	a.Kill()
	killed := time.Now()
	l.send(b, 3, "B")
	if took := time.Since(killed); took > 10*time.Second {
		t.Errorf("the standby sent after %s", took)
	}
	t.Logf("sent %s after the kill", time.Since(killed).Round(time.Millisecond))
}

// TestStandbyTakesOverFromAStoppedDaemon: asked to stop, a daemon gives its place up at once.
func TestStandbyTakesOverFromAStoppedDaemon(t *testing.T) {
	t.Parallel()
	l := startLeased(t)
	l.daemons[0].stop()
	stopped := time.Now()
	l.send(l.daemons[1], 2, "B")
	if took := time.Since(stopped); took > 5*time.Second {
		t.Errorf("the standby sent after %s", took)
	}
}

// TestPausedDaemonSendsNothingAfterItsLease: the holder is paused (SIGSTOP), the standby takes over, and the
// holder goes on: it sends nothing, and stands by.
func TestPausedDaemonSendsNothingAfterItsLease(t *testing.T) {
	t.Parallel()
	l := startLeased(t)
	a, b := l.daemons[0], l.daemons[1]
	a.Pause()
	l.send(b, 2, "B")
	before := l.count("A")
	a.Resume()
	for n := 3; n < 30; n++ {
		l.send(b, n, "B")
	}
	await.That(t, "the daemon that was paused stands by", func() bool {
		state := mustCall(t, client(t), "GET", a.Admin+"/links", "", 200)
		return strings.Contains(string(state.body), `"standby"`)
	})
	if n := l.count("A") - before; n != 0 {
		t.Errorf("the daemon that was paused sent %d messages after its lease was over", n)
	}
}

// TestMessagesOfAKilledDaemonAreTakenOver: a daemon is killed with messages in its hand that its carrier has
// not answered; within ten seconds the other daemon has sent each of them, and none more than once.
func TestMessagesOfAKilledDaemonAreTakenOver(t *testing.T) {
	t.Parallel()
	const messages = 5
	from := map[string]*tally{"A": newTally(), "B": newTally()}
	sim := startSMSC(t, smsc.Config{ReceiptDelay: time.Hour, OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome { // a receipt would do instead of a copy
		from[s.PDU.ServiceType].add(s.To)
		return smsc.Outcome{NoAnswer: s.PDU.ServiceType == "A"}
	}})
	url := queuetest.External(t)
	start := func(name string) *process {
		return startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
			"OTPGW_NATS_URL": url, "OTPGW_LINK_CARRIER_SERVICE_TYPE": name, "OTPGW_LINK_CARRIER_RESPONSE_TIMEOUT": "1m",
			"OTPGW_SECRET_KEY": base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
		}))
	}
	a := start("A")
	for n := range messages {
		mustCall(t, client(t), "POST", a.HTTP+"/otp", `{"phoneNumber":"`+number(n)+`"}`, 201)
		from["A"].wait(t, strings.TrimPrefix(number(n), "+"))
	}
	start("B")
	a.Kill()
	killed := time.Now()
	for n := range messages {
		from["B"].wait(t, strings.TrimPrefix(number(n), "+"))
	}
	took := time.Since(killed)
	if took > 15*time.Second { // ten, and a busy machine's noise
		t.Errorf("the messages were taken over after %s", took)
	}
	t.Logf("sent %s after the kill", took.Round(time.Millisecond))
	for name, sent := range from {
		sent.mu.Lock()
		if sent.all != messages {
			t.Errorf("%s sent %d messages, want each of %d once", name, sent.all, messages)
		}
		sent.mu.Unlock()
	}
}
