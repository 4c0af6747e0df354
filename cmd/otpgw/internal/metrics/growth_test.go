package metrics

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// TestFullIn: what is said of when a part will be full is what comes of it when it goes on as it did; and of a log
// whose beginning goes in time, nothing, whenever it is looked at.
func TestFullIn(t *testing.T) {
	const most = 1000
	begun := time.Unix(1_800_000_000, 0)
	for name, c := range map[string]struct {
		bytes   func(minute int) uint64
		trimmed int64
		at      int // minutes
		want    time.Duration
	}{
		"steady growth":                   {func(m int) uint64 { return uint64(5 * m) }, 0, 60, 140 * time.Minute},
		"at its limit":                    {func(m int) uint64 { return uint64(min(50*m, most)) }, 0, 30, time.Second},
		"it shrinks":                      {func(m int) uint64 { return uint64(500 - m) }, 0, 30, 0},
		"too little is known":             {func(m int) uint64 { return uint64(5 * m) }, 0, 4, 0},
		"in months":                       {func(m int) uint64 { return uint64(m / 60) }, 0, 60, 0},
		"a log that is trimmed in time":   {func(m int) uint64 { return uint64(m%50) * 9 }, most / 2, 49, 0},
		"the same, without a bound":       {func(m int) uint64 { return uint64(m%50) * 9 }, 0, 49, 62 * time.Minute},
		"a log that is not trimmed":       {func(m int) uint64 { return uint64(min(10*m, most)) }, most / 2, 60, 40 * time.Minute},
		"a log that will soon be trimmed": {func(m int) uint64 { return uint64(10 * m) }, most / 2, 45, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var g Growth
			one := queue.StreamStats{Name: "part", MaxBytes: most, Trimmed: c.trimmed}
			for m := range c.at {
				one.Bytes = c.bytes(m)
				g.add(begun.Add(time.Duration(m)*time.Minute), queue.Stats{Streams: []queue.StreamStats{one}})
			}
			one.Bytes = c.bytes(c.at)
			got := g.FullIn(one, begun.Add(time.Duration(c.at)*time.Minute))
			if (got - c.want).Abs() > time.Minute {
				t.Errorf("full in %s, want %s", got, c.want)
			}
		})
	}
}
