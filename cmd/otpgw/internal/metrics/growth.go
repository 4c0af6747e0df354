package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// Growth knows how the parts of the store have filled lately, to say when they will be full.
type Growth struct {
	Queue *queue.Queue

	mu      sync.Mutex
	samples []filled // guarded by mu; the oldest first
}

type filled struct {
	at    time.Time
	bytes map[string]uint64
}

const (
	growthPause = time.Minute
	growthKept  = 60
	growthLeast = 5 * time.Minute // of history, before anything is said
	growthFar   = 30 * 24 * time.Hour
)

// Run takes a sample a minute until ctx ends.
func (g *Growth) Run(ctx context.Context) error {
	tick := time.NewTicker(growthPause)
	defer tick.Stop()
	for {
		if stats, err := g.Queue.Stats(ctx); err == nil {
			g.add(time.Now(), stats)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (g *Growth) add(now time.Time, stats queue.Stats) {
	s := filled{now, make(map[string]uint64)}
	for _, one := range stats.Streams {
		s.bytes[one.Name] = one.Bytes
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.samples = append(g.samples, s)
	g.samples = g.samples[max(0, len(g.samples)-growthKept):]
}

// FullIn is when a part will be at its limit if it goes on as in the last hour; 0: not in sight. The log is not
// on its way there while it has so little that its beginning goes before, however steep it grows until then.
func (g *Growth) FullIn(one queue.StreamStats, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.samples) == 0 || one.MaxBytes <= 0 || int64(one.Bytes) < one.Trimmed {
		return 0
	}
	first := g.samples[0]
	passed, more := now.Sub(first.at), float64(one.Bytes)-float64(first.bytes[one.Name])
	if passed < growthLeast || more <= 0 {
		return 0
	}
	left := max(float64(one.MaxBytes)-float64(one.Bytes), 0)
	if in := left / more * float64(passed); in < float64(growthFar) {
		return max(time.Duration(in), time.Second)
	}
	return 0
}
