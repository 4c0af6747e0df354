// Package processors gives the daemon one processor while one is enough, and all that it may have under load.
//
// What is handed from one goroutine to another wakes an idle processor, which looks for more work, finds none
// and sleeps again: at 200 OTPs a second that is a sixth of all CPU. cmd/otpgw/measure has what one processor
// saves.
package processors

import (
	"context"
	"os"
	"runtime"
	"time"
)

// Shares are of one processor.
const (
	interval  = 100 * time.Millisecond // between two looks
	busyShare = 0.65                   // CPU, from which one processor is not enough
	calmShare = 0.5                    // below which it is
	calmLooks = 20                     // in a row, until one is
)

// Follow sets how many processors Go's scheduler uses by the CPU that the process takes, until ctx ends.
// GOMAXPROCS in the environment wins.
func Follow(ctx context.Context) {
	if os.Getenv("GOMAXPROCS") == "" {
		follow(ctx, cpuTime)
	}
}

// follow is told by taken how much CPU the process has taken so far.
func follow(ctx context.Context, taken func() time.Duration) {
	if runtime.GOMAXPROCS(0) == 1 {
		return
	}
	defer runtime.SetDefaultGOMAXPROCS()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var l load
	for at, before := time.Now(), taken(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, total, was := time.Now(), taken(), l.one
		l.look(float64(total-before) / float64(now.Sub(at)))
		at, before = now, total
		switch { // each stops the world for a moment
		case l.one == was:
		case l.one:
			runtime.GOMAXPROCS(1)
		default:
			runtime.SetDefaultGOMAXPROCS() // which follows the cgroup
		}
	}
}

// load says whether one processor is enough.
type load struct {
	calm int // looks in a row
	one  bool
}

// look is told how much CPU was taken since the last look, as a share of one processor.
func (l *load) look(share float64) {
	switch {
	case share >= busyShare:
		l.calm, l.one = 0, false
	case share >= calmShare:
		l.calm = 0
	default:
		l.calm++
		l.one = l.one || l.calm >= calmLooks
	}
}
