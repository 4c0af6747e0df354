package main

import (
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/otpgw/otpgw/config"
)

// gcPercent lets the heap grow to four times what is live before it is collected: with few OTPs the live heap is some tens of
// MiB, and collecting it at each doubling was a tenth of the CPU. With many the limit of limitMemory comes first. GOGC in the
// environment wins.
const gcPercent = 300

// leastMemory is what a daemon takes without any OTP, with room to work.
const leastMemory = 64 << 20

// memoryOf is how much the daemon may take: what is configured, else half of what the cgroup or the machine has.
func memoryOf(c *config.Config) int64 {
	if c.Memory > 0 {
		return c.Memory
	}
	half := func(n uint64, err error) int64 {
		if err != nil || n == 0 || n > math.MaxInt64 {
			return 0
		}
		return max(int64(n/2), leastMemory)
	}
	machine, cgroup := half(memlimit.FromSystem()), half(memlimit.FromCgroup())
	if cgroup > 0 && (machine == 0 || cgroup < machine) {
		return cgroup
	}
	return machine
}

// limitMemory makes the garbage collector keep the daemon below its bound. GOMEMLIMIT in the environment wins.
func limitMemory(c *config.Config) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if most := memoryOf(c); most > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(most)
	}
}
