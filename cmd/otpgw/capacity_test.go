package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/otp"
)

// TestCapacity: what check says a configuration carries follows from its memory, its longest PIN and its
// retention.
func TestCapacity(t *testing.T) {
	c := &config.Config{Memory: 2 << 30, Retention: time.Hour, Apps: []otp.App{{TTL: time.Minute}, {TTL: 5 * time.Minute}}}
	one, known := carries(c)
	if known < 6e6 || known > 8e6 || one < 1500 || one > 2000 { // three quarters of 1,720 MiB, for 5 minutes and an hour
		t.Errorf("%.0f OTP/s, %.0f known", one, known)
	}
	c.Retention = 30 * time.Minute
	if shorter, _ := carries(c); shorter < 1.4*one {
		t.Errorf("%.0f OTP/s with half the retention, %.0f with the whole", shorter, one)
	}
	var out bytes.Buffer
	tellCapacity(c, &out)
	if text := out.String(); !strings.Contains(text, "OTP/s sustained") || !strings.Contains(text, "OTPGW_DATA_DIR") {
		t.Errorf("%q", text)
	}
}
