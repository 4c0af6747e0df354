package conform_test

import (
	"testing"

	"github.com/otpgw/otpgw/smpp/smsc/conform"
	"github.com/otpgw/otpgw/smpp/wire"
)

// TestTableIsOfTheLayout: the table has each PDU and each optional parameter that package wire has, in the
// same order, and its rows are of the fields themselves, so that the two cannot differ. Only what a client
// asks is refused.
func TestTableIsOfTheLayout(t *testing.T) {
	layouts := wire.Layouts()
	if len(layouts) != len(conform.PDUs) {
		t.Fatalf("%d PDUs, the layout has %d", len(conform.PDUs), len(layouts))
	}
	for i, p := range conform.PDUs {
		l := wire.LayoutOf(layouts[i].Command)
		if p.Layout != l || len(p.Fields) != len(l.Fields) {
			t.Errorf("row %d is %s with %d fields, the layout's %s with %d", i, p.Name, len(p.Fields), l.Name, len(l.Fields))
			continue
		}
		for j, f := range p.Fields {
			if f.Field != &l.Fields[j] {
				t.Errorf("%s: field %d is %s, not the layout's", p.Name, j, f.Name)
			}
			if (len(f.Refuses) > 0 || f.TooLong != 0) && (p.Direction == conform.Sent || p.Command&wire.ResponseBit != 0) {
				t.Errorf("%s: %s is sent, or in a response, and refused", p.Name, f.Name)
			}
		}
	}
	parameters := wire.Parameters()
	if len(parameters) != len(conform.TLVs) {
		t.Fatalf("%d optional parameters, the layout has %d", len(conform.TLVs), len(parameters))
	}
	for i, row := range conform.TLVs {
		if row.Parameter != wire.ParameterOf(parameters[i].Tag) {
			t.Errorf("row %d is 0x%04X, the layout's 0x%04X", i, row.Tag, parameters[i].Tag)
		}
	}
}
