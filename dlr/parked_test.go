package dlr

import (
	"reflect"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// TestParkedIsReadByEveryVersion: what waits on PARKED is written as it always was, and comes back as it
// went, whatever octets its ids have.
func TestParkedIsReadByEveryVersion(t *testing.T) {
	code := 7
	at := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	p := parked{Query: Query{Link: "c", Rule: Auto, ID: "77", OtherID: "\xff1", Addresses: []string{"12345678"}, AnyNumber: true}, State: uint8(wire.Undeliverable),
		ErrorCode: &code, Parties: []string{"a", "b"}, Parts: PartsOne, Received: at}
	const written = `{"link":"c","rule":"auto","id":"77","addresses":["12345678"],"anyNumber":true,"otherId":"/zE=","state":5,"errorCode":7,` +
		`"parties":["a","b"],"parts":"one","received":"2026-11-26T10:00:00Z"}`
	if got := string(p.encode()); got != written {
		t.Errorf("written as\n%s, want\n%s", got, written)
	}
	for _, id := range []string{"77", "\xff\x00"} {
		p.ID = id
		got, err := decodeParked(p.encode())
		got.Other, got.IDHex = nil, ""
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%q came back as %+v, %v", id, got, err)
		}
	}
}
