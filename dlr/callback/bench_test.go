package callback

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
)

// BenchmarkEvents measures items from stored to acknowledged, with a receiver that answers at once.
func BenchmarkEvents(b *testing.B) {
	q := queuetest.Open(b)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	for i := range b.N {
		publish(b, q, event(server.URL, fmt.Sprint("o", i), 1))
	}
	b.ReportAllocs()
	b.ResetTimer()
	_, stop := start(b, options(b, q))
	empty(b, q)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	stop()
}

// BenchmarkSecondChanges measures items that have to look for an earlier one of their OTP.
func BenchmarkSecondChanges(b *testing.B) {
	q := queuetest.Open(b)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	for i := range b.N {
		publish(b, q, event(server.URL, fmt.Sprint("o", i), 2))
	}
	b.ResetTimer()
	_, stop := start(b, options(b, q))
	empty(b, q)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	stop()
}

// BenchmarkIdleLatency measures an idle system from Publish's return to the request at the receiver.
func BenchmarkIdleLatency(b *testing.B) {
	q := queuetest.Open(b)
	var at atomic.Int64
	came := make(chan time.Duration, 1)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		came <- time.Duration(time.Now().UnixNano() - at.Load())
	}))
	defer server.Close()
	_, stop := start(b, options(b, q))
	var all []time.Duration
	for i := 0; b.Loop(); i++ {
		at.Store(time.Now().UnixNano()) // before Publish: the event is stored somewhere within
		publish(b, q, event(server.URL, fmt.Sprint("o", i), 1))
		all = append(all, <-came)
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-us")
	stop()
}
