package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"otpgw/smpp/smsc"
	"otpgw/smpp/wire"
)

// TestKillLosesNothing: the daemon's process is killed in the middle of 2,000 accepted OTPs and started again; every one
// of them reaches the SMSC, and no more of them twice than were in flight.
func TestKillLosesNothing(t *testing.T) {
	const (
		total    = 2000
		window   = 50
		killedAt = 700 // submits at the SMSC
	)
	arrived := newTally()
	reached := make(chan struct{})
	sim := startSMSC(t, smsc.Config{Keep: 2 * total, OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		if arrived.add(s.To) == killedAt {
			close(reached)
		}
		return smsc.Outcome{Status: wire.StatusOK, Delay: 20 * time.Millisecond} // so that the window is full when the kill comes
	}})
	vars := env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_LINK_CARRIER_WINDOW": fmt.Sprint(window)})
	d := startDaemon(t, vars)
	var base atomic.Pointer[string]
	base.Store(&d.HTTP)

	var posters sync.WaitGroup
	var next atomic.Int64
	accepted := make(chan string, total)
	c := client(t)
	for range 16 {
		posters.Go(func() {
			for len(accepted) < total {
				to := number(int(next.Add(1)))
				a, err := call(c, "POST", *base.Load()+"/otp", `{"phoneNumber":"`+to+`"}`)
				switch {
				case err == nil && a.status == 201:
					select {
					case accepted <- to:
					default: // enough
					}
				case err != nil: // killed: nothing was promised, the number is not used again
					time.Sleep(20 * time.Millisecond)
				default:
					t.Errorf("POST /otp: %d %s", a.status, a.body)
					return
				}
			}
		})
	}
	<-reached
	d.kill()
	promised := len(accepted)
	second := startDaemon(t, vars)
	base.Store(&second.HTTP)
	posters.Wait()
	close(accepted)
	t.Logf("killed with %d OTPs accepted and %d submits at the SMSC", promised, killedAt)

	for to := range accepted {
		arrived.wait(t, strings.TrimPrefix(to, "+"))
	}
	twice := arrived.repeated()
	t.Logf("%d OTPs accepted, all at the SMSC; %d sent twice (window %d)", total, twice, window)
	if twice > window {
		t.Errorf("%d messages were sent twice, the window is %d", twice, window)
	}
	if code := second.stop(); code != 0 {
		t.Errorf("exit status %d", code)
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

func (y *tally) wait(t *testing.T, to string) {
	t.Helper()
	deadline := time.After(testTimeout)
	for {
		y.mu.Lock()
		n, news := y.by[to], y.news
		y.mu.Unlock()
		if n > 0 {
			return
		}
		select {
		case <-news:
		case <-deadline:
			t.Fatalf("the accepted OTP for %s never reached the SMSC", to)
		}
	}
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
