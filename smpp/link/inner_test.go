package link

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

func TestValidity(t *testing.T) {
	cases := map[time.Duration]string{
		0:                                 "000000000001000R",
		1500 * time.Millisecond:           "000000000001000R",
		59 * time.Second:                  "000000000059000R",
		5 * time.Minute:                   "000000000500000R",
		30*time.Minute - time.Millisecond: "000000002959000R",
		90 * time.Minute:                  "000000013000000R",
	}
	for rest, want := range cases {
		if got := relative(rest); got != want {
			t.Errorf("%s: %s, want %s", rest, got, want)
		}
	}
}

func TestClassify(t *testing.T) {
	cases := map[Class][]wire.Status{
		Taken:         {0},
		Throttled:     {0x58},
		Delayed:       {0x14},
		Temporary:     {0x08, 0x64, 0x45, 0x0D, 0x05},
		Misconfigured: {0x0E, 0x0F, 0x15, 0x53},
		OtherLink:     {0x400, 0x401, 0x4A1, 0x4FF, 0xFF, 0x200, 0xFFFFFFFF},
		Permanent:     {0x0A, 0x0B, 0x33, 0x40, 0x43, 0x48, 0x51, 0x61, 0x62, 0x65, 0x66, 0xC0, 0xC4},
	}
	for want, statuses := range cases {
		for _, s := range statuses {
			if got := Classify(s); got != want {
				t.Errorf("%s is %s, want %s", s, got, want)
			}
		}
	}
}
