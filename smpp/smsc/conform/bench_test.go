package conform_test

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/conform"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// BenchmarkCheck is what the strictness costs a submit_sm.
func BenchmarkCheck(b *testing.B) {
	m := esmetest.Message("491701234567", "Your verification code is 123456")
	m.Validity = "000000000500000R"
	raw, err := m.Encode(wire.Header{Command: wire.SubmitSM})
	if err != nil {
		b.Fatal(err)
	}
	f := wire.Frame{Header: wire.Header{Command: wire.SubmitSM}, Body: raw[wire.HeaderLen:]}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if breach := conform.Check(f, now); breach != nil {
			b.Fatal(breach)
		}
	}
}
