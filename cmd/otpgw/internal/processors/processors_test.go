package processors

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
)

// TestLoad: one processor after two calm seconds, all of them at the first busy look, and no change between
// the two.
func TestLoad(t *testing.T) {
	calm := func(n int, share float64) []float64 { return slices.Repeat([]float64{share}, n) }
	for name, c := range map[string]struct {
		shares []float64
		one    bool
	}{
		"at the start":                     {nil, false},
		"not calm for long enough":         {calm(calmLooks-1, 0.1), false},
		"calm":                             {calm(calmLooks, 0.1), true},
		"calm with a look between":         {append(calm(calmLooks-1, 0.1), 0.55, 0.1), false},
		"one busy look":                    {append(calm(calmLooks, 0.1), 0.7), false},
		"more than calm, less than busy":   {append(calm(calmLooks, 0.1), calm(100, 0.6)...), true},
		"as much, from busy":               {calm(100, 0.6), false},
		"calm again":                       {append([]float64{1.9}, calm(calmLooks, 0.4)...), true},
		"no more than one processor gives": {append(calm(calmLooks, 0), 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			var l load
			for _, share := range c.shares {
				l.look(share)
			}
			if l.one != c.one {
				t.Errorf("one processor: %v", l.one)
			}
		})
	}
}

// TestFollow: the scheduler's processors follow a process that waits, works, waits, and ends. How much CPU it
// has taken is said here, for a busy machine would not give it what it asks for.
func TestFollow(t *testing.T) {
	if os.Getenv("GOMAXPROCS") != "" {
		t.Skip("GOMAXPROCS is set, which wins: unset it")
	}
	all := runtime.GOMAXPROCS(0)
	if all == 1 {
		t.Skip("this machine has one processor")
	}
	var works atomic.Bool
	var total time.Duration // of follow's goroutine alone
	at := time.Now()
	taken := func() time.Duration {
		now := time.Now()
		if works.Load() {
			total += now.Sub(at)
		}
		at = now
		return total
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		follow(ctx, taken)
	}()
	until := func(want int) {
		t.Helper()
		await.That(t, fmt.Sprintf("%d processors are used", want), func() bool { return runtime.GOMAXPROCS(0) == want })
	}
	until(1)
	works.Store(true)
	until(all)
	works.Store(false)
	until(1)
	cancel()
	<-ended
	if now := runtime.GOMAXPROCS(0); now != all {
		t.Errorf("%d processors at the end, of %d", now, all)
	}
}

// TestCPUTime: what this process takes is counted.
func TestCPUTime(t *testing.T) {
	before := cpuTime()
	await.That(t, "some CPU is taken", func() bool {
		for range 1_000_000 {
			runtime.KeepAlive(before)
		}
		return cpuTime()-before >= 10*time.Millisecond
	})
}
