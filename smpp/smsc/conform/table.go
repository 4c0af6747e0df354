package conform

import (
	"fmt"
	"slices"
	"time"

	"github.com/otpgw/otpgw/smpp/internal/pics"
	"github.com/otpgw/otpgw/smpp/wire"
)

// PDU is a PDU of the specification, and what the simulator does with it: Layout is how it is written, which
// stands in package wire, Fields are its fields with their rules, in the same order.
type PDU struct {
	*wire.Layout
	Direction Direction
	Does      string
	Fields    []Field
}

// Field is a mandatory field with its rule.
type Field struct {
	*wire.Field
	TooLong wire.Status // what a longer string is refused with
	Does    string      // what the simulator does with the value; of a PDU that it sends, what it writes
	Refuses []Refusal
}

// rule is one row: a Field by its name, before it is put to the layout.
type rule struct {
	Name    string
	TooLong wire.Status
	Does    string
	Refuses []Refusal
}

// Refusal is a value that is refused.
type Refusal struct {
	What    string
	Status  wire.Status
	Example []byte // a value that is; of a CString without its NUL
	bad     func(s *state, v []byte) bool
}

// Direction is which way a PDU goes.
type Direction = pics.Direction

// The directions.
const (
	Received = pics.Received
	Sent     = pics.Sent
	Both     = pics.Both
)

// row is a PDU before its rules are put to its layout.
type row struct {
	Command   wire.Command
	Direction Direction
	Does      string
	Rules     []rule // none: nothing is said of its fields
}

// build puts rules to the fields they are of. A rule that is of none, or out of order, is a fault of the
// table.
func build(rows []row) (list []PDU) {
	for _, r := range rows {
		p := PDU{Layout: wire.LayoutOf(r.Command), Direction: r.Direction, Does: r.Does}
		for i := range p.Layout.Fields {
			f := Field{Field: &p.Layout.Fields[i]}
			if r.Rules != nil {
				rule := r.Rules[i]
				if rule.Name != f.Name || len(r.Rules) != len(p.Layout.Fields) {
					panic(fmt.Sprintf("conform: the rules of %s do not fit its layout at %s", p.Name, f.Name))
				}
				f.TooLong, f.Does, f.Refuses = rule.TooLong, rule.Does, rule.Refuses
			}
			p.Fields = append(p.Fields, f)
		}
		list = append(list, p)
	}
	return list
}

// state is what a check knows of the fields in front of the one it looks at.
type state struct {
	now       time.Time
	ton, npi  byte
	scheduled time.Time
	length    int
}

var byCommand = func() map[wire.Command]*PDU {
	m := make(map[wire.Command]*PDU)
	for i := range PDUs {
		m[PDUs[i].Command] = &PDUs[i]
	}
	return m
}()

// join is the rules of several in a row.
func join(parts ...[]rule) []rule { return slices.Concat(parts...) }
