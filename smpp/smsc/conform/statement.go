package conform

import (
	"fmt"
	"io"

	"github.com/otpgw/otpgw/smpp/internal/pics"
)

// Statement writes the conformance statement of the table: each PDU, each field, what is done with it, and
// what is refused with which command_status.
func Statement(w io.Writer, title string) error {
	s := pics.Statement{Title: title,
		Note: "A wrong size is refused with ESME_RINVPARLEN, a parameter in a PDU that does not have it with ESME_ROPTPARNOTALLWD."}
	for _, p := range PDUs {
		row := pics.PDU{Layout: p.Layout, Direction: p.Direction, Does: p.Does}
		for i := range p.Fields {
			f := &p.Fields[i]
			row.Rows = append(row.Rows, pics.Row{Field: f.Field, Does: f.Does, Refused: f.refusals()})
		}
		s.PDUs = append(s.PDUs, row)
	}
	for _, t := range TLVs {
		row := pics.Parameter{Parameter: t.Parameter, In: t.In.names(), Does: t.Does}
		if t.Most > 0 {
			row.Refused = fmt.Sprintf("over %d: %s", t.Most, invValue.Name())
		}
		s.Parameters = append(s.Parameters, row)
	}
	return s.Write(w)
}

func (f *Field) refusals() (list []string) {
	if f.TooLong != 0 {
		list = append(list, "longer: "+f.TooLong.Name())
	}
	for _, r := range f.Refuses {
		list = append(list, r.What+": "+r.Status.Name())
	}
	return list
}

func (u Uses) names() (names []string) {
	for _, n := range []struct {
		use  Uses
		name string
	}{
		{InSubmit, "submit_sm"}, {InMulti, "submit_multi"}, {InData, "data_sm"}, {InDeliver, "deliver_sm"}, {InBindResp, "bind responses"},
	} {
		if u&n.use != 0 {
			names = append(names, n.name)
		}
	}
	return names
}
