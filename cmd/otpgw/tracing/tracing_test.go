package tracing

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue"
)

// TestOffCostsNothing: without a collector nothing is allocated for traces, and nothing stands between the
// server and the API.
func TestOffCostsNothing(t *testing.T) {
	off, err := New(context.Background(), Config{})
	if off != nil || err != nil {
		t.Fatal(off, err)
	}
	m := &queue.Outbound{}
	if n := testing.AllocsPerRun(1000, func() {
		off.Submitted(m, Submit{Link: "carrier", Part: 1, Parts: 1})
		off.Receipt(nil, "", "carrier", "DELIVRD", time.Time{})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	api := http.NewServeMux()
	if off.Requests(api) != http.Handler(api) {
		t.Error("requests go by the tracer")
	}
	if err := off.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestNames: a span's name has no id, and nothing that a caller makes up.
func TestNames(t *testing.T) {
	for path, want := range map[string]string{"/otp": "POST /otp", "/otp/0d1a5b0e-0000-4000-8000-000000000000/resend": "POST /otp/{id}/resend",
		"/otp/0d1a5b0e-0000-4000-8000-000000000000": "POST /otp/{id}", "/whatever": "POST", "/otp/a-word-that-somebody-made-up": "POST", "/": "POST"} {
		if got := nameOf(httptest.NewRequest("POST", path, nil)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// BenchmarkOff is what the way of a message costs where nothing is traced.
func BenchmarkOff(b *testing.B) {
	var off *Tracer
	m := &queue.Outbound{}
	for b.Loop() {
		off.Submitted(m, Submit{Link: "carrier", Part: 1, Parts: 1})
	}
}
