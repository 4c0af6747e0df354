package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestKillLosesNothing: the daemon's process is killed in the middle of 2,000 accepted OTPs and started
// again; every one of them reaches the SMSC, and no more of them twice than were in flight. `make kills` does
// so a hundred times.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	const window = 50
	rounds := 1
	if v := os.Getenv("OTPGW_TEST_KILLS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("OTPGW_TEST_KILLS: %v", err)
		}
		rounds = n
	}
	for n := range rounds {
		t.Run(fmt.Sprint("kill ", n+1), func(t *testing.T) {
			twice := interrupted(t, 2000, window, func(d *process) { d.Kill() })
			if twice > window {
				t.Errorf("%d messages were sent twice, the window is %d", twice, window)
			}
		})
	}
}

// TestStopLosesNothing: asked to end, the daemon waits for what is in flight: nothing is lost and nothing is
// sent twice.
func TestStopLosesNothing(t *testing.T) {
	t.Parallel()
	twice := interrupted(t, 1000, 50, func(d *process) {
		if code := d.stop(); code != 0 {
			t.Errorf("exit status %d", code)
		}
	})
	if twice != 0 {
		t.Errorf("%d messages were sent twice", twice)
	}
}

// interrupted posts OTPs until total are accepted, ends the daemon when a third of them reached the SMSC,
// starts it again, waits until every accepted one is at the SMSC, and returns how many came more than once.
func interrupted(t *testing.T, total, window int, end func(*process)) int {
	t.Helper()
	arrived := newTally()
	reached := make(chan struct{})
	sim := startSMSC(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		if arrived.add(s.To) == total/3 {
			close(reached)
		}
		return smsc.Outcome{Status: wire.StatusOK, Delay: 60 * time.Millisecond} // so that the window is full, and more wait in the queue, when the end comes
	}})
	vars := env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_LINK_CARRIER_WINDOW": fmt.Sprint(window)})
	first := startDaemon(t, vars)
	p := startPosters(t, first.HTTP, total)
	<-reached
	end(first)
	promised := len(p.accepted)
	second := startDaemon(t, vars)
	p.base.Store(&second.HTTP)
	p.running.Wait()
	close(p.accepted)
	for to := range p.accepted {
		arrived.wait(t, strings.TrimPrefix(to, "+"))
	}
	t.Logf("ended with %d OTPs accepted and %d submits at the SMSC; in the end all %d accepted were there", promised, total/3, total)
	if code := second.stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	t.Logf("messages by copies at the SMSC: %v (window %d)", arrived.copies(), window)
	return arrived.repeated()
}

// posters ask for OTPs, each for a number of its own, until enough are accepted.
type posters struct {
	base     atomic.Pointer[string]
	accepted chan string // the numbers of those that were answered with 201
	running  sync.WaitGroup
	next     atomic.Int64
}

func startPosters(t *testing.T, base string, total int) *posters {
	p := &posters{accepted: make(chan string, total)}
	p.base.Store(&base)
	c := client(t)
	for range 16 {
		p.running.Go(func() {
			for len(p.accepted) < total {
				p.one(t, c)
			}
		})
	}
	return p
}

func (p *posters) one(t *testing.T, c *http.Client) {
	to := number(int(p.next.Add(1)))
	a, err := call(c, "POST", *p.base.Load()+"/otp", `{"phoneNumber":"`+to+`"}`)
	switch {
	case err == nil && a.status == http.StatusCreated:
		select {
		case p.accepted <- to:
		default: // enough
		}
	case err != nil: // the daemon is away: nothing was promised, and the number is not used again
		time.Sleep(20 * time.Millisecond) // the pause of a client that is told nothing
	default:
		t.Errorf("POST /otp: %d %s", a.status, a.body)
	}
}

// tally counts messages by destination.
type tally struct {
	mu   sync.Mutex
	all  int
	by   map[string]int
	news chan struct{}
}

func newTally() *tally { return &tally{by: make(map[string]int), news: make(chan struct{})} }

func (y *tally) add(to string) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.by[strings.TrimPrefix(to, "+")]++
	y.all++
	close(y.news)
	y.news = make(chan struct{})
	return y.all
}

func (y *tally) wait(t *testing.T, to string) { t.Helper(); y.waitFor(t, to, 1) }

// waitFor waits until so many messages came to a number.
func (y *tally) waitFor(t *testing.T, to string, copies int) {
	t.Helper()
	deadline := time.After(testTimeout)
	for {
		y.mu.Lock()
		n, news := y.by[to], y.news
		y.mu.Unlock()
		if n >= copies {
			return
		}
		select {
		case <-news:
		case <-deadline:
			t.Fatalf("the accepted OTP for %s never reached the SMSC", to)
		}
	}
}

// copies is how many messages came once, twice and so on.
// of is how many messages came to a number.
func (y *tally) of(to string) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.by[to]
}

func (y *tally) copies() map[int]int {
	y.mu.Lock()
	defer y.mu.Unlock()
	copies := make(map[int]int)
	for _, n := range y.by {
		copies[n]++
	}
	return copies
}

// repeated is how many messages came more than once.
func (y *tally) repeated() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	n := 0
	for _, count := range y.by {
		n += count - 1
	}
	return n
}

// TestReceiptOfAKilledDaemon: the daemon is killed when the carrier has the message and before its id is
// stored, and before another start has a link the user is done: nobody sends it again, and nobody knows its
// id. Its receipt is told all the same.
func TestReceiptOfAKilledDaemon(t *testing.T) {
	t.Parallel()
	submitted := make(chan struct{}, 10)
	sim := startSMSC(t, smsc.Config{ReceiptDelay: 300 * time.Millisecond, ReceiptRetry: 200 * time.Millisecond, ReceiptTries: 1000,
		ResponseTimeout: time.Second, OnSubmit: func(smsc.SubmitInfo) smsc.Outcome {
			submitted <- struct{}{}
			return smsc.Outcome{Status: wire.StatusOK, Delay: time.Second}
		}})
	dir := t.TempDir()
	vars := env(dir, sim.Addr(), nil)
	d := startDaemon(t, vars)
	c := client(t)
	var o created
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+46700000001"}`, 201).json(t, &o)
	<-submitted
	d.Kill()
	d = startDaemon(t, env(dir, "127.0.0.1:1", nil)) // nobody is there
	mustCall(t, c, "DELETE", d.HTTP+"/otp/"+o.OtpID, "", http.StatusOK)
	d.stop()
	d = startDaemon(t, vars)
	await.That(t, "the record says what the carrier said: DELIVERED", func() bool {
		var got struct{ Delivery struct{ Status string } }
		mustCall(t, c, "GET", d.HTTP+"/otp/"+o.OtpID, "", http.StatusOK).json(t, &got)
		return got.Delivery.Status == "DELIVERED"
	})
	if len(submitted) > 0 {
		t.Error("it was sent again, though nobody waits for it")
	}
}
