package behave

import (
	"testing"

	"github.com/otpgw/otpgw/smpp/wire"
)

// TestStatesAreThoseOfTheWire: the words that receipts may have are those of message_state, each with its
// number, and no others.
func TestStatesAreThoseOfTheWire(t *testing.T) {
	all := States()
	for n := wire.Enroute; n <= wire.Rejected; n++ {
		if len(all) < int(n) || string(all[n-1]) != n.String() {
			t.Fatalf("%v: number %d should be %s", all, n, n)
		}
		if code, ok := all[n-1].Code(); !ok || code != n {
			t.Errorf("%s is number %d, %t; want %d", all[n-1], code, ok, n)
		}
	}
	if code, ok := State("ODD").Code(); ok || len(all) != int(wire.Rejected) {
		t.Errorf("%d states; ODD is number %d", len(all), code)
	}
}
