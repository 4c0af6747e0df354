// Package pics writes protocol implementation conformance statements: what a program does with each PDU and
// field of SMPP 3.4, as Markdown that is read as plain text too. The rows are made of the tables that the
// program itself follows; names, sizes and sections are the layout's (package wire).
package pics

import (
	"fmt"
	"io"
	"strings"

	"github.com/otpgw/otpgw/smpp/wire"
)

// Direction is which way a PDU goes.
type Direction string

// The directions.
const (
	Received Direction = "received"
	Sent     Direction = "sent"
	Both     Direction = "both"
)

// PDU is a PDU of the statement.
type PDU struct {
	*wire.Layout
	Direction Direction
	Does      string
	Rows      []Row // its fields, in order
}

// Row is a mandatory field.
type Row struct {
	*wire.Field
	Does    string
	Refused []string // what is refused, with its status
}

// Parameter is an optional parameter.
type Parameter struct {
	*wire.Parameter
	In      []string // the PDUs that have it
	Does    string   // empty: it is not used
	Refused string
}

// Statement is a whole one.
type Statement struct {
	Title      string
	PDUs       []PDU
	Note       string // above the optional parameters
	Parameters []Parameter
}

// Write writes it.
func (s *Statement) Write(w io.Writer) error {
	out := &printer{w: w}
	out.line("# " + s.Title)
	out.line("")
	out.line("By SMPP 3.4, issue 1.2; sections in brackets. Sizes are in octets, of strings with their NUL.")
	for _, p := range s.PDUs {
		out.pdu(p)
	}
	out.line("")
	out.line("## Optional parameters")
	out.line("")
	out.line("%s", s.Note)
	out.line("")
	out.line("| tag | parameter | octets | in | what is done | refused |")
	out.line("|---|---|---|---|---|---|")
	for _, p := range s.Parameters {
		out.parameter(p)
	}
	return out.err
}

// printer writes lines until one fails.
type printer struct {
	w   io.Writer
	err error
}

func (o *printer) line(format string, args ...any) {
	if o.err == nil {
		_, o.err = fmt.Fprintf(o.w, format+"\n", args...)
	}
}

func (o *printer) pdu(p PDU) {
	o.line("")
	o.line("## %s [%s], 0x%08X: %s", p.Name, p.Section, uint32(p.Command), p.Direction)
	if p.Does != "" {
		o.line("")
		o.line("%s.", upperFirst(p.Does))
	}
	if len(p.Rows) == 0 {
		return
	}
	o.line("")
	o.line("| field | octets | what is done | refused |")
	o.line("|---|---|---|---|")
	for _, r := range p.Rows {
		o.line("| %s [%s] | %s | %s | %s |", r.Name, r.Section, size(r.Field), r.Does, strings.Join(r.Refused, "; "))
	}
}

// size is the octets of a field.
func size(f *wire.Field) string {
	switch f.Kind {
	case wire.CString:
		return fmt.Sprintf("1 to %d", f.Max)
	case wire.Octets:
		return fmt.Sprintf("0 to %d", f.Max)
	case wire.Count:
		return "a list"
	case wire.Uint32:
		return "4"
	}
	return "1"
}

func (o *printer) parameter(p Parameter) {
	size := fmt.Sprint(p.Min)
	if p.Max != p.Min {
		size = fmt.Sprintf("%d to %d", p.Min, p.Max)
	}
	in, does := "none", "is not used"
	if len(p.In) > 0 {
		in = strings.Join(p.In, ", ")
	}
	if p.Does != "" {
		does = p.Does
	}
	o.line("| 0x%04X | %s [%s] | %s | %s | %s | %s |", p.Tag, p.Name, p.Section, size, in, does, p.Refused)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
