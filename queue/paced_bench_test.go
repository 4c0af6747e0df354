//go:build unix

package queue_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
)

// BenchmarkPacedAppend says what an append costs at rest, when it has to wake whoever has a part in it: the
// CPU of the process for each of 800 a second, as some 300 OTPs a second make them: what nobody waits for has none
// of its own.
func BenchmarkPacedAppend(b *testing.B) {
	const rate = 800
	q := queuetest.Open(b)
	b.ResetTimer()
	begun, before := time.Now(), cpuTime(b)
	for i := range b.N {
		time.Sleep(time.Until(begun.Add(time.Duration(i) * time.Second / rate))) // the pace of the load
		_, err := q.Records().Create(context.Background(), strconv.Itoa(i), value, time.Hour)
		must(b, err)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/append")
}
