//go:build unix

package link_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// cpu is the processor time this process has used, the SMSC's share in it: link and simulator are one
// process.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report gives the figures of n parts.
func report(b *testing.B, n int, took, used time.Duration, mallocs uint64) {
	b.ReportMetric(float64(n)/took.Seconds(), "parts/s")
	b.ReportMetric(float64(used.Microseconds())/float64(n), "cpu-us/part")
	b.ReportMetric(float64(mallocs)/float64(n), "allocs/part")
	b.ReportMetric(0, "ns/op")
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// BenchmarkLink is a link alone, from the queue to the answer of the simulated SMSC, with a receipt for each
// part: messages are queued first, and the time is from the bind to the last message off the queue.
func BenchmarkLink(b *testing.B) {
	for _, window := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint("window-", window), func(b *testing.B) {
			srv := benchSMSC(b)
			q := queuetest.Open(b)
			fill(b, q, b.N)
			sink := newBenchSink(b.N)
			l := link.New(link.Config{Name: "carrier", Addr: srv.Addr(), SystemID: "acc", Password: "secret", Bind: link.BindTransceiver,
				Binds: 1, Window: window, EnquireLink: 30 * time.Second, ResponseTimeout: 10 * time.Second, Routes: []link.Route{{Name: queuetest.Route}},
			}, link.Deps{Queue: q, Sink: sink, Log: zerolog.Nop(), Open: func(m *queue.Outbound) (string, error) { return string(m.Text), nil }})
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			before, used, began := mallocs(), cpu(), time.Now()
			b.ResetTimer()
			go func() {
				defer close(done)
				_ = l.Run(ctx)
			}()
			<-sink.all
			b.StopTimer()
			report(b, b.N, time.Since(began), cpu()-used, mallocs()-before)
			cancel()
			<-done
		})
	}
}

// BenchmarkSession is the same without the queue: submit_sm and its answer, and a receipt for each.
func BenchmarkSession(b *testing.B) {
	for _, window := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint("window-", window), func(b *testing.B) {
			p := &simulator{Server: benchSMSC(b)}
			receipts := newBenchSink(b.N)
			s, _ := benchSession(b, p, window, receipts)
			m := &wire.Message{Source: wire.Address{TON: 5, Addr: "Verify"}, Dest: wire.Address{TON: 1, NPI: 1, Addr: "46700000001"},
				Validity: "000000000500000R", RegisteredDelivery: 1, ShortMessage: []byte("Your code is 123456")}
			var left atomic.Int64
			left.Store(int64(b.N))
			before, used, began := mallocs(), cpu(), time.Now()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range window {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if f, err := s.Do(context.Background(), wire.SubmitSM, m); err != nil || f.Status != 0 {
							b.Errorf("%v, %v", f.Status, err)
							return
						}
					}
				})
			}
			wg.Wait()
			<-receipts.all
			b.StopTimer()
			report(b, b.N, time.Since(began), cpu()-used, mallocs()-before)
		})
	}
}

func benchSMSC(b *testing.B) *smsc.Server {
	srv, err := smsc.Start(smsc.Config{Accounts: map[string]string{"acc": "secret"}, Keep: 100})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			b.Error(err)
		}
	})
	return srv
}

// benchSession is a bound session that counts receipts.
func benchSession(b *testing.B, p peer, window int, receipts *benchSink) (*session.Session, chan error) {
	return boundSession(b, p, session.Options{Window: window, Workers: 64, Handlers: map[wire.Command]session.Handler{
		wire.DeliverSM: func(ctx context.Context, s *session.Session, f wire.Frame) {
			if _, err := wire.DecodeMessage(f); err != nil {
				b.Error(err)
			}
			_ = s.Respond(ctx, f, wire.StatusOK, wire.MessageResp{})
			receipts.one()
		}}})
}

// benchSink is a Sink that counts receipts, and stores nothing.
type benchSink struct {
	left atomic.Int64
	all  chan struct{}
}

func newBenchSink(n int) *benchSink {
	c := &benchSink{all: make(chan struct{})}
	c.left.Store(int64(n))
	return c
}

func (c *benchSink) one() {
	if c.left.Add(-1) == 0 {
		close(c.all)
	}
}

func (c *benchSink) Accepted(context.Context, link.Accepted) error   { return nil }
func (c *benchSink) Refused(context.Context, link.Refused) error     { return nil }
func (c *benchSink) HandedOver(*queue.Tx, link.HandedOver) func()    { return func() {} }
func (c *benchSink) Answered(context.Context, link.Unanswered) error { return nil }
func (c *benchSink) Past(context.Context, *queue.Outbound) (link.Past, error) {
	return link.Past{}, nil
}
func (c *benchSink) Unanswered(context.Context, link.Unanswered) (link.Past, error) {
	return link.Past{}, nil
}
func (c *benchSink) Deliver(context.Context, link.Incoming) error { c.one(); return nil }

// fill queues n messages.
func fill(b *testing.B, q *queue.Queue, n int) {
	now := time.Now()
	var wg sync.WaitGroup
	for worker := range 32 {
		wg.Go(func() {
			for i := worker; i < n; i += 32 {
				id := fmt.Sprint("msg", i)
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				err := q.PublishSMS(ctx, queue.Outbound{ID: id, Ref: id, Route: queuetest.Route, From: "Verify", To: "+46700000001",
					Text: []byte("Your code is 123456"), Created: now, Expires: now.Add(25 * time.Minute)})
				cancel()
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
