package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/otp"
)

// TestCapacity: what check says a configuration carries follows from its memory, its disk, its longest PIN
// and its retention; a store that does not fit the disk is refused.
func TestCapacity(t *testing.T) {
	c := &config.Config{Memory: 2 << 30, Retention: time.Hour, Apps: []otp.App{{TTL: time.Minute}, {TTL: 5 * time.Minute}}, DataDir: t.TempDir()}
	c.NATS.URL = "nats://a" // whose disk is not known
	of := func() capacity {
		t.Helper()
		carried, err := carries(c)
		if err != nil {
			t.Fatal(err)
		}
		return carried
	}
	one := of()
	if one.byDisk || one.known < 6e6 || one.known > 8e6 || one.perSecond() < 1500 || one.perSecond() > 2000 { // three quarters of 1,720 MiB, for 5 minutes and an hour
		t.Errorf("%.0f OTP/s: %+v", one.perSecond(), one)
	}
	c.Retention = 30 * time.Minute
	if shorter := of(); shorter.perSecond() < 1.4*one.perSecond() {
		t.Errorf("%.0f OTP/s with half the retention, %.0f with the whole", shorter.perSecond(), one.perSecond())
	}
	c.StoreSize = 1 << 30
	small := of()
	if !small.byDisk || small.known > one.known/2 {
		t.Errorf("with a store of 1 GiB: %+v", small)
	}
	var out bytes.Buffer
	if err := tellCapacity(c, &out); err != nil || !strings.Contains(out.String(), "OTP/s sustained") || !strings.Contains(out.String(), "OTPGW_STORE_SIZE at once") ||
		!strings.Contains(out.String(), "may take 1.0 GiB of disk on each NATS server") {
		t.Errorf("%q, %v", out.String(), err)
	}
	c.NATS.URL, c.StoreSize = "", 1<<59
	if err := tellCapacity(c, &out); err == nil || !strings.Contains(err.Error(), "OTPGW_STORE_SIZE") {
		t.Errorf("a store that does not fit its disk: %v", err)
	}
}

// TestSmallCapacity: of the smallest values something is said too, and it is what the bytes say.
func TestSmallCapacity(t *testing.T) {
	c := &config.Config{Memory: 64 << 20, StoreSize: 64 << 20, Retention: time.Hour, Apps: []otp.App{{TTL: 5 * time.Minute}}}
	c.NATS.URL = "nats://a"
	for _, step := range []struct {
		store     int64
		retention time.Duration
		want      []string
	}{
		{64 << 20, time.Hour, []string{"# this carries 6.9 OTP/s sustained, as far as memory and disk go: 26734 OTPs fit into OTPGW_STORE_SIZE at once", "the store may take 64 MiB of disk"}},
		{16 << 30, time.Hour, []string{"# this carries 30 OTP/s sustained, as far as memory and disk go: 0.1 million OTPs fit into OTPGW_MEMORY at once"}},
		{64 << 20, 720 * time.Hour, []string{"# this carries 0.0 OTP/s sustained", "OTPGW_STORE_SIZE at once"}},
	} {
		c.StoreSize, c.Retention = step.store, step.retention
		var out bytes.Buffer
		err := tellCapacity(c, &out)
		for _, want := range step.want {
			if err != nil || !strings.Contains(out.String(), want) {
				t.Errorf("%q, %v; want %q", out.String(), err, want)
			}
		}
	}
}

// TestMemoryBeyondTheMachine: is warned of.
func TestMemoryBeyondTheMachine(t *testing.T) {
	for memory, warned := range map[int64]bool{0: false, 64 << 20: false, 1 << 40: true} {
		list := memoryWarnings(&config.Config{Memory: memory})
		if (len(list) > 0) != warned || warned && !strings.Contains(list[0].String(), "OTPGW_MEMORY") {
			t.Errorf("%d MiB: %v", memory>>20, list)
		}
	}
}
