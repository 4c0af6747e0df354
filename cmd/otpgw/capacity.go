package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/memory"
	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue"
)

// What an OTP takes, in octets; `make volume` and `make ended` measure it.
const (
	otpPending = 800 // in the memory of each daemon, while its PIN may be good
	otpEnded   = 130 // from then to the end of its retention: its keys and their places in the file of what left the memory
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
	byMemory, byDisk := float64(queue.RecordsRoom(memory.Of(c)))/each, queue.Capacity(carried.storage)
	carried.known, carried.byDisk = min(byMemory, byDisk), byDisk < byMemory
	return carried, nil
}

// tellCapacity says what the configuration carries.
func tellCapacity(c *config.Config, w io.Writer) error {
	carried, err := carries(c)
	if err != nil {
		return err
	}
	narrow, where := "OTPGW_MEMORY", "of disk in OTPGW_DATA_DIR"
	if carried.byDisk {
		narrow = "OTPGW_STORE_SIZE"
	}
	if c.NATS.URL != "" {
		where = "of disk on each NATS server that has a copy"
	}
	fmt.Fprintf(w, "# this carries %s OTP/s sustained, as far as memory and disk go: %s OTPs fit into %s at once, each for the life of its PIN and OTPGW_RETENTION (%s); the store may take %s %s\n",
		few(carried.perSecond()), counted(carried.known), narrow, c.Retention, diskSize(carried.storage), where)
	return nil
}

// few is a rate with as many digits as mean something.
func few(rate float64) string {
	if rate < 10 {
		return strconv.FormatFloat(rate, 'f', 1, 64)
	}
	return strconv.FormatFloat(rate, 'f', 0, 64)
}

// counted is a number of OTPs: in millions where there are.
func counted(n float64) string {
	if n < 1e5 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return fmt.Sprintf("%.1f million", n/1e6)
}

// diskSize is one in the unit that it has some of.
func diskSize(octets int64) string {
	if octets < 1<<30 {
		return fmt.Sprintf("%d MiB", octets>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(octets)/(1<<30))
}

// memoryWarnings tell of a daemon that may take more than there is: the system would end it before it refuses
// anything.
func memoryWarnings(c *config.Config) []config.Fault {
	has := memory.Has()
	if c.Memory == 0 || has == 0 || c.Memory <= has {
		return nil
	}
	return []config.Fault{{Variable: "OTPGW_MEMORY", Text: fmt.Sprintf("%d MiB are more than the %d that the machine or its cgroup has: the system ends the daemon "+
		"before it refuses anything. Set less, or 0 for half of what is there", c.Memory>>20, has>>20)}}
}
