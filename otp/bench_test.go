package otp

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/otp/guard"
	"github.com/otpgw/otpgw/otp/limit"
	"github.com/otpgw/otpgw/smpp/text"
)

// BenchmarkParseNewOtpPlain: of a request as most are.
func BenchmarkParseNewOtpPlain(b *testing.B) {
	app := testApp()
	body := []byte(`{"phoneNumber":"+46701234567","trackId":"00000000-0000-4000-8000-000000000001","otpCallbackUrl":"https://example.com/otp"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseNewOtp(body, app, text.SenderProblem, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseNewOtp(b *testing.B) {
	app := testApp()
	body := []byte(`{"phoneNumber":"+33612345678","template":"Your code is {{pin}}","template_fr":"Votre code est {{pin}}","ttl":300}`)
	for b.Loop() {
		if _, err := ParseNewOtp(body, app, text.SenderProblem, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreate: record, timer and message, on the embedded store, by several callers.
func BenchmarkCreate(b *testing.B) {
	s := newBench(b)
	n, err := s.ParseNewOtp([]byte(french), s.app)
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Create(context.Background(), s.app, n); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkCreateGuarded: with the limits and the guard of the defaults, each to another number, of which a
// hundred share a prefix, or none, as of people all over a country.
func BenchmarkCreateGuarded(b *testing.B) {
	for name, number := range map[string]func(i int64) string{
		"hundred of a prefix": func(i int64) string { return fmt.Sprintf("+4670%05d%02d", i/100*100%100_000, i%100) },
		"spread":              func(i int64) string { return fmt.Sprintf("+9198%08d", i*2_654_435_761%100_000_000) },
	} {
		b.Run(name, func(b *testing.B) { createGuarded(b, number) })
	}
}

func createGuarded(b *testing.B, number func(i int64) string) {
	s := newBench(b)
	s.app.SendLimits, s.app.Guard = limit.Limits{{Max: 5, Per: 10 * time.Minute}, {Max: 10, Per: 24 * time.Hour}}, guard.Settings{Mode: guard.Observe, PrefixUnverified: 10, CountryUnverified: 20, Share: 0.2}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = s.RunCounts(ctx) }()
	var next atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n, err := s.ParseNewOtp(fmt.Appendf(nil, `{"phoneNumber":%q}`, number(next.Add(1))), s.app)
			if err == nil {
				_, err = s.Create(ctx, s.app, n)
			}
			if err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkVerify: a right PIN each, on an OTP of its own; three writes with its event.
func BenchmarkVerify(b *testing.B) {
	s := newBench(b)
	ids, pins := make([]string, b.N), make([]string, b.N)
	for i := range ids {
		ids[i] = s.create(b, french).OtpID
		pins[i] = s.pin(b, ids[i])
	}
	var next atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := next.Add(1) - 1
			if err := s.verify(ids[i], pins[i]); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkReport: a receipt each, on an OTP of its own, with its event.
func BenchmarkReport(b *testing.B) {
	s := newBench(b)
	ids := make([]string, b.N)
	for i := range ids {
		ids[i] = s.create(b, french).OtpID
	}
	var next atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			d := DeliveryReport{OtpID: ids[next.Add(1)-1], Link: "a", Part: 1, Parts: 1, Status: DeliveryDelivered}
			if err := s.Report(context.Background(), d); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkParseVerification(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseVerification([]byte(`{"pin":"123456"}`)); err != nil {
			b.Fatal(err)
		}
	}
}
