package server_test

import (
	"sync"
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// BenchmarkSubmit is submits with one receipt each over one bind, client included: the same process is both.
func BenchmarkSubmit(b *testing.B) {
	srv := esmetest.Start(b, smsc.Config{})
	e := esmetest.Bound(b, srv, wire.BindTransceiver, "a")
	m := esmetest.Message("491701234567", "Your verification code is 123456")
	ctx := b.Context()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for range b.N / 100 {
				if _, err := e.Do(ctx, wire.SubmitSM, m); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	for range b.N / 100 * 100 {
		<-e.Delivered
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submits/s")
}
