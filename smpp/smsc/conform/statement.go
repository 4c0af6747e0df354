package conform

import (
	"fmt"
	"io"
	"strings"
)

// Statement writes the conformance statement of a table of PDUs and optional parameters, as Markdown that is read as plain
// text too: each PDU, each field, what is done with it, and what is refused with which command_status.
func Statement(w io.Writer, title string, pdus []PDU, tlvs []TLV) error {
	out := &printer{w: w}
	out.line("# " + title)
	out.line("")
	out.line("By SMPP 3.4, issue 1.2; sections in brackets. Sizes are in octets, of strings with their NUL.")
	for _, p := range pdus {
		out.pdu(p)
	}
	out.line("")
	out.line("## Optional parameters")
	out.line("")
	out.line("A wrong size is refused with ESME_RINVPARLEN, a parameter in a PDU that does not have it with ESME_ROPTPARNOTALLWD.")
	out.line("")
	out.line("| tag | parameter | octets | in | what is done | refused |")
	out.line("|---|---|---|---|---|---|")
	for _, t := range tlvs {
		out.tlv(t)
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
	if len(p.Fields) == 0 {
		return
	}
	o.line("")
	o.line("| field | octets | what is done | refused |")
	o.line("|---|---|---|---|")
	for _, f := range p.Fields {
		o.line("| %s [%s] | %s | %s | %s |", f.Name, f.Section, f.size(), f.Does, strings.Join(f.refusals(), "; "))
	}
}

func (f *Field) size() string {
	switch f.Kind {
	case CString:
		return fmt.Sprintf("1 to %d", f.Max)
	case Octets:
		return "0 to 254"
	case Dests, Refused:
		return "a list"
	}
	return "1"
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

func (o *printer) tlv(t TLV) {
	size := fmt.Sprint(t.Min)
	if t.Max != t.Min {
		size = fmt.Sprintf("%d to %d", t.Min, t.Max)
	}
	in := "none"
	if names := t.In.names(); len(names) > 0 {
		in = strings.Join(names, ", ")
	}
	does, refused := t.Does, ""
	if does == "" {
		does = "is not used"
	}
	if t.Most > 0 {
		refused = fmt.Sprintf("over %d: %s", t.Most, invValue.Name())
	}
	o.line("| 0x%04X | %s [%s] | %s | %s | %s | %s |", t.Tag, t.Name, t.Section, size, in, does, refused)
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

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
