//go:build unix

package queue_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
)

// BenchmarkShards says what several logs would cost and buy: the four transactions of an OTP, of 64 at once,
// on one log and on four, each OTP on that which its number's hash says. Each log is a store of its own, for
// the product has one; a server that held four would save little of that.
func BenchmarkShards(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			shards := make([]*queue.Queue, n)
			for i := range shards {
				shards[i] = queuetest.Open(b)
			}
			b.ResetTimer()
			before := cpuTime(b)
			var next atomic.Int64
			var workers sync.WaitGroup
			for range 64 {
				workers.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						number := fmt.Sprintf("4670%07d", i)
						h := fnv.New32a()
						h.Write([]byte(number))
						if err := wholeLife(shards[h.Sum32()%uint32(n)], number); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			workers.Wait()
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/otp")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "otp/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// wholeLife is what an OTP stores, in transactions of the product's size: it is made, sent, delivered and told.
func wholeLife(q *queue.Queue, number string) error {
	ctx := context.Background()
	records, receipts := q.Records(), q.Receipts()
	made := q.Begin().Create(records, number, value, time.Hour).Timer(number, q.Now().Add(time.Hour), nil).
		Put(q.Numbers(), number, value[:6], time.Hour)
	if err := q.Commit(ctx, made); err != nil {
		return err
	}
	sent := q.Begin().Create(receipts, number, value[:70], time.Hour).Put(q.Sent(), number, value[:40], time.Hour)
	if err := q.Commit(ctx, sent); err != nil {
		return err
	}
	delivered := q.Begin().Update(records, number, value, time.Hour, made.Revision()).
		Message(queue.Message{Subject: "parked.shards", Key: number, Group: "shards", Data: value[:100], TTL: time.Minute})
	if err := q.Commit(ctx, delivered); err != nil {
		return err
	}
	return q.Commit(ctx, q.Begin().Delete(receipts, number).Along())
}

// cpuTime is what this process has used of the machine.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
