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
	otpPending = 800  // in the memory of each daemon, while its PIN may be good
	otpEnded   = 130  // from then to the end of its retention: its keys and their places in the file of what left the memory
	otpDisk    = 1536 // in the log, its snapshot, the one that replaces it, and that file

	numbersShare = 0.25     // of the memory, for the counts of telephone numbers, which are kept for a day
	otherState   = 32 << 20 // how callbacks went
)

// carries is how many OTPs a second can be asked for all the time, and how many are known then.
func carries(c *config.Config) (perSecond, known float64) {
	longest := time.Duration(0)
	for _, app := range c.Apps {
		longest = max(longest, app.TTL)
	}
	each := otpPending*longest.Seconds() + otpEnded*c.Retention.Seconds()
	perSecond = ((1-numbersShare)*float64(queue.MemoryBound(memory.Of(c))) - otherState) / each
	return perSecond, perSecond * (longest + c.Retention).Seconds()
}

// tellCapacity says what the configuration carries.
func tellCapacity(c *config.Config, w io.Writer) {
	perSecond, known := carries(c)
	if perSecond < 1 {
		return
	}
	where := "of disk in OTPGW_DATA_DIR"
	if c.NATS.URL != "" {
		where = "of disk on each NATS server that has a copy"
	}
	fmt.Fprintf(w, "# this carries %.0f OTP/s sustained: %.1f million OTPs fit into OTPGW_MEMORY at once, each for the life of its PIN and OTPGW_RETENTION (%s); they take %.1f GiB %s\n",
		perSecond, known/1e6, c.Retention, known*otpDisk/(1<<30), where)
}
