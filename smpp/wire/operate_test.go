package wire_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/otpgw/otpgw/smpp/wire"
)

type encoder interface {
	Encode(wire.Header) ([]byte, error)
}

// TestOperationsThereAndBack: each of the PDUs that only a server meets is read as it was written, and cut at
// any octet it is an error and no panic.
func TestOperationsThereAndBack(t *testing.T) {
	a, b := wire.Address{TON: 1, NPI: 1, Addr: "4917"}, wire.Address{TON: 5, Addr: "Bank"}
	multi := &wire.Multi{Message: wire.Message{ServiceType: "OTP", Source: b, ESMClass: 0x40, ProtocolID: 1, Priority: 2,
		ScheduleDelivery: "s", Validity: "v", RegisteredDelivery: 1, ReplaceIfPresent: 1, DataCoding: 8, DefaultMessageID: 3,
		ShortMessage: []byte("hi"), TLVs: wire.TLVs{{Tag: 0x1400, Value: []byte("x")}}},
		Dests: []wire.Address{a, b}, Lists: []string{"all"}}
	tests := []struct {
		name   string
		pdu    encoder
		decode func(wire.Frame) (any, error)
		tail   int // octets that may be cut without an error
	}{
		{"submit_multi", multi, func(f wire.Frame) (any, error) { return wire.DecodeMulti(f) }, 5},
		{"submit_multi_resp", wire.MultiResp{MessageID: "7", Refused: []wire.Unsuccess{{Dest: a, Status: 0x0B}}},
			func(f wire.Frame) (any, error) { return wire.DecodeMultiResp(f) }, 0},
		{"query_sm", wire.Query{MessageID: "7", Source: b}, func(f wire.Frame) (any, error) { return wire.DecodeQuery(f) }, 0},
		{"query_sm_resp", wire.QueryResp{MessageID: "7", FinalDate: "d", State: 2, Error: 1},
			func(f wire.Frame) (any, error) { return wire.DecodeQueryResp(f) }, 0},
		{"cancel_sm", wire.Cancel{ServiceType: "x", MessageID: "7", Source: b, Dest: a},
			func(f wire.Frame) (any, error) { return wire.DecodeCancel(f) }, 0},
		{"replace_sm", wire.Replace{MessageID: "7", Source: b, ScheduleDelivery: "s", Validity: "v", RegisteredDelivery: 1,
			DefaultMessageID: 2, ShortMessage: []byte("new")}, func(f wire.Frame) (any, error) { return wire.DecodeReplace(f) }, 0},
		{"outbind", wire.OutbindRequest{SystemID: "smsc", Password: "pw"},
			func(f wire.Frame) (any, error) { return wire.DecodeOutbind(f) }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := tt.pdu.Encode(wire.Header{Command: 1, Sequence: 2})
			if err != nil {
				t.Fatal(err)
			}
			body := raw[wire.HeaderLen:]
			got, err := tt.decode(wire.Frame{Body: body})
			if err != nil || !reflect.DeepEqual(got, tt.pdu) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.pdu)
			}
			for n := range len(body) - tt.tail {
				if _, err := tt.decode(wire.Frame{Body: body[:n]}); !errors.Is(err, wire.ErrMalformed) {
					t.Errorf("cut to %d of %d octets: %v", n, len(body), err)
				}
			}
		})
	}
	if _, err := wire.DecodeMulti(wire.Frame{Body: []byte("\x00\x00\x00a\x00\x01\x07")}); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("dest_flag 7: %v", err)
	}
	if _, err := (&wire.Multi{Dests: make([]wire.Address, 255)}).Encode(wire.Header{}); err == nil {
		t.Error("255 destinations were written")
	}
}

func TestStatusNames(t *testing.T) {
	for in, want := range map[string]wire.Status{
		"ESME_RTHROTTLED": 0x58, "rthrottled": 0x58, "Throttled": 0x58, "0x58": 0x58, "88": 0x58, "ESME_ROK": 0, "ok": 0, "0x403": 0x403,
	} {
		if got, err := wire.ParseStatus(in); err != nil || got != want {
			t.Errorf("%s is %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "nonsense", "-1", "0x1FFFFFFFF"} {
		if got, err := wire.ParseStatus(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
	if a, b := wire.StatusThrottled.Name(), wire.Status(0x403).Name(); a != "ESME_RTHROTTLED" || b != "0x403" {
		t.Errorf("names %s, %s", a, b)
	}
}
