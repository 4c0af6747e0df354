package conform

import (
	"slices"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Kind is how a field is written (SMPP 3.4, 3.1).
type Kind int

// The kinds of field.
const (
	Integer Kind = iota // one octet
	CString             // octets that end with a NUL
	Length              // one octet: how many octets of the next field there are
	Octets              // as many as Length said
	Dests               // the list of a submit_multi: number_of_dests, and as many destinations
	Refused             // the list of its response: no_unsuccess, and as many destinations with a status
)

// Field is one row: a mandatory field of a PDU.
type Field struct {
	Name    string
	Section string // of SMPP 3.4
	Kind    Kind
	Max     int         // octets of a CString with its NUL
	TooLong wire.Status // what a longer one is refused with
	Does    string      // what the simulator does with the value; of a PDU that it sends, what it writes
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
type Direction string

// The directions.
const (
	Received Direction = "received"
	Sent     Direction = "sent"
	Both     Direction = "both"
)

// PDU is a PDU of the specification with its fields.
type PDU struct {
	Command   wire.Command
	Name      string
	Section   string
	Direction Direction
	Does      string
	Fields    []Field
}

// state is what a check knows of the fields in front of the one it looks at.
type state struct {
	now       time.Time
	ton, npi  byte
	scheduled time.Time
	length    int
}

// Layout is the fields of a PDU's body in their order; not ok for a command of no known body.
func Layout(c wire.Command) (fields []Field, ok bool) {
	p := byCommand[c]
	if p == nil {
		return nil, false
	}
	return p.Fields, true
}

var byCommand = func() map[wire.Command]*PDU {
	m := make(map[wire.Command]*PDU)
	for i := range PDUs {
		m[PDUs[i].Command] = &PDUs[i]
	}
	return m
}()

// Name is the specification's name of a command; not ok when it has none.
func Name(c wire.Command) (string, bool) {
	p := byCommand[c]
	if p == nil {
		return "", false
	}
	return p.Name, true
}

// join is the fields of several in a row.
func join(parts ...[]Field) []Field { return slices.Concat(parts...) }
