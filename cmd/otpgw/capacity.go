package main

import (
	"fmt"
	"io"
	"time"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/memory"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue"
)

// What an OTP takes, in octets; `make volume` and `make ended` measure it.
const (
	otpPending = 800 // in the memory of each daemon, while its PIN may be good
	otpEnded   = 130 // from then to the end of its retention: its keys and their places in the file of what left the memory

	numbersShare = 0.25     // of the memory, for the counts of telephone numbers, which are kept for a day
	otherState   = 32 << 20 // how callbacks went
)

// capacity is what a configuration carries.
type capacity struct {
	known   float64 // OTPs at once
	life    time.Duration
	byDisk  bool  // the disk is the narrower one
	storage int64 // octets that the store may take
}

// perSecond is how many OTPs can be asked for all the time.
func (c capacity) perSecond() float64 { return c.known / c.life.Seconds() }

// carries is by memory and by disk; the error is that the store does not fit its disk.
func carries(c *config.Config) (capacity, error) {
	longest := time.Duration(0)
	for _, app := range c.Apps {
		longest = max(longest, app.TTL)
	}
	carried := capacity{life: longest + c.Retention, storage: c.StoreSize}
	if c.NATS.URL == "" {
		var err error
		if carried.storage, err = queue.StoreSize(c.DataDir, c.StoreSize); err != nil {
			return carried, err
		}
	} else if carried.storage == 0 {
		carried.storage = queue.DefaultSize()
	}
	each := (otpPending*longest.Seconds() + otpEnded*c.Retention.Seconds()) / carried.life.Seconds()
	byMemory, byDisk := ((1-numbersShare)*float64(queue.MemoryBound(memory.Of(c)))-otherState)/each, queue.Capacity(carried.storage)
	carried.known, carried.byDisk = min(byMemory, byDisk), byDisk < byMemory
	return carried, nil
}

// tellCapacity says what the configuration carries.
func tellCapacity(c *config.Config, w io.Writer) error {
	carried, err := carries(c)
	if err != nil || carried.perSecond() < 1 {
		return err
	}
	narrow, where := "OTPGW_MEMORY", "of disk in OTPGW_DATA_DIR"
	if carried.byDisk {
		narrow = "OTPGW_STORE_SIZE"
	}
	if c.NATS.URL != "" {
		where = "of disk on each NATS server that has a copy"
	}
	fmt.Fprintf(w, "# this carries %.0f OTP/s sustained: %.1f million OTPs fit into %s at once, each for the life of its PIN and OTPGW_RETENTION (%s); the store may take %.1f GiB %s\n",
		carried.perSecond(), carried.known/1e6, narrow, c.Retention, float64(carried.storage)/(1<<30), where)
	return nil
}
