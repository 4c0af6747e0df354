// Package memory bounds what the daemon takes of the machine: how much its state may hold, and how the
// garbage collector keeps the process below it.
package memory

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/otpgw/otpgw/config"
)

// How far the heap may grow beyond what is live before it is collected. With few OTPs the live heap is some
// tens of MiB, and to collect it at each doubling was a tenth of the CPU. With many it is mostly the log's
// pages, in which the collector has nothing to follow: a collection costs no more for them, and needs no more
// room. So the room is a share of the live heap up to a bound, and GC percent follows from it. GOGC in the
// environment wins.
const (
	gcPercent  = 300 // of a small heap
	gcRoom     = 192 << 20
	gcLeast    = 5
	gcInterval = 2 * time.Second
)

// percentFor is the GC percent for a live heap.
func percentFor(live uint64) int {
	if live == 0 {
		return gcPercent
	}
	return int(max(min(gcRoom*100/live, gcPercent), gcLeast))
}

// Pace keeps GC percent at what the live heap needs, and gives memory back to the system when load
// has ended, until ctx ends.
func Pace(ctx context.Context) {
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	own := os.Getenv("GOGC") == ""
	tick := time.NewTicker(gcInterval)
	defer tick.Stop()
	var rest restful
	for now := gcPercent; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(heap)
		live := heap[0].Value.Uint64()
		if rest.tick(heap[1].Value.Uint64(), int64(heap[2].Value.Uint64()+heap[3].Value.Uint64()+heap[4].Value.Uint64())-int64(live)) {
			debug.FreeOSMemory()
			continue
		}
		percent := percentFor(live)
		if change := percent - now; own && (change*10 > now || change*-10 > now) { // to set it stops the world for a moment
			debug.SetGCPercent(percent)
			now = percent
		}
	}
}

// When memory goes back: the collector leaves what a load has taken until the heap has grown as much again,
// which without load it never does.
const (
	restAfter = 15       // looks, one each gcInterval, with little allocated
	restMost  = 16 << 20 // octets allocated from one look to the next, at most
	restWorth = 32 << 20 // octets that are not live, at least
)

// restful finds out that a load has ended.
type restful struct {
	allocated uint64
	looks     int
	given     bool // since the last load
}

// tick is told how much was ever allocated and how much of the heap is not live, and says whether to give
// memory back: once after each load.
func (r *restful) tick(allocated uint64, spare int64) (give bool) {
	busy := allocated-r.allocated > restMost
	r.allocated = allocated
	if r.looks++; busy {
		r.looks, r.given = 0, false
	}
	if r.given || r.looks < restAfter || spare < restWorth {
		return false
	}
	r.given = true
	return true
}

// leastMemory is what a daemon takes without any OTP, with room to work.
const leastMemory = 64 << 20

// Of is how much the daemon may take: what is configured, else half of what the cgroup or the machine
// has.
func Of(c *config.Config) int64 {
	if c.Memory > 0 {
		return c.Memory
	}
	if has := Has(); has > 0 {
		return max(has/2, leastMemory)
	}
	return 0
}

// Has is how much memory the cgroup has, or the machine where that is less; 0 where neither tells.
func Has() (octets int64) {
	for _, told := range []func() (uint64, error){memlimit.FromSystem, memlimit.FromCgroup} {
		if n, err := told(); err == nil && n > 0 && n <= math.MaxInt64 && (octets == 0 || int64(n) < octets) {
			octets = int64(n)
		}
	}
	return octets
}

// Limit makes the garbage collector keep the daemon below its bound. GOMEMLIMIT in the environment
// wins.
func Limit(c *config.Config) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	Bound(c)
}

// Bound is the bound alone, of which a reload may make another.
func Bound(c *config.Config) {
	if most := Of(c); most > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(most)
	}
}
