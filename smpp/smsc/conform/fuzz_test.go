package conform_test

import (
	"errors"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/conform"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/wire"
)

// FuzzCheck: no octets make a check panic, each breach has a status and a field, and what breaks no rule can
// be decoded.
func FuzzCheck(f *testing.F) {
	list := requests()
	for i, p := range list {
		f.Add(byte(i), body(p, "", nil))
		f.Add(byte(i), append(body(p, "sm_length", []byte{0}), 0x04, 0x24, 0, 2, 'h', 'i', 0x02, 0x0F, 0, 1, 1))
	}
	m := esmetest.Message("491701234567", "x")
	m.Validity, m.ScheduleDelivery = "000000000500000R", "261123103000004+"
	raw, err := m.Encode(wire.Header{Command: wire.SubmitSM})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(3), raw[wire.HeaderLen:])
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		p := list[int(which)%len(list)]
		frame := wire.Frame{Header: wire.Header{Command: p.Command}, Body: b}
		breach := conform.Check(frame, now)
		if breach != nil {
			if breach.Status == wire.StatusOK || breach.Field == "" || breach.Why == "" {
				t.Errorf("%+v", breach)
			}
			return
		}
		switch p.Command {
		case wire.SubmitSM, wire.DataSM:
			_, err = wire.DecodeMessage(frame)
		case wire.SubmitMulti:
			_, err = wire.DecodeMulti(frame)
		case wire.QuerySM:
			_, err = wire.DecodeQuery(frame)
		case wire.CancelSM:
			_, err = wire.DecodeCancel(frame)
		case wire.ReplaceSM:
			_, err = wire.DecodeReplace(frame)
		default:
			_, err = wire.DecodeBind(frame)
		}
		if err != nil {
			t.Errorf("%s %x breaks no rule, and cannot be decoded: %v", p.Name, b, err)
		}
	})
}

// TestParseTime: absolute times with their zone, relative ones, and what is none (SMPP 3.4, 7.1.1).
func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	at := func(s string) time.Time {
		t.Helper()
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for s, want := range map[string]time.Time{
		"":                 {},
		"261123103000000+": at("2026-11-23T10:30:00Z"),
		"261123103000004+": at("2026-11-23T09:30:00Z"), // an hour before UTC
		"261123103000004-": at("2026-11-23T11:30:00Z"),
		"261123103000500+": at("2026-11-23T10:30:00.5Z"),
		"000000000500000R": at("2026-11-23T10:05:00Z"),
		"000001000000000R": at("2026-11-24T10:00:00Z"),
		"000100000000000R": at("2026-12-23T10:00:00Z"),
		"000000000000000R": now,
	} {
		if got, err := conform.ParseTime(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %s, %v; want %s", s, got, err, want)
		}
	}
	for _, s := range []string{
		"5 minutes", "261301000000000+", "261132000000000+", "260230000000000+", "261123250000000+", "261123106100000+",
		"261123103000049+", "261123103000000", "261123103000000Z", "26112310300000+", "2611231030000000+", "000000000060000R",
		"000000006000000R", "000000240000000R", "001300000000000R", "000000000500100R", "000000000500004R", "0000000005OO000R", "-00000000500000R",
	} {
		if got, err := conform.ParseTime(s, now); !errors.Is(err, conform.ErrTime) {
			t.Errorf("%q was taken as %s, %v", s, got, err)
		}
	}
}
