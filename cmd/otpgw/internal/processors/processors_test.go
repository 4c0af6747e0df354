package processors

import (
	"context"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
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

// TestFollow: the real thing. This process waits, works, and ends to follow.
func TestFollow(t *testing.T) {
	if os.Getenv("GOMAXPROCS") != "" {
		t.Skip("GOMAXPROCS is set, which wins: unset it")
	}
	all := runtime.GOMAXPROCS(0)
	if all == 1 {
		t.Skip("this machine has one processor")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Follow(ctx)
	}()
	within := func(want int, work func()) {
		t.Helper()
		for end := time.Now().Add(time.Minute); runtime.GOMAXPROCS(0) != want; work() {
			if time.Now().After(end) {
				t.Fatalf("%d processors, not %d", runtime.GOMAXPROCS(0), want)
			}
		}
	}
	within(1, func() { time.Sleep(10 * time.Millisecond) })
	within(all, func() {})
	within(1, func() { time.Sleep(10 * time.Millisecond) })
	cancel()
	<-ended
	if now := runtime.GOMAXPROCS(0); now != all {
		t.Errorf("%d processors at the end, of %d", now, all)
	}
}
